//! GObject glue: pads, properties, states. What is done with a frame stands in the files beside this one.

use std::sync::{Arc, LazyLock, Mutex};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_video::VideoMeta;

use super::{
    complete::{Warning, complete},
    load::{self, Loaded},
    negotiate::{FORMATS, StreamFormat},
    output::{Barrier, Item},
    running::{Running, lock},
    settings::{Settings, param_specs},
    stats::Snapshot,
    submit::{self, Refusal},
};
use crate::framepool::{self, FramePool};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "evdetect",
        gst::DebugColorFlags::empty(),
        Some("detection in WebAssembly modules"),
    )
});

pub struct EvDetect {
    sinkpad: gst::Pad,
    srcpad: gst::Pad,
    settings: Mutex<Settings>,
    loaded: Mutex<Option<Arc<Loaded>>>,
    running: Mutex<Option<Arc<Running>>>,
    /// What `stats` shows while nothing runs.
    last_stats: Mutex<Snapshot>,
    latency: Mutex<Option<gst::ClockTime>>,
}

#[glib::object_subclass]
impl ObjectSubclass for EvDetect {
    const NAME: &'static str = "EdgevisionEvDetect";
    type Type = super::EvDetect;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        Self {
            sinkpad: sinkpad(class),
            srcpad: srcpad(class),
            settings: Mutex::default(),
            loaded: Mutex::default(),
            running: Mutex::default(),
            last_stats: Mutex::default(),
            latency: Mutex::default(),
        }
    }
}

