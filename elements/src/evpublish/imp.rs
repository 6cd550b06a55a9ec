//! GObject glue of `evpublish`.

use std::{
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use edgevision_wasm_host::analysis::Status;
use gst::{
    glib::{self, subclass::Signal},
    prelude::*,
    subclass::prelude::*,
};
use gst_base::{prelude::*, subclass::prelude::*};

use super::{
    foreign::{self, Seen},
    record::{Record, Resolution},
    running::{Frame, Running, Stats},
    settings::{Settings, param_specs},
    structure::{Times, structure},
};
use crate::{
    detectionmeta,
    glue::{self, lock, unix_time_ns},
    publish::{self, Patience, Writer},
};

const NEW_DETECTIONS: &str = "new-detections";

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-evpublish",
        gst::DebugColorFlags::empty(),
        Some("evpublish: detection records"),
    )
});

/// Implementation of `evpublish`.
#[derive(Default)]
pub struct EvPublish {
    settings: Mutex<Settings>,
    /// From `start` to `stop`. Never held while a record is on its way: a handler may ask for properties.
    running: Mutex<Option<Running>>,
    /// A line that waits for its reader gives up: the element is to stop, or to flush.
    stopping: AtomicBool,
    /// What `stats` shows while nothing runs.
    last_stats: Mutex<Stats>,
}

#[glib::object_subclass]
impl ObjectSubclass for EvPublish {
    const NAME: &'static str = "GstEvPublish";
    type Type = super::EvPublish;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for EvPublish {
    fn constructed(&self) {
        self.parent_constructed();
        // Fillers have a report too; the base class would not show them.
        self.obj().set_gap_aware(true);
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(param_specs);
        &SPECS
    }

    fn signals() -> &'static [Signal] {
        static SIGNALS: LazyLock<Vec<Signal>> = LazyLock::new(|| {
            let arguments = [gst::Buffer::static_type(), gst::Structure::static_type()];
            vec![Signal::builder(NEW_DETECTIONS).param_types(arguments).run_last().build()]
        });
        &SIGNALS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let setting = lock(&self.settings).get(pspec.name());
        setting.unwrap_or_else(|| self.stats().to_structure().to_value())
    }
}

impl GstObjectImpl for EvPublish {}

impl ElementImpl for EvPublish {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Detection records",
                "Filter/Analyzer/Video",
                "Publishes detections as JSON Lines, bus messages and a signal",
                "The edgevision developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| glue::filter_pads(&gst::Caps::new_any()));
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        // Before the pads are stopped: that waits for a line that is being written.
        if transition == gst::StateChange::PausedToReady {
            self.stopping.store(true, Relaxed);
        }
        self.parent_change_state(transition)
    }
}

impl BaseTransformImpl for EvPublish {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.type_() {
            // It would wait for a line that waits for its reader.
            gst::EventType::FlushStart => self.stopping.store(true, Relaxed),
            gst::EventType::FlushStop => self.stopping.store(false, Relaxed),
            _ => (),
        }
        self.parent_sink_event(event)
    }

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let Settings { location, rotation, camera, .. } = lock(&self.settings).clone();
        let open = || publish::writer(&location, rotation);
        let writer = (!location.is_empty())
            .then(open)
            .transpose()
            .map_err(|error| gst::error_msg!(gst::ResourceError::OpenWrite, ("{error}")))?;
        let name = self.obj().name();
        let camera = if camera.is_empty() { name.as_str() } else { &camera };
        self.stopping.store(false, Relaxed);
        *lock(&self.running) = Some(Running::new(writer, camera));
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let Some(running) = lock(&self.running).take() else { return Ok(()) };
        *lock(&self.last_stats) = running.stats();
        if let Some(Err(error)) = running.writer.map(|writer| writer.flush()) {
            gst::warning!(CAT, imp = self, "the last records may not be on the disk yet: {error}");
        }
        Ok(())
    }

    fn set_caps(&self, caps: &gst::Caps, _same: &gst::Caps) -> Result<(), gst::LoggableError> {
        if let Some(running) = &mut *lock(&self.running) {
            running.resolution = Resolution::of_caps(caps);
        }
        Ok(())
    }

    fn transform_ip_passthrough(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let frame = lock(&self.running).as_mut().map(Running::frame);
        if let Some(frame) = frame {
            self.publish_all(buffer, &frame);
        }
        Ok(gst::FlowSuccess::Ok)
    }
}

