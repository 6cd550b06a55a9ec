//! What a camera's pipeline has done so far, read from its elements.

use std::time::Duration;

use gst::prelude::*;

use super::CameraGraph;
use crate::telemetry::{BytesCopied, Snapshot};

impl CameraGraph {
    /// Counts since the pipeline was built, and how far a file has been played.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let stats = self.detect.property::<gst::Structure>("stats");
        let count = |name: &str| stats.get::<u64>(name).unwrap_or_default();
        let latency =
            |name: &str| Some(Duration::from_nanos(count(name))).filter(|latency| !latency.is_zero());
        let time = |time: gst::ClockTime| Duration::from_nanos(time.nseconds());
        Snapshot {
            frames: self.frames(),
            analysed: count("analysed"),
            skipped: count("skipped"),
            failed: count("timeout") + count("trapped") + count("quarantined"),
            detections: self.detections(),
            in_place: count("in-place"),
            mapped: count("mapped"),
            copied: count("copied"),
            bytes_copied: BytesCopied {
                decode: count("bytes-copied-decode"),
                hand_over: count("bytes-copied-hand-over"),
                inference: count("bytes-copied-inference"),
            },
            latency_p50: latency("latency-p50"),
            latency_p99: latency("latency-p99"),
            position: self.pipeline.query_position::<gst::ClockTime>().map(time),
            length: self.pipeline.query_duration::<gst::ClockTime>().map(time),
        }
    }
}
