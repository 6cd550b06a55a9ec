//! The sink pad: buffers to the workers, events into the output, queries answered or put in their turn.

use std::sync::Arc;

use gst::{prelude::*, subclass::prelude::*};

use super::{
    imp::{CAT, EvDetect},
    item::{Barrier, Item},
    running::Running,
    submit::{self, Refusal},
};
use crate::{
    framepool::{self, Offer, StreamFormat},
    glue::lock,
};

impl EvDetect {
    pub(super) fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let running = self.running().ok_or(gst::FlowError::Flushing)?;
        if running.change_now() {
            self.announce_latency(running.latency());
        }
        match submit::accept(&running, buffer, || self.is_live()) {
            Ok(None) => Ok(gst::FlowSuccess::Ok),
            Ok(Some(why)) => {
                gst::element_imp_warning!(self, gst::StreamError::Format, ("frames pass un-analysed: {why}"));
                Ok(gst::FlowSuccess::Ok)
            }
            Err(Refusal::Flow(flow)) => Err(flow),
            Err(Refusal::Fatal(sentence)) => {
                gst::element_imp_error!(self, gst::CoreError::Failed, ("{sentence}"));
                Err(gst::FlowError::Error)
            }
        }
    }

    pub(super) fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        let Some(running) = self.running() else {
            return gst::Pad::event_default(pad, Some(&*self.obj()), event);
        };
        match event.view() {
            gst::EventView::FlushStart(_) => return self.flush_start(&running, event),
            gst::EventView::FlushStop(_) => return self.flush_stop(&running, event),
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
        lock(&running.health).flushed();
        let passed = self.srcpad.push_event(event);
        self.resume(running) && passed
    }

    fn negotiate(&self, running: &Running, caps: &gst::CapsRef) -> bool {
        match StreamFormat::from_caps(caps) {
            Ok(format) => {
                gst::debug!(CAT, imp = self, "{:?} {:?}", format.format, format.color);
                lock(&running.stream).format = Some(Arc::new(format));
                self.announce_latency(running.latency());
                true
            }
            // `explain_refusal` has told the user.
            Err(_) => false,
        }
    }

    /// Says why caps are refused. A probe calls this: GStreamer checks caps before an element sees their event, and
    /// then the user reads `not-negotiated` of some element upstream.
    pub(super) fn explain_refusal(&self, event: &gst::Event) {
        let gst::EventView::Caps(caps) = event.view() else { return };
        if let Err(why) = StreamFormat::from_caps(caps.caps()) {
            gst::element_imp_error!(self, gst::StreamError::Format, ("{why}"));
        }
    }

    pub(super) fn announce_latency(&self, latency: gst::ClockTime) {
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
            Err(flow) if is_eos => self.end_after(flow, event),
            Err(flow) if is_sticky && flow != gst::FlowError::Flushing => {
                self.keep_sticky_events(vec![Item::Event(event)], flow);
                true
            }
            Err(_) => is_sticky,
        }
    }

    pub(super) fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
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

    fn offer_memory(&self, running: &Running, query: &mut gst::query::Allocation) -> bool {
        let offer = framepool::offer(query, || running.arena(|| self.is_live()).clone());
        match &offer {
            Offer::Pool => gst::debug!(CAT, imp = self, "offered a pool"),
            Offer::NoPool(why) => gst::warning!(CAT, imp = self, "frames will be copied: {why}"),
            Offer::NotWanted => gst::debug!(CAT, imp = self, "offered to read video metas"),
            Offer::Refused(why) => gst::debug!(CAT, imp = self, "no memory offered: {why}"),
        }
        !matches!(offer, Offer::Refused(_))
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
