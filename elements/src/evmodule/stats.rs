//! Counters of one run and the `stats` structure made of them.

use std::time::Duration;

use edgevision_wasm_host::{
    analysis::Status,
    frame::Transfer,
    pool::{Percentiles, Recent},
};

use super::settings::OnError;
use crate::glue::nanoseconds;

/// What has been done so far.
#[derive(Debug, Default)]
pub struct Counters {
    counts: Counts,
    times: Recent,
}

/// Frames by what became of them and how their bytes came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub filtered: u64,
    pub timeout: u64,
    pub trapped: u64,
    pub blanked: u64,
    pub dropped: u64,
    pub passed: u64,
    pub in_place: u64,
    pub mapped: u64,
    pub copied: u64,
    pub starved: u64,
    pub bytes_hand_over: u64,
    pub bytes_output: u64,
}

impl Counters {
    /// How a frame's bytes came to where the module sees them.
    pub fn handed_over(&mut self, transfer: Transfer, bytes_copied: u64) {
        *match transfer {
            Transfer::InPlace => &mut self.counts.in_place,
            Transfer::Mapped => &mut self.counts.mapped,
            Transfer::Copied => &mut self.counts.copied,
        } += 1;
        self.counts.bytes_hand_over += bytes_copied;
    }

    /// The module has filled a frame.
    pub fn filtered(&mut self, time: Duration) {
        self.counts.filtered += 1;
        self.times.record(time);
    }

    /// The module has failed.
    pub fn failed(&mut self, status: Status, instead: OnError) {
        *match status {
            Status::Timeout => &mut self.counts.timeout,
            _ => &mut self.counts.trapped,
        } += 1;
        *match instead {
            OnError::Blank => &mut self.counts.blanked,
            OnError::Drop => &mut self.counts.dropped,
            OnError::Pass => &mut self.counts.passed,
        } += 1;
    }

    /// An output had to be copied, because downstream holds all slots but one.
    pub fn starved(&mut self, bytes: usize) {
        self.counts.starved += 1;
        self.counts.bytes_output += bytes as u64;
    }
}

/// Everything that `stats` shows.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub counts: Counts,
    pub time: Percentiles,
    /// Bytes of frames that were copied because a decoder's memory could not be aliased.
    pub bytes_decode: u64,
    pub slots: usize,
    pub slots_high_water: usize,
}

impl Snapshot {
    /// The counters now; what the arenas know is added by their owner.
    pub fn of(counters: &Counters) -> Self {
        Self { counts: counters.counts.clone(), time: counters.times.percentiles(), ..Self::default() }
    }

    /// As a structure named `application/x-edgevision-stats`; times in nanoseconds.
    pub fn to_structure(&self) -> gst::Structure {
        let Counts { bytes_hand_over, bytes_output, .. } = self.counts;
        let c = &self.counts;
        gst::Structure::builder("application/x-edgevision-stats")
            .field("filtered", c.filtered)
            .field("timeout", c.timeout)
            .field("trapped", c.trapped)
            .field("blanked", c.blanked)
            .field("dropped", c.dropped)
            .field("passed", c.passed)
            .field("in-place", c.in_place)
            .field("mapped", c.mapped)
            .field("copied", c.copied)
            .field("bytes-copied", self.bytes_decode + bytes_hand_over + bytes_output)
            .field("bytes-copied-decode", self.bytes_decode)
            .field("bytes-copied-hand-over", bytes_hand_over)
            .field("bytes-copied-output", bytes_output)
            .field("latency-p50", nanoseconds(self.time.p50))
            .field("latency-p99", nanoseconds(self.time.p99))
            .field("starved", c.starved)
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
        let mut counters = Counters::default();
        for (transfer, bytes) in [(Transfer::InPlace, 0), (Transfer::Mapped, 0), (Transfer::Copied, 100)] {
            counters.handed_over(transfer, bytes);
        }
        counters.filtered(Duration::from_millis(3));
        counters.failed(Status::Timeout, OnError::Blank);
        counters.failed(Status::Trapped, OnError::Drop);
        counters.failed(Status::Trapped, OnError::Pass);
        counters.starved(20);
        let stats = Snapshot { bytes_decode: 3, ..Snapshot::of(&counters) }.to_structure();
        let fields = [
            "filtered",
            "timeout",
            "trapped",
            "blanked",
            "dropped",
            "passed",
            "in-place",
            "mapped",
            "copied",
            "bytes-copied",
            "starved",
        ];
        assert_eq!(fields.map(|name| stats.get::<u64>(name).unwrap()), [1, 1, 2, 1, 1, 1, 1, 1, 1, 123, 1]);
        assert!((2_900_000..3_100_000).contains(&stats.get::<u64>("latency-p50").unwrap()));
    }
}
