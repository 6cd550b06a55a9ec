//! What is known about a camera at one moment. Plain data, and the words for it.

use std::time::Duration;

/// What a camera is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CameraState {
    /// Being opened; no frame yet.
    #[default]
    Opening,
    /// Frames arrive.
    Running,
    /// Frames arrive, but the modules are quarantined: nothing is analysed.
    Degraded,
    /// Lost; waiting for the next attempt.
    Reconnecting,
    /// Given up: opening it again would not help.
    Failed,
    /// Played to its end, or stopped.
    Ended,
}

impl CameraState {
    /// As in records, logs and status lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Reconnecting => "reconnecting",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }
}

impl std::fmt::Display for CameraState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Counts of a camera since its pipeline was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Frames that arrived.
    pub frames: u64,
    /// Frames that were analysed.
    pub analysed: u64,
    /// Frames that passed on un-analysed: interval, or a newer one took their place.
    pub skipped: u64,
    /// Frames whose analysis failed: deadline, trap, quarantine.
    pub failed: u64,
    /// Detections in all frames.
    pub detections: u64,
    /// Frames that the decoder wrote where the modules read them.
    pub in_place: u64,
    /// Frames whose foreign memory was mapped.
    pub mapped: u64,
    /// Frames that were copied.
    pub copied: u64,
    /// Bytes that were copied.
    pub bytes_copied: BytesCopied,
    /// Median time from a frame's arrival to its result, of the last frames.
    pub latency_p50: Option<Duration>,
    /// The same for 99 of 100 frames.
    pub latency_p99: Option<Duration>,
    /// How far a file has been played.
    pub position: Option<Duration>,
    /// How long a file is.
    pub length: Option<Duration>,
}

/// Bytes of frames and tensors that were copied, by stage; all zero on the designed way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BytesCopied {
    /// Because a decoder's memory could not be shared.
    pub decode: u64,
    /// Because a frame lay where modules cannot see it.
    pub hand_over: u64,
    /// Because a module used the copying WASI-NN calls.
    pub inference: u64,
}

impl BytesCopied {
    /// All stages together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.decode + self.hand_over + self.inference
    }

    fn plus(self, later: Self) -> Self {
        Self {
            decode: self.decode + later.decode,
            hand_over: self.hand_over + later.hand_over,
            inference: self.inference + later.inference,
        }
    }
}

impl Snapshot {
    /// The sum of two pipelines' counts: `self` is over, `later` is running.
    #[must_use]
    pub fn plus(&self, later: &Self) -> Self {
        Self {
            frames: self.frames + later.frames,
            analysed: self.analysed + later.analysed,
            skipped: self.skipped + later.skipped,
            failed: self.failed + later.failed,
            detections: self.detections + later.detections,
            in_place: self.in_place + later.in_place,
            mapped: self.mapped + later.mapped,
            copied: self.copied + later.copied,
            bytes_copied: self.bytes_copied.plus(later.bytes_copied),
            latency_p50: later.latency_p50.or(self.latency_p50),
            latency_p99: later.latency_p99.or(self.latency_p99),
            position: later.position,
            length: later.length,
        }
    }
}

/// Frames a second over the last few seconds, from counts that come in every now and then.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    samples: std::collections::VecDeque<(Duration, u64)>,
}

impl Rate {
    const WINDOW: Duration = Duration::from_secs(3);

    /// Takes the count at a time, and says how fast it rises.
    pub(super) fn sample(&mut self, now: Duration, count: u64) -> f64 {
        if self.samples.back().is_some_and(|(_, last)| *last > count) {
            self.samples.clear();
        }
        self.samples.push_back((now, count));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(at, _)| *at + Self::WINDOW < now) {
            self.samples.pop_front();
        }
        self.per_second()
    }

    fn per_second(&self) -> f64 {
        let ends = self.samples.front().zip(self.samples.back());
        ends.map_or(0.0, |((from, first), (to, last))| match (*to - *from).as_secs_f64() {
            elapsed if elapsed > 0.0 => (last - first) as f64 / elapsed,
            _ => 0.0,
        })
    }
}

/// A latency in words: `17.9 ms`, or `-` when nothing is known.
pub(super) fn milliseconds(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "-".to_owned(), |latency| format!("{:.1} ms", latency.as_secs_f64() * 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        let mut at = |ms, count| rate.sample(Duration::from_millis(ms), count);
        assert_eq!(at(0, 0), 0.0);
        assert_eq!(at(500, 15), 30.0);
        assert_eq!(at(1000, 30), 30.0);
        // Standing still: falls to nothing within the window.
        for ms in [2000, 3000, 4000] {
            at(ms, 30);
        }
        assert_eq!(at(5000, 30), 0.0);
    }

    #[test]
    fn rate_survives_a_pipeline_that_counts_from_zero_again() {
        let mut rate = Rate::default();
        rate.sample(Duration::from_secs(1), 500);
        assert_eq!(rate.sample(Duration::from_secs(2), 3), 0.0);
        assert_eq!(rate.sample(Duration::from_secs(3), 13), 10.0);
    }

    #[test]
    fn counts_of_two_pipelines_add_up_and_the_latency_is_the_latest() {
        let old = Snapshot { frames: 3, latency_p50: Some(Duration::from_millis(9)), ..Snapshot::default() };
        let new = Snapshot { frames: 4, latency_p50: Some(Duration::from_millis(7)), ..Snapshot::default() };
        let sum = old.plus(&new);
        assert_eq!((sum.frames, sum.latency_p50), (7, Some(Duration::from_millis(7))));
        assert_eq!(old.plus(&Snapshot::default()).latency_p50, old.latency_p50);
    }
}