impl EvPublish {
    /// The records of a frame: one for each detector of ours, one for all that others have found.
    fn publish_all(&self, buffer: &gst::Buffer, frame: &Frame) {
        let times = Times::of(buffer, &self.obj().segment());
        for report in detectionmeta::reports(buffer) {
            self.publish(buffer, &Record::of_report(&report), times);
        }
        let seen = Seen {
            camera: &frame.camera,
            seq: frame.seq,
            stream_time: times.stream_time,
            system_time_ns: unix_time_ns(),
            resolution: frame.resolution,
        };
        if let Some(record) = foreign::record(&seen, &detectionmeta::foreign_detections(buffer)) {
            self.publish(buffer, &record, times);
        }
    }

    fn publish(&self, buffer: &gst::Buffer, record: &Record<'_>, times: Times) {
        let (skipped, post, emit) = {
            let settings = lock(&self.settings);
            (settings.skipped, settings.post_messages, settings.emit_signals)
        };
        if record.status == Status::Skipped && !skipped {
            return;
        }
        gst::log!(
            CAT,
            imp = self,
            "frame {} of {}: {} objects",
            record.seq,
            record.camera,
            record.objects.len()
        );
        let writer = lock(&self.running).as_mut().and_then(Running::take_record);
        let emit = emit && self.has_handlers();
        if writer.is_none() && !post && !emit {
            return;
        }
        let json = record.to_json();
        if let Some(writer) = writer {
            self.write(&writer, &json);
        }
        if post || emit {
            self.announce(buffer, structure(record, &json, times), post, emit);
        }
    }

    fn write(&self, writer: &Writer, json: &str) {
        let patience = Patience { longest: self.patience(), give_up: &self.stopping };
        let Err(lost) = writer.write_line(json, patience) else { return };
        gst::debug!(CAT, imp = self, "{lost}");
        if lost.first && !self.stopping.load(Relaxed) {
            gst::element_imp_warning!(self, gst::ResourceError::Write, ("{lost}"));
        }
    }

    /// Tells the application. No lock is held: its handler may do with the element what it likes.
    fn announce(&self, buffer: &gst::Buffer, structure: gst::Structure, post: bool, emit: bool) {
        let element = self.obj();
        if post {
            let message = gst::message::Element::builder(structure.clone()).src(&*element).build();
            if element.post_message(message).is_err() {
                gst::debug!(CAT, imp = self, "nobody listens on the bus");
            }
        }
        if emit {
            element.emit_by_name::<()>(NEW_DETECTIONS, &[buffer, &structure]);
        }
    }

    fn has_handlers(&self) -> bool {
        static ID: LazyLock<Option<glib::subclass::SignalId>> =
            LazyLock::new(|| glib::subclass::SignalId::lookup(NEW_DETECTIONS, EvPublish::type_()));
        let may_be_blocked = false;
        ID.is_some_and(|id| glib::signal::signal_has_handler_pending(&*self.obj(), id, None, may_be_blocked))
    }

    /// How long a line may wait for its reader. Upstream is asked once, without a lock.
    fn patience(&self) -> Duration {
        let known = lock(&self.running).as_ref().and_then(Running::patience);
        known.unwrap_or_else(|| {
            let mut query = gst::query::Latency::new();
            let live = self.obj().sink_pad().peer_query(&mut query) && query.result().0;
            lock(&self.running).as_mut().map_or(Patience::LIVE, |running| running.set_live(live))
        })
    }

    fn stats(&self) -> Stats {
        lock(&self.running).as_ref().map_or_else(|| *lock(&self.last_stats), Running::stats)
    }
}
