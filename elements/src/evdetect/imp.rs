//! GObject glue: pads, properties, states. What comes in through the sink pad stands in `sink.rs`, what leaves
//! in `src.rs`.

use std::sync::{Arc, LazyLock, Mutex};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::{
    load::{self, Loaded},
    running::Running,
    settings::Settings,
    specs::param_specs,
    stats::Snapshot,
    swap::{self, Swapper},
};
use crate::{
    framepool::FORMATS,
    glue::{self, lock},
};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-evdetect",
        gst::DebugColorFlags::empty(),
        Some("evdetect: frames into WebAssembly modules and their way out"),
    )
});

pub struct EvDetect {
    pub(super) sinkpad: gst::Pad,
    pub(super) srcpad: gst::Pad,
    settings: Mutex<Settings>,
    loaded: Mutex<Option<Arc<Loaded>>>,
    running: Mutex<Option<Arc<Running>>>,
    pub(super) swapper: Swapper,
    /// What `stats` shows while nothing runs.
    last_stats: Mutex<Snapshot>,
    /// What was last told upstream's pipeline.
    pub(super) latency: Mutex<Option<gst::ClockTime>>,
}

#[glib::object_subclass]
impl ObjectSubclass for EvDetect {
    const NAME: &'static str = "GstEvDetect";
    type Type = super::EvDetect;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        Self {
            sinkpad: sinkpad(class),
            srcpad: srcpad(class),
            settings: Mutex::default(),
            loaded: Mutex::default(),
            running: Mutex::default(),
            swapper: Swapper::default(),
            last_stats: Mutex::default(),
            latency: Mutex::default(),
        }
    }
}

fn sinkpad(class: &<EvDetect as ObjectSubclass>::Class) -> gst::Pad {
    let template = class.pad_template("sink").expect("the template stands below");
    let pad = gst::Pad::builder_from_template(&template)
        .chain_function(|_, parent, buffer| {
            EvDetect::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |imp| imp.chain(buffer))
        })
        .event_function(|pad, parent, event| {
            EvDetect::catch_panic_pad_function(parent, || false, |imp| imp.sink_event(pad, event))
        })
        .query_function(|pad, parent, query| {
            EvDetect::catch_panic_pad_function(parent, || false, |imp| imp.sink_query(pad, query))
        })
        .activatemode_function(|_, parent, mode, active| {
            let failed = || Err(gst::loggable_error!(CAT, "panic while the sink pad was activated"));
            EvDetect::catch_panic_pad_function(parent, failed, |imp| imp.activate_sink(mode, active))
        })
        .flags(gst::PadFlags::PROXY_CAPS)
        .build();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, explain_refusal);
    pad
}

fn explain_refusal(pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>) -> gst::PadProbeReturn {
    let element = pad.parent().and_downcast::<super::EvDetect>();
    if let (Some(element), Some(event)) = (element, info.event()) {
        element.imp().explain_refusal(event);
    }
    gst::PadProbeReturn::Ok
}

fn srcpad(class: &<EvDetect as ObjectSubclass>::Class) -> gst::Pad {
    let template = class.pad_template("src").expect("the template stands below");
    gst::Pad::builder_from_template(&template)
        .event_function(|pad, parent, event| {
            EvDetect::catch_panic_pad_function(parent, || false, |imp| imp.src_event(pad, event))
        })
        .query_function(|pad, parent, query| {
            EvDetect::catch_panic_pad_function(parent, || false, |imp| imp.src_query(pad, query))
        })
        .activatemode_function(|_, parent, mode, active| {
            let failed = || Err(gst::loggable_error!(CAT, "panic while the src pad was activated"));
            EvDetect::catch_panic_pad_function(parent, failed, |imp| imp.activate_src(mode, active))
        })
        .flags(gst::PadFlags::PROXY_CAPS)
        .build()
}

impl ObjectImpl for EvDetect {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(param_specs);
        &SPECS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn dispatch_properties_changed(&self, pspecs: &[glib::ParamSpec]) {
        self.parent_dispatch_properties_changed(pspecs);
        let names: Vec<&str> = pspecs.iter().map(glib::ParamSpec::name).collect();
        self.settings_changed(&names);
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| vec![swap::reload_signal()]);
        &SIGNALS
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let setting = lock(&self.settings).get(pspec.name());
        setting.unwrap_or_else(|| self.stats().to_structure().to_value())
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        element.add_pad(&self.sinkpad).expect("a new element has no pads");
        element.add_pad(&self.srcpad).expect("a new element has no src pad");
    }
}

impl GstObjectImpl for EvDetect {}

