//! The src pad: its task pushes what is finished; latency and reconfiguration are answered here.

use gst::{prelude::*, subclass::prelude::*};

use super::{
    complete::{News, complete},
    health::{Change, State},
    imp::{CAT, EvDetect},
    item::Item,
    load::Loaded,
    running::Running,
};
use crate::glue::lock;

impl EvDetect {
    pub(super) fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        if let (gst::EventView::Reconfigure(_), Some(running)) = (event.view(), self.running()) {
            self.relink(&running);
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    pub(super) fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
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
    pub(super) fn push_next(&self) {
        let Some(running) = self.running() else { return self.pause_task() };
        let Ok(item) = running.output.next() else { return self.rest(&running) };
        match self.push_item(&running, item) {
            Ok(()) => self.follow_latency(&running),
            // The task goes on: it drops frames up to the next event that may pass.
            Err(gst::FlowError::Eos) => {
                gst::debug!(CAT, imp = self, "downstream wants no more");
                running.output.end();
            }
            Err(flow) => {
                gst::debug!(CAT, imp = self, "downstream says {flow:?}");
                self.keep_sticky_events(running.close(flow), flow);
                self.rest(&running);
            }
        }
    }

    fn follow_latency(&self, running: &Running) {
        if let Some(latency) = running.outgrown_latency(|| self.is_live()) {
            gst::info!(CAT, imp = self, "frames stay longer than planned: latency is {latency} now");
            self.announce_latency(latency);
        }
    }

    /// Pauses the task, unless somebody has opened the output since it was found closed.
    fn rest(&self, running: &Running) {
        let _turn = lock(&running.task_turn);
        if running.output.flow().is_err() {
            self.pause_task();
        }
    }

    /// Opens the output and starts the task.
    pub(super) fn resume(&self, running: &Running) -> bool {
        let _turn = lock(&running.task_turn);
        running.open();
        let started = self.start_task();
        if let Err(error) = &started {
            gst::warning!(CAT, imp = self, "task not started: {error}");
        }
        started.is_ok()
    }

    /// Downstream asks for new caps or buffers, as it does when it was linked: what came of an absent link is over.
    fn relink(&self, running: &Running) {
        if running.output.flow() == Err(gst::FlowError::NotLinked) {
            self.resume(running);
        }
    }

    fn push_item(&self, running: &Running, item: Item) -> Result<(), gst::FlowError> {
        match item {
            Item::Frame(finished) => {
                let seq = finished.frame.seq;
                let loaded = finished.frame.loaded.clone();
                let (buffer, News { change, swapped }) = complete(running, *finished);
                if swapped {
                    self.tell_swap(seq, &loaded);
                }
                if let Some(change) = change {
                    self.tell(&loaded, &change);
                }
                gst::log!(CAT, "{} frame {seq}: leaves", running.camera());
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
    pub(super) fn keep_sticky_events(&self, items: Vec<Item>, flow: gst::FlowError) {
        for item in items {
            let Item::Event(event) = item else { continue };
            match event.type_() {
                gst::EventType::Eos => drop(self.end_after(flow, event)),
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

    /// The end of the stream after downstream has refused data. It goes on nevertheless, so that sinks that wait for
    /// it end the pipeline. Who returns an error has posted it (so says GStreamer's contract); other refusals are
    /// posted here, because upstream has nothing more to push and would not learn of them.
    pub(super) fn end_after(&self, flow: gst::FlowError, eos: gst::Event) -> bool {
        if flow == gst::FlowError::Flushing {
            return false;
        }
        if !matches!(flow, gst::FlowError::Eos | gst::FlowError::Error) {
            gst::element_imp_error!(
                self,
                gst::StreamError::Failed,
                ("the end of the stream is lost: downstream says {flow:?}")
            );
        }
        self.srcpad.push_event(eos)
    }

    /// A message about the modules: a warning when they fail, an info when they have recovered.
    fn tell(&self, loaded: &Loaded, change: &Change) {
        let Change { state, status, seq, sentence } = change;
        let debug =
            format!("camera {}, modules {:?}, model {:?}", loaded.camera, loaded.modules, loaded.model);
        let details = details(&loaded.camera, loaded.modules.iter(), change);
        gst::debug!(CAT, imp = self, "frame {seq}: {status:?}, the modules are {}", state.as_str());
        match state {
            State::Ok => gst::element_imp_info!(
                self, gst::StreamError::Failed, ("{sentence}"), ["{debug}"], details: details
            ),
            State::Failing | State::Quarantined => gst::element_imp_warning!(
                self, gst::StreamError::Failed, ("{sentence}"), ["{debug}"], details: details
            ),
        }
    }
}

/// What programs read from a message about the modules.
fn details<'a>(camera: &str, modules: impl Iterator<Item = &'a String>, change: &Change) -> gst::Structure {
    gst::Structure::builder("edgevision-modules")
        .field("camera", camera)
        .field("state", change.state.as_str())
        .field("status", change.status.as_str())
        .field("frame", change.seq)
        .field("modules", gst::Array::new(modules))
        .build()
}