fn sinkpad(class: &<EvDetect as ObjectSubclass>::Class) -> gst::Pad {
    let template = class.pad_template("sink").expect("the template stands below");
    gst::Pad::builder_from_template(&template)
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
        .build()
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
                "edgevision",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_video::VideoCapsBuilder::new().format_list(FORMATS).build();
            let always = gst::PadPresence::Always;
            let template = |name, direction| gst::PadTemplate::new(name, direction, always, &caps);
            [template("sink", gst::PadDirection::Sink), template("src", gst::PadDirection::Src)]
                .map(|template| template.expect("names and caps are valid"))
                .into()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady => self.load()?,
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
    fn load(&self) -> Result<(), gst::StateChangeError> {
        let settings = lock(&self.settings).clone();
        let camera = match settings.camera.as_str() {
            "" => self.obj().name().as_str().into(),
            name => name.into(),
        };
        let loaded = load::load(settings, camera).map_err(|sentence| {
            gst::element_imp_error!(self, gst::ResourceError::Settings, ["{sentence}"]);
            gst::StateChangeError
        })?;
        gst::info!(CAT, imp = self, "modules {:?}, model {:?}", loaded.modules, loaded.model);
        *lock(&self.loaded) = Some(Arc::new(loaded));
        Ok(())
    }

    fn start(&self) -> Result<(), gst::StateChangeError> {
        let loaded = lock(&self.loaded).clone().ok_or(gst::StateChangeError)?;
        *lock(&self.latency) = None;
        *lock(&self.running) = Some(Arc::new(Running::new(loaded)));
        Ok(())
    }

    /// The pads are inactive, so nobody else holds what runs: dropping it here waits for the workers.
    fn stop(&self) {
        let Some(running) = lock(&self.running).take() else { return };
        drop(running.close(gst::FlowError::Flushing));
        *lock(&self.last_stats) = running.snapshot();
        drop(running);
    }

    fn running(&self) -> Option<Arc<Running>> {
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

    fn start_task(&self) -> Result<(), glib::BoolError> {
        let element = self.obj().downgrade();
        self.srcpad.start_task(move || {
            if let Some(element) = element.upgrade() {
                element.imp().push_next();
            }
        })
    }

    fn pause_task(&self) {
        if let Err(error) = self.srcpad.pause_task() {
            gst::debug!(CAT, imp = self, "task not paused: {error}");
        }
    }

    fn is_live(&self) -> bool {
        let mut query = gst::query::Latency::new();
        self.sinkpad.peer_query(&mut query) && query.result().0
    }
}

// Sink pad.
impl EvDetect {
    fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let running = self.running().ok_or(gst::FlowError::Flushing)?;
        match submit::accept(&running, buffer, || self.is_live()) {
            Ok(None) => Ok(gst::FlowSuccess::Ok),
            Ok(Some(why)) => {
                gst::warning!(CAT, imp = self, "a frame passes un-analysed: {why}");
                Ok(gst::FlowSuccess::Ok)
            }
            Err(Refusal::Flow(flow)) => Err(flow),
            Err(Refusal::Fatal(sentence)) => {
                gst::element_imp_error!(self, gst::CoreError::Failed, ["{sentence}"]);
                Err(gst::FlowError::Error)
            }
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        let Some(running) = self.running() else {
            return gst::Pad::event_default(pad, Some(&*self.obj()), event);
        };
        match event.view() {
            gst::EventView::FlushStart(_) => return self.flush_start(&running, event),
            gst::EventView::FlushStop(_) => return self.flush_stop(&running, event),
            gst::EventView::StreamStart(_) => self.revive(&running, gst::FlowError::Eos),
            gst::EventView::Segment(segment) => {
                lock(&running.stream).segment = Some(segment.segment().clone());
            }
            gst::EventView::Caps(caps) if !self.negotiate(&running, caps.caps()) => return false,
            _ if !event.is_serialized() => return gst::Pad::event_default(pad, Some(&*self.obj()), event),
            _ => (),
        }
        self.enqueue(&running, event)
    }

    fn flush_start(&self, running: &Running, event: gst::Event) -> bool {
        let passed = self.srcpad.push_event(event);
        self.keep_sticky_events(running.close(gst::FlowError::Flushing), gst::FlowError::Flushing);
        self.pause_task();
        passed
    }

    fn flush_stop(&self, running: &Running, event: gst::Event) -> bool {
        lock(&running.stream).segment = None;
        let passed = self.srcpad.push_event(event);
        running.open();
        self.start_task().is_ok() && passed
    }

    /// After `flow` from downstream, something has happened that lets frames through again.
    fn revive(&self, running: &Running, flow: gst::FlowError) {
        if running.output.flow() == Err(flow) {
            running.open();
            if let Err(error) = self.start_task() {
                gst::warning!(CAT, imp = self, "task not started: {error}");
            }
        }
    }

    fn negotiate(&self, running: &Running, caps: &gst::CapsRef) -> bool {
        match StreamFormat::from_caps(caps) {
            Ok(format) => {
                gst::debug!(CAT, imp = self, "{:?} {:?}", format.format, format.color);
                lock(&running.stream).format = Some(Arc::new(format));
                self.announce_latency(running.latency());
                true
            }
            Err(why) => {
                gst::element_imp_error!(self, gst::StreamError::Format, ["{why}"]);
                false
            }
        }
    }

    fn announce_latency(&self, latency: gst::ClockTime) {
        if lock(&self.latency).replace(latency) != Some(latency) {
            let message = gst::message::Latency::builder().src(&*self.obj()).build();
            if let Err(error) = self.obj().post_message(message) {
                gst::debug!(CAT, imp = self, "latency message not posted: {error}");
            }
        }
    }

    /// Puts a serialized event into the output. A sticky one is not lost when downstream refuses data: the pad
    /// keeps it, and the next buffer tells upstream.
    fn enqueue(&self, running: &Running, event: gst::Event) -> bool {
        let (is_eos, is_sticky) = (event.type_() == gst::EventType::Eos, event.is_sticky());
        match running.output.push(Item::Event(event.clone())) {
            Ok(()) => true,
            Err(flow) if is_eos => {
                self.report_lost_eos(flow);
                false
            }
            Err(flow) if is_sticky && flow != gst::FlowError::Flushing => {
                self.keep_sticky_events(vec![Item::Event(event)], flow);
                true
            }
            Err(_) => is_sticky,
        }
    }

    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let Some(running) = self.running() else {
            return query.type_() != gst::QueryType::Allocation
                && gst::Pad::query_default(pad, Some(&*self.obj()), query);
        };
        if let gst::QueryViewMut::Allocation(query) = query.view_mut() {
            return self.offer_memory(&running, query);
        }
        if query.is_serialized() {
            return self.query_in_turn(&running, query);
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    /// Answers an ALLOCATION query with a pool over the camera's arena. `min` is 2 because encoders and converters
    /// want spare buffers; no maximum, because decoders that hold more frames than a maximum allows would hang.
    fn offer_memory(&self, running: &Running, query: &mut gst::query::Allocation) -> bool {
        const LEAST_BUFFERS: u32 = 2;
        let (caps, need_pool) = query.get_owned();
        let Some(caps) = caps else { return false };
        let format = match StreamFormat::from_caps(&caps) {
            Ok(format) => format,
            Err(why) => {
                gst::debug!(CAT, imp = self, "no memory offered: {why}");
                return false;
            }
        };
        query.add_allocation_meta::<VideoMeta>(None);
        if !need_pool {
            return true;
        }
        let arena = running.arena(|| self.is_live());
        if let Err(error) = arena.with_room(framepool::slot_bytes(format.format, &format.info)) {
            gst::warning!(CAT, imp = self, "frames will be copied: {error}");
            return true;
        }
        let Ok(size) = u32::try_from(format.info.size()) else { return true };
        let pool = FramePool::new(arena.clone());
        let mut config = pool.config();
        config.set_params(Some(&caps), size, LEAST_BUFFERS, 0);
        match pool.set_config(config) {
            Ok(()) => query.add_allocation_pool(Some(&pool), size, LEAST_BUFFERS, 0),
            Err(error) => gst::warning!(CAT, imp = self, "frames will be copied: {error}"),
        }
        gst::debug!(CAT, imp = self, "offered a pool for {caps}");
        true
    }

    /// A serialized query is answered downstream after everything that came before it has left.
    fn query_in_turn(&self, running: &Running, query: &mut gst::QueryRef) -> bool {
        let (barrier, reached, release) = Barrier::new();
        if running.output.push(Item::Barrier(barrier)).is_err() || reached.recv().is_err() {
            return false;
        }
        let answered = self.srcpad.peer_query(query);
        drop(release);
        answered
    }
}

// Src pad.
impl EvDetect {
    fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        if let (gst::EventView::Reconfigure(_), Some(running)) = (event.view(), self.running()) {
            self.revive(&running, gst::FlowError::NotLinked);
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let gst::QueryViewMut::Latency(query) = query.view_mut() else {
            return gst::Pad::query_default(pad, Some(&*self.obj()), query);
        };
        let mut upstream = gst::query::Latency::new();
        if !self.sinkpad.peer_query(&mut upstream) {
            return false;
        }
        let (live, min, max) = upstream.result();
        let own = self.running().map_or(gst::ClockTime::ZERO, |running| running.latency());
        query.set(live, min + own, max.map(|max| max.saturating_add(own)));
        true
    }

    /// One turn of the src pad's task.
    fn push_next(&self) {
        let Some(running) = self.running() else { return self.pause_task() };
        let Ok(item) = running.output.next() else { return self.pause_task() };
        if let Err(flow) = self.push_item(&running, item) {
            gst::debug!(CAT, imp = self, "downstream says {flow:?}");
            // A flush or the end of the pads has closed the output itself and knows better.
            if flow != gst::FlowError::Flushing {
                self.keep_sticky_events(running.close(flow), flow);
            }
            self.pause_task();
        }
    }

    fn push_item(&self, running: &Running, item: Item) -> Result<(), gst::FlowError> {
        match item {
            Item::Frame(finished) => {
                let seq = finished.frame.seq;
                let (buffer, warning) = complete(running, *finished);
                if let Some(Warning(sentence)) = warning {
                    gst::element_imp_warning!(self, gst::StreamError::Failed, ["{sentence}"]);
                }
                gst::trace!(CAT, imp = self, "frame {seq}: leaves");
                self.srcpad.push(buffer).map(drop)
            }
            Item::Event(event) => {
                gst::trace!(CAT, imp = self, "event {:?} leaves", event.type_());
                let kind = event.type_();
                if !self.srcpad.push_event(event) {
                    gst::debug!(CAT, imp = self, "event {kind:?} was refused downstream");
                }
                Ok(())
            }
            Item::Barrier(barrier) => {
                barrier.pass();
                Ok(())
            }
        }
    }

    /// Stores the sticky events among items that will not be pushed; a flush ends segments and streams.
    fn keep_sticky_events(&self, items: Vec<Item>, flow: gst::FlowError) {
        for item in items {
            let Item::Event(event) = item else { continue };
            match event.type_() {
                gst::EventType::Eos => self.report_lost_eos(flow),
                gst::EventType::Segment if flow == gst::FlowError::Flushing => (),
                _ if event.is_sticky() => {
                    if let Err(error) = self.srcpad.store_sticky_event(&event) {
                        gst::debug!(CAT, imp = self, "{:?} not kept: {error:?}", event.type_());
                    }
                }
                _ => (),
            }
        }
    }

    /// Upstream has nothing more to push and would not learn of the error, so nobody would end the pipeline.
    fn report_lost_eos(&self, flow: gst::FlowError) {
        if !matches!(flow, gst::FlowError::Flushing | gst::FlowError::Eos) {
            gst::element_imp_error!(
                self,
                gst::StreamError::Failed,
                ["the end of the stream is lost: downstream says {flow:?}"]
            );
        }
    }
}