impl ElementImpl for EvDetect {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Sandboxed detector",
                "Filter/Analyzer/Video",
                "Runs WebAssembly modules on video frames without copying them and attaches what they find",
                "The edgevision developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_video::VideoCapsBuilder::new().format_list(FORMATS).build();
            glue::filter_pads(&caps)
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady => drop(self.load()?),
            gst::StateChange::ReadyToPaused => self.start()?,
            _ => (),
        }
        let changed = self.parent_change_state(transition);
        match (transition, &changed) {
            (gst::StateChange::PausedToReady, _) | (gst::StateChange::ReadyToPaused, Err(_)) => self.stop(),
            (gst::StateChange::ReadyToNull, _) => *lock(&self.loaded) = None,
            _ => (),
        }
        changed
    }
}

// States.
impl EvDetect {
    /// Loads what the properties say; what is loaded and unchanged is taken over.
    fn load(&self) -> Result<Arc<Loaded>, gst::StateChangeError> {
        let known = self.loaded();
        let (settings, camera) = (self.settings(), self.camera());
        if let Some(known) =
            known.as_ref().filter(|known| known.settings == settings && known.camera == camera)
        {
            return Ok(known.clone());
        }
        let loaded = load::load(settings, camera, known.as_deref()).map_err(|sentence| {
            gst::element_imp_error!(self, gst::ResourceError::Settings, ("{sentence}"));
            gst::StateChangeError
        })?;
        gst::info!(CAT, imp = self, "{}", loaded.summary());
        let loaded = Arc::new(loaded);
        self.set_loaded(loaded.clone());
        Ok(loaded)
    }

    /// Properties may have changed in READY, or while frames flowed and been refused then.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let loaded = self.load()?;
        *lock(&self.latency) = None;
        *lock(&self.running) = Some(Arc::new(Running::new(loaded)));
        Ok(())
    }

    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    /// As in reports: the property, else the element's name.
    pub(super) fn camera(&self) -> Arc<str> {
        match lock(&self.settings).camera.as_str() {
            "" => self.obj().name().as_str().into(),
            name => name.into(),
        }
    }

    pub(super) fn loaded(&self) -> Option<Arc<Loaded>> {
        lock(&self.loaded).clone()
    }

    pub(super) fn set_loaded(&self, loaded: Arc<Loaded>) {
        *lock(&self.loaded) = Some(loaded);
    }

    /// The pads are inactive, so nobody else holds what runs: dropping it here waits for the workers.
    fn stop(&self) {
        let Some(running) = lock(&self.running).take() else { return };
        drop(running.close(gst::FlowError::Flushing));
        // The end of a flush may have started it again after the src pad was deactivated.
        if let Err(error) = self.srcpad.stop_task() {
            gst::debug!(CAT, imp = self, "task not stopped: {error}");
        }
        *lock(&self.last_stats) = running.snapshot();
        drop(running);
    }

    pub(super) fn running(&self) -> Option<Arc<Running>> {
        lock(&self.running).clone()
    }

    fn stats(&self) -> Snapshot {
        self.running().map_or_else(|| lock(&self.last_stats).clone(), |running| running.snapshot())
    }
}

// Pads.
impl EvDetect {
    fn activate_sink(&self, mode: gst::PadMode, active: bool) -> Result<(), gst::LoggableError> {
        if mode != gst::PadMode::Push {
            return Err(gst::loggable_error!(CAT, "only push mode is supported"));
        }
        if let Some(running) = self.running() {
            match active {
                true => running.open(),
                // Releases a chain function that waits for room; the pad then waits for it to return.
                false => drop(running.close(gst::FlowError::Flushing)),
            }
        }
        Ok(())
    }

    fn activate_src(&self, mode: gst::PadMode, active: bool) -> Result<(), gst::LoggableError> {
        if mode != gst::PadMode::Push {
            return Err(gst::loggable_error!(CAT, "only push mode is supported"));
        }
        let Some(running) = self.running() else { return Ok(()) };
        if active {
            running.open();
            self.start_task().map_err(Into::into)
        } else {
            drop(running.close(gst::FlowError::Flushing));
            self.srcpad.stop_task().map_err(Into::into)
        }
    }

    pub(super) fn start_task(&self) -> Result<(), glib::BoolError> {
        let element = self.obj().downgrade();
        self.srcpad.start_task(move || {
            if let Some(element) = element.upgrade() {
                element.imp().push_next();
            }
        })
    }

    pub(super) fn pause_task(&self) {
        if let Err(error) = self.srcpad.pause_task() {
            gst::debug!(CAT, imp = self, "task not paused: {error}");
        }
    }

    pub(super) fn is_live(&self) -> bool {
        let mut query = gst::query::Latency::new();
        self.sinkpad.peer_query(&mut query) && query.result().0
    }
}
