//! What waits in the [`super::output::Output`]: frames, events, and barriers where a query waits for its turn.

use std::{
    sync::{Arc, mpsc},
    time::Instant,
};

use edgevision_wasm_host::{analysis::Analysis, frame::Transfer};

use super::load::Loaded;

/// A frame that came in and has no result yet.
pub struct Waiting {
    /// What it is analysed with.
    pub loaded: Arc<Loaded>,
    pub buffer: gst::Buffer,
    pub seq: u64,
    /// When there was room for it: from then on the modules decide how long it stays.
    pub since: Instant,
    pub timestamp_ns: Option<u64>,
    pub system_time_ns: u64,
    pub width: u32,
    pub height: u32,
    /// Bytes that were copied so that a module can see the frame.
    pub bytes_copied: u64,
}

/// A frame with its result.
pub struct Finished {
    pub frame: Waiting,
    /// None when no worker was given the frame.
    pub transfer: Option<Transfer>,
    pub analysis: Analysis,
}

/// Something that leaves.
pub enum Item {
    Frame(Box<Finished>),
    Event(gst::Event),
    Barrier(Barrier),
}

impl Item {
    /// What comes after it is another stream or segment, or nothing.
    pub fn is_turn(&self) -> bool {
        self.begins_anew() || matches!(self, Self::Event(event) if event.type_() == gst::EventType::Eos)
    }

    /// What comes after it is another stream or segment.
    pub fn begins_anew(&self) -> bool {
        let Self::Event(event) = self else { return false };
        matches!(event.type_(), gst::EventType::StreamStart | gst::EventType::Segment)
    }
}

/// The place of a serialized query. The task that reaches it says so and waits until the query is answered.
pub struct Barrier {
    reached: mpsc::SyncSender<()>,
    answered: mpsc::Receiver<()>,
}

impl Barrier {
    /// A barrier, what tells that it was reached (an error: it was flushed), and what releases it when dropped.
    pub fn new() -> (Self, mpsc::Receiver<()>, mpsc::SyncSender<()>) {
        let (reached, on_reached) = mpsc::sync_channel(1);
        let (release, answered) = mpsc::sync_channel(1);
        (Self { reached, answered }, on_reached, release)
    }

    /// Called by the task: lets the query go and waits for its end.
    pub fn pass(&self) {
        if self.reached.send(()).is_ok() {
            // The sender is dropped, never used: an error is the signal.
            self.answered.recv().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_barrier_holds_the_task_until_the_query_is_answered() {
        let (barrier, reached, release) = Barrier::new();
        let task = std::thread::spawn(move || barrier.pass());
        reached.recv().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert!(!task.is_finished());
        drop(release);
        task.join().unwrap();
    }

    #[test]
    fn streams_and_segments_begin_anew_and_an_end_is_a_turn() {
        gst::init().unwrap();
        let segment = gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new());
        let table = [
            (gst::event::StreamStart::new("s"), (true, true)),
            (segment, (true, true)),
            (gst::event::Eos::new(), (true, false)),
            (gst::event::Tag::new(gst::TagList::new()), (false, false)),
        ];
        for (event, expected) in table {
            let item = Item::Event(event);
            assert_eq!((item.is_turn(), item.begins_anew()), expected);
        }
    }
}
