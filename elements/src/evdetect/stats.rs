//! Counters of one run and the `stats` structure made of them.

use std::sync::{Mutex, PoisonError};

use edgevision_wasm_host::{
    analysis::Status,
    frame::Transfer,
    pool::{LaneStats, Percentiles},
};

use super::health::State;
use crate::glue::nanoseconds;

/// Frames by what became of them and how their bytes came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often other modules, a model or parameters took effect between two frames.
    pub swaps: u64,
    /// How often they were refused.
    pub swaps_failed: u64,
    /// Frames that came in.
    pub frames: u64,
    /// Bytes of their buffers.
    pub bytes: u64,
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
    /// Counts that other modules took effect.
    pub fn swapped(&self) {
        self.lock().swaps += 1;
    }

    /// Counts that other modules, or settings, were refused.
    pub fn swap_failed(&self) {
        self.lock().swaps_failed += 1;
    }

    /// Counts a frame that comes in.
    pub fn came(&self, bytes: usize) {
        let mut counts = self.lock();
        counts.frames += 1;
        counts.bytes += bytes as u64;
    }

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
    pub camera: String,
    pub state: State,
    pub counts: Counts,
    pub lane: LaneStats,
    /// Frames that were given up by a flush or when the element stopped.
    pub discarded: u64,
    /// Items between the pads: frames waiting, being analysed or waiting for their turn, and events.
    pub queue_depth: usize,
    pub workers: usize,
    /// Bytes of frames that were copied because a decoder's memory could not be aliased.
    pub memory_copied: u64,
    /// Buffers of heap memory because the arena had no free slot.
    pub starved: u64,
    pub slots: usize,
    pub slots_high_water: usize,
    /// What analyses the frames now.
    pub modules: Vec<String>,
    pub model: Option<String>,
    pub engine: Option<&'static str>,
}

impl Snapshot {
    /// Bytes that were copied in all stages together.
    fn bytes_copied(&self) -> u64 {
        self.memory_copied + self.counts.hand_over_bytes_copied + self.counts.inference_bytes_copied
    }

    /// As a structure named `application/x-edgevision-stats`; times in nanoseconds.
    pub fn to_structure(&self) -> gst::Structure {
        let mut structure = gst::Structure::builder("application/x-edgevision-stats")
            .field("camera", &self.camera)
            .field("state", self.state.as_str())
            .field("workers", self.workers as u64)
            .field("queue-depth", self.queue_depth as u64)
            .field("starved", self.starved)
            .field("slots", self.slots as u64)
            .field("slots-high-water", self.slots_high_water as u64)
            .field("quarantines", self.lane.quarantines)
            .field("swaps", self.counts.swaps)
            .field("swaps-failed", self.counts.swaps_failed)
            .field("modules", gst::Array::new(&self.modules))
            .field_if_some("model", self.model.as_ref())
            .field_if_some("engine", self.engine)
            .build();
        self.add_counts(&mut structure);
        let stages = &self.lane.recent_stages;
        add_latency(&mut structure, "latency", &self.lane.recent_latency);
        add_latency(&mut structure, "preprocess", &stages.preprocess);
        add_latency(&mut structure, "inference", &stages.inference);
        add_latency(&mut structure, "postprocess", &stages.postprocess);
        structure
    }

    fn add_counts(&self, structure: &mut gst::Structure) {
        let counts = &self.counts;
        let fields = [
            ("frames", counts.frames),
            ("analysed", counts.analysed),
            ("skipped", counts.skipped),
            ("timeout", counts.timeout),
            ("trapped", counts.trapped),
            ("quarantined", counts.quarantined),
            ("discarded", self.discarded),
            ("in-place", counts.in_place),
            ("mapped", counts.mapped),
            ("copied", counts.copied),
            ("bytes", counts.bytes),
            ("bytes-copied", self.bytes_copied()),
            ("bytes-copied-decode", self.memory_copied),
            ("bytes-copied-hand-over", counts.hand_over_bytes_copied),
            ("bytes-copied-inference", counts.inference_bytes_copied),
        ];
        for (name, value) in fields {
            structure.set(name, value);
        }
    }
}

fn add_latency(structure: &mut gst::Structure, name: &str, latency: &Percentiles) {
    for (rank, value) in [("p50", latency.p50), ("p95", latency.p95), ("p99", latency.p99)] {
        structure.set(format!("{name}-{rank}"), nanoseconds(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_by_fate_and_by_way() {
        gst::init().unwrap();
        let counters = Counters::default();
        (0..6).for_each(|_| counters.came(100));
        for status in [Status::Ok, Status::Ok, Status::Skipped, Status::Timeout, Status::Trapped] {
            counters.left(status, 10, 1);
        }
        for transfer in [Transfer::InPlace, Transfer::InPlace, Transfer::Mapped, Transfer::Copied] {
            counters.handed_over(transfer);
        }
        let snapshot =
            Snapshot { counts: counters.snapshot(), memory_copied: 7, workers: 3, ..Snapshot::default() };
        let structure = snapshot.to_structure();
        let fields = [
            "frames",
            "bytes",
            "analysed",
            "skipped",
            "timeout",
            "trapped",
            "quarantined",
            "in-place",
            "mapped",
            "copied",
        ];
        assert_eq!(fields.map(|name| structure.get::<u64>(name).unwrap()), [6, 600, 2, 1, 1, 1, 0, 2, 1, 1]);
        let stages = ["", "-decode", "-hand-over", "-inference"].map(|stage| format!("bytes-copied{stage}"));
        assert_eq!(stages.map(|name| structure.get::<u64>(&*name).unwrap()), [62, 7, 50, 5]);
        assert_eq!(structure.get::<u64>("workers").unwrap(), 3);
    }

    #[test]
    fn latencies_are_there_for_each_stage_and_rank() {
        gst::init().unwrap();
        let ms = std::time::Duration::from_millis;
        let latency = Percentiles { count: 9, p50: ms(1), p95: ms(2), p99: ms(3), max: ms(4) };
        let mut snapshot = Snapshot { state: State::Quarantined, ..Snapshot::default() };
        snapshot.lane.recent_latency = latency;
        snapshot.lane.recent_stages.inference = latency;
        let structure = snapshot.to_structure();
        for stage in ["latency", "preprocess", "inference", "postprocess"] {
            let ranks = ["p50", "p95", "p99"].map(|rank| format!("{stage}-{rank}"));
            let found = ranks.map(|name| structure.get::<u64>(&*name).unwrap());
            let measured = matches!(stage, "latency" | "inference");
            assert_eq!(found, if measured { [1_000_000, 2_000_000, 3_000_000] } else { [0; 3] }, "{stage}");
        }
        assert_eq!(structure.get::<&str>("state").unwrap(), "quarantined");
        assert!(!structure.has_field("model"));
    }
}
