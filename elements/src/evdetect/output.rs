//! Everything that will leave through the src pad, in the order in which it came: finished frames, frames that a
//! worker still has, events, and barriers where a query waits for its turn.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use edgevision_wasm_host::{
    analysis::Analysis,
    frame::Transfer,
    pool::{Reorder, Ticket},
};
use gst::FlowError;

use super::item::{Finished, Item, Waiting};

/// The queue in front of the src pad.
#[derive(Clone)]
pub struct Output(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    order: Reorder<Item>,
    waiting: HashMap<u64, (Ticket, Waiting)>,
    /// Frames that were given up.
    discarded: u64,
    /// What the src pad said last; the sink pad answers upstream with it.
    flow: Result<(), FlowError>,
    /// Downstream wants no more of this stream: frames are dropped up to the next event that begins or ends one.
    ended: bool,
    /// Such events inside.
    turns: usize,
    longest_stay: Duration,
}

impl State {
    /// Whether an item is let in. A new stream or segment lets frames through again, as it does for the pads
    /// themselves.
    fn admit(&mut self, item: &Item) -> Result<(), FlowError> {
        match (self.flow, item) {
            (Err(FlowError::Eos), item) if item.begins_anew() => self.flow = Ok(()),
            (Err(FlowError::Eos), Item::Event(_)) => (),
            (flow, _) => flow?,
        }
        self.turns += usize::from(item.is_turn());
        Ok(())
    }

    fn take(&mut self) -> Option<Item> {
        while self.ended {
            match self.order.skip()? {
                Some(item) if item.is_turn() => {
                    self.ended = false;
                    return Some(item);
                }
                Some(event @ Item::Event(_)) => return Some(event),
                Some(Item::Barrier(_)) => (),
                Some(Item::Frame(_)) | None => self.discarded += 1,
            }
        }
        self.order.pop()
    }

    fn clear(&mut self) -> Vec<Item> {
        (self.ended, self.turns) = (false, 0);
        self.waiting.clear();
        let places = self.order.len();
        let items = self.order.clear();
        let others = items.iter().filter(|item| !matches!(item, Item::Frame(_))).count();
        self.discarded += (places - others) as u64;
        items
    }
}

