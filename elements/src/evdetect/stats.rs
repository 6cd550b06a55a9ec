//! Counters of one run and the `stats` structure made of them.

use std::{sync::Mutex, sync::PoisonError};

use edgevision_wasm_host::{analysis::Status, frame::Transfer, pool::LaneStats};

/// Frames by what became of them and how their bytes came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub analysed: u64,
    pub skipped: u64,
    pub timeout: u64,
    pub trapped: u64,
    pub quarantined: u64,
    pub in_place: u64,
    pub mapped: u64,
    pub copied: u64,
    /// Bytes of frames whose memory the modules could not see.
    pub hand_over_bytes_copied: u64,
    /// Bytes of tensors that modules passed through the copying WASI-NN calls.
    pub inference_bytes_copied: u64,
}

/// The counters, written by the streaming threads and read by whoever wants to know.
#[derive(Default)]
pub struct Counters(Mutex<Counts>);

impl Counters {
    /// Counts a frame that leaves.
    pub fn left(&self, status: Status, hand_over_bytes_copied: u64, inference_bytes_copied: u64) {
        let mut counts = self.lock();
        *match status {
            Status::Ok => &mut counts.analysed,
            Status::Skipped => &mut counts.skipped,
            Status::Timeout => &mut counts.timeout,
            Status::Trapped => &mut counts.trapped,
            Status::Quarantined => &mut counts.quarantined,
        } += 1;
        counts.hand_over_bytes_copied += hand_over_bytes_copied;
        counts.inference_bytes_copied += inference_bytes_copied;
    }

    /// Counts a frame that is handed to the workers.
    pub fn handed_over(&self, transfer: Transfer) {
        let mut counts = self.lock();
        *match transfer {
            Transfer::InPlace => &mut counts.in_place,
            Transfer::Mapped => &mut counts.mapped,
            Transfer::Copied => &mut counts.copied,
        } += 1;
    }

    /// The counters now.
    pub fn snapshot(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that `stats` shows.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub counts: Counts,
    pub lane: LaneStats,
    /// Items between the pads: frames waiting, being analysed or waiting for their turn, and events.
    pub queue_depth: usize,
    pub workers: usize,
    /// Bytes of frames that were copied because a decoder's memory could not be aliased.
    pub memory_copied: u64,
    /// Buffers of heap memory because the arena had no free slot.
    pub starved: u64,
    pub slots: usize,
    pub slots_high_water: usize,
}

impl Snapshot {
    /// Bytes that were copied in all stages together.
    fn bytes_copied(&self) -> u64 {
        self.memory_copied + self.counts.hand_over_bytes_copied + self.counts.inference_bytes_copied
    }

    /// As a structure named `application/x-edgevision-stats`; times in nanoseconds.
    pub fn to_structure(&self) -> gst::Structure {
        let counts = &self.counts;
        let ns = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let latency = &self.lane.recent_latency;
        gst::Structure::builder("application/x-edgevision-stats")
            .field("analysed", counts.analysed)
            .field("skipped", counts.skipped)
            .field("timeout", counts.timeout)
            .field("trapped", counts.trapped)
            .field("quarantined", counts.quarantined)
            .field("in-place", counts.in_place)
            .field("mapped", counts.mapped)
            .field("copied", counts.copied)
            .field("bytes-copied", self.bytes_copied())
            .field("bytes-copied-decode", self.memory_copied)
            .field("bytes-copied-hand-over", counts.hand_over_bytes_copied)
            .field("bytes-copied-inference", counts.inference_bytes_copied)
            .field("latency-p50", ns(latency.p50))
            .field("latency-p99", ns(latency.p99))
            .field("queue-depth", self.queue_depth as u64)
            .field("workers", self.workers as u64)
            .field("starved", self.starved)
            .field("slots", self.slots as u64)
            .field("slots-high-water", self.slots_high_water as u64)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_by_fate_and_by_way() {
        gst::init().unwrap();
        let counters = Counters::default();
        for status in [Status::Ok, Status::Ok, Status::Skipped, Status::Timeout, Status::Trapped] {
            counters.left(status, 10, 1);
        }
        for transfer in [Transfer::InPlace, Transfer::InPlace, Transfer::Mapped, Transfer::Copied] {
            counters.handed_over(transfer);
        }
        let snapshot =
            Snapshot { counts: counters.snapshot(), memory_copied: 7, workers: 3, ..Snapshot::default() };
        let structure = snapshot.to_structure();
        let fields =
            ["analysed", "skipped", "timeout", "trapped", "quarantined", "in-place", "mapped", "copied"];
        assert_eq!(fields.map(|name| structure.get::<u64>(name).unwrap()), [2, 1, 1, 1, 0, 2, 1, 1]);
        let stages = ["", "-decode", "-hand-over", "-inference"].map(|stage| format!("bytes-copied{stage}"));
        assert_eq!(stages.map(|name| structure.get::<u64>(&*name).unwrap()), [62, 7, 50, 5]);
        assert_eq!(structure.get::<u64>("workers").unwrap(), 3);
    }
}
