//! The figures of one engine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a model runs on an engine. Times are those of one inference.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Figures {
    /// The engine, also where `auto` was asked for.
    pub engine: String,
    /// Until the model was ready, in milliseconds.
    pub load_ms: f64,
    /// Half of the inferences were as quick, in milliseconds; one worker.
    pub p50_ms: f64,
    /// 95 of 100, likewise.
    pub p95_ms: f64,
    /// 99 of 100, likewise.
    pub p99_ms: f64,
    /// Processor time of one inference, all threads, in milliseconds; one worker.
    pub cpu_ms: f64,
    /// Inferences a second with 1, 2, ... workers.
    pub fps: Vec<f64>,
    /// Resident memory of the process with one worker and with all, in bytes.
    pub rss: [u64; 2],
    /// Inferences that the times are of.
    pub runs: usize,
}

/// The value that `share` (0..=1) of the sorted `times` do not exceed, in milliseconds (nearest rank).
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rank among millions at most"
)]
pub(super) fn percentile(times: &[Duration], share: f64) -> f64 {
    let rank = (times.len() as f64 * share).ceil() as usize;
    times.get(rank.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(
            [0.5, 0.95, 0.99, 1.0].map(|share| percentile(&times, share)),
            [100.0, 190.0, 198.0, 200.0]
        );
        assert_eq!(percentile(&times[..1], 0.5), 1.0);
        assert!(percentile(&[], 0.5).is_nan());
    }
}