impl Default for Output {
    /// An output that is flushing until the src pad is activated.
    fn default() -> Self {
        let state = State {
            order: Reorder::default(),
            waiting: HashMap::new(),
            flow: Err(FlowError::Flushing),
            ended: false,
            turns: 0,
            longest_stay: Duration::ZERO,
            discarded: 0,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }
}

impl Output {
    /// Waits until fewer than `limit` items are inside. Err: what the src pad said.
    pub fn wait_for_room(&self, limit: usize) -> Result<(), FlowError> {
        let mut state = self.lock();
        while state.flow.is_ok() && state.order.len() >= limit {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.flow
    }

    /// Takes the next place for a frame whose result will come through [`Output::finish`].
    pub fn expect(&self, frame: Waiting) -> Result<(), FlowError> {
        let mut state = self.lock();
        state.flow?;
        let ticket = state.order.reserve();
        state.waiting.insert(frame.seq, (ticket, frame));
        Ok(())
    }

    /// Puts the result of a frame into its place. Results of frames that were flushed are ignored.
    pub fn finish(&self, seq: u64, transfer: Option<Transfer>, analysis: Analysis) {
        let mut state = self.lock();
        if let Some((ticket, frame)) = state.waiting.remove(&seq) {
            state.longest_stay = state.longest_stay.max(frame.since.elapsed());
            state.order.fill(ticket, Item::Frame(Box::new(Finished { frame, transfer, analysis })));
            self.0.changed.notify_all();
        }
    }

    /// Takes the next place. Events pass also when downstream wants no more frames.
    pub fn push(&self, item: Item) -> Result<(), FlowError> {
        let mut state = self.lock();
        state.admit(&item)?;
        state.order.push(item);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Waits for the item at the front. Err: there will be none until [`Output::open`].
    pub fn next(&self) -> Result<Item, FlowError> {
        let mut state = self.lock();
        loop {
            if state.flow != Err(FlowError::Eos) {
                state.flow?;
            }
            if let Some(item) = state.take() {
                state.turns -= usize::from(item.is_turn());
                self.0.changed.notify_all();
                return Ok(item);
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets items through again.
    pub fn open(&self) {
        self.lock().flow = Ok(());
    }

    /// Downstream wants no more frames: they are dropped, and refused, up to the next event that begins a stream
    /// or a segment. Events leave as before.
    pub fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if state.turns == 0 && state.flow.is_ok() {
            state.flow = Err(FlowError::Eos);
        }
        self.0.changed.notify_all();
    }

    /// Refuses everything with `flow`, wakes all who wait, and gives back what was inside.
    pub fn close(&self, flow: FlowError) -> Vec<Item> {
        let mut state = self.lock();
        state.flow = Err(flow);
        self.0.changed.notify_all();
        state.clear()
    }

    /// What the src pad said last.
    pub fn flow(&self) -> Result<(), FlowError> {
        self.lock().flow
    }

    /// The longest that a frame took from coming in to its result.
    pub fn longest_stay(&self) -> Duration {
        self.lock().longest_stay
    }

    /// Items inside.
    pub fn len(&self) -> usize {
        self.lock().order.len()
    }

    /// Frames that were given up by [`Output::close`] or after [`Output::end`].
    pub fn discarded(&self) -> u64 {
        self.lock().discarded
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use edgevision_wasm_host::analysis::{Status, Timings};

    use super::super::item::Barrier;
    use super::*;

    fn frame(seq: u64) -> Waiting {
        gst::init().unwrap();
        let buffer = gst::Buffer::new();
        let since = Instant::now();
        Waiting {
            loaded: crate::evdetect::load::tests::probe(""),
            buffer,
            seq,
            since,
            timestamp_ns: None,
            system_time_ns: 0,
            width: 1,
            height: 1,
            bytes_copied: 0,
        }
    }

    fn analysis() -> Analysis {
        let (detections, timings) = (Vec::new(), Timings::default());
        Analysis {
            status: Status::Ok,
            detections,
            tensors: Vec::new(),
            timings,
            bytes_copied: 0,
            message: None,
        }
    }

    fn open() -> Output {
        gst::init().unwrap();
        let output = Output::default();
        output.open();
        output
    }

    fn next_seq(output: &Output) -> Option<u64> {
        match output.next().unwrap() {
            Item::Frame(finished) => Some(finished.frame.seq),
            _ => None,
        }
    }

    #[test]
    fn frames_and_events_leave_in_the_order_in_which_they_came() {
        let output = open();
        output.expect(frame(0)).unwrap();
        output.push(Item::Event(gst::event::Eos::new())).unwrap();
        output.expect(frame(1)).unwrap();
        output.finish(1, None, analysis());
        output.finish(0, None, analysis());
        assert_eq!([next_seq(&output), next_seq(&output), next_seq(&output)], [Some(0), None, Some(1)]);
        assert_eq!(output.len(), 0);
    }

    #[test]
    fn a_full_output_waits_and_is_woken_by_a_leaving_item_or_a_flush() {
        let output = open();
        output.push(Item::Event(gst::event::Eos::new())).unwrap();
        let waiter = output.clone();
        let thread = std::thread::spawn(move || waiter.wait_for_room(1));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!thread.is_finished());
        output.next().unwrap();
        assert_eq!(thread.join().unwrap(), Ok(()));

        output.expect(frame(0)).unwrap();
        let waiter = output.clone();
        let thread = std::thread::spawn(move || waiter.wait_for_room(1));
        std::thread::sleep(Duration::from_millis(20));
        assert!(output.close(FlowError::Flushing).is_empty(), "an unfinished frame is given up");
        assert_eq!(output.discarded(), 1);
        assert_eq!(thread.join().unwrap(), Err(FlowError::Flushing));
    }

    #[test]
    fn results_of_flushed_frames_are_ignored() {
        let output = open();
        output.expect(frame(0)).unwrap();
        output.close(FlowError::Flushing);
        output.open();
        output.expect(frame(1)).unwrap();
        output.finish(0, None, analysis());
        output.finish(1, None, analysis());
        assert_eq!(next_seq(&output), Some(1));
    }

    fn next_event(output: &Output) -> Option<gst::EventType> {
        match output.next().unwrap() {
            Item::Event(event) => Some(event.type_()),
            _ => None,
        }
    }

    fn segment() -> Item {
        Item::Event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()))
    }

    #[test]
    fn after_the_end_frames_are_refused_but_events_pass_until_a_new_segment() {
        let output = open();
        output.expect(frame(0)).unwrap();
        output.push(Item::Event(gst::event::Tag::new(gst::TagList::new()))).unwrap();
        output.end();
        assert_eq!(output.expect(frame(1)), Err(FlowError::Eos));
        assert_eq!(output.wait_for_room(9), Err(FlowError::Eos));
        output.push(Item::Event(gst::event::Eos::new())).unwrap();
        assert_eq!(next_event(&output), Some(gst::EventType::Tag), "nobody waits for the result of frame 0");
        assert_eq!(next_event(&output), Some(gst::EventType::Eos));
        output.finish(0, None, analysis());
        output.push(segment()).unwrap();
        output.expect(frame(2)).unwrap();
        output.finish(2, None, analysis());
        assert_eq!(next_event(&output), Some(gst::EventType::Segment));
        assert_eq!(next_seq(&output), Some(2));
    }

    #[test]
    fn an_end_that_a_new_segment_follows_already_is_not_told_upstream() {
        let output = open();
        output.expect(frame(0)).unwrap();
        output.push(segment()).unwrap();
        output.expect(frame(1)).unwrap();
        output.end();
        assert_eq!(output.flow(), Ok(()));
        assert_eq!(next_event(&output), Some(gst::EventType::Segment));
        output.finish(0, None, analysis());
        output.finish(1, None, analysis());
        assert_eq!(next_seq(&output), Some(1));
    }

    #[test]
    fn the_longest_stay_is_that_of_the_slowest_frame() {
        let output = open();
        output.expect(frame(0)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        output.expect(frame(1)).unwrap();
        output.finish(0, None, analysis());
        output.finish(1, None, analysis());
        assert!(output.longest_stay() >= Duration::from_millis(20));
    }

    #[test]
    fn a_flushed_barrier_tells_its_query() {
        let output = open();
        let (barrier, reached, _release) = Barrier::new();
        output.push(Item::Barrier(barrier)).unwrap();
        drop(output.close(FlowError::Flushing));
        assert!(reached.recv().is_err());
    }
}
