//! The src pad: its task pushes what is finished; latency and reconfiguration are answered here.

use gst::{prelude::*, subclass::prelude::*};

use super::{
    complete::{Warning, complete},
    imp::{CAT, EvDetect},
    output::Item,
    running::Running,
};

impl EvDetect {
    pub(super) fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        if let (gst::EventView::Reconfigure(_), Some(running)) = (event.view(), self.running()) {
            self.revive(&running, gst::FlowError::NotLinked);
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
                    gst::element_imp_warning!(self, gst::StreamError::Failed, ("{sentence}"));
                }
                gst::log!(CAT, "{} frame {seq}: leaves", running.loaded.camera);
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

    /// The end of the stream after downstream has refused data. One that wants no more still waits for the end; after
    /// an error upstream has nothing more to push and would not learn of it, so nobody would end the pipeline.
    pub(super) fn end_after(&self, flow: gst::FlowError, eos: gst::Event) -> bool {
        match flow {
            gst::FlowError::Flushing => false,
            gst::FlowError::Eos => self.srcpad.push_event(eos),
            _ => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Failed,
                    ("the end of the stream is lost: downstream says {flow:?}")
                );
                false
            }
        }
    }
}
