//! What a lane has done: counters, and percentiles in fixed memory.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::{
    analysis::{Analysis, Status},
    frame::Transfer,
};

/// Counters of one lane since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneStats {
    /// Frames accepted.
    pub submitted: u64,
    /// Results with [`Status::Ok`].
    pub ok: u64,
    /// Results with [`Status::Skipped`].
    pub skipped: u64,
    /// Results with [`Status::Timeout`].
    pub timeout: u64,
    /// Results with [`Status::Trapped`].
    pub trapped: u64,
    /// Results with [`Status::Quarantined`].
    pub quarantined: u64,
    /// How often a quarantine began.
    pub quarantines: u64,
    /// Frames discarded by a flush or with the lane.
    pub discarded: u64,
    /// Accepted frames with [`Transfer::InPlace`].
    pub in_place: u64,
    /// Accepted frames with [`Transfer::Mapped`].
    pub mapped: u64,
    /// Accepted frames with [`Transfer::Copied`].
    pub copied: u64,
    /// Bytes that the analyzers copied.
    pub bytes_copied: u64,
    /// From submission to the result, all frames that a module saw.
    pub latency: Percentiles,
    /// The same over the last 256 to 512 of them: what a status line shows.
    pub recent_latency: Percentiles,
    /// By stage, over the last 256 to 512 frames that were analysed without failure.
    pub recent_stages: StageLatencies,
}

/// Where the time of frames went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageLatencies {
    /// In the preprocess module.
    pub preprocess: Percentiles,
    /// In the inference engine.
    pub inference: Percentiles,
    /// In the detect module without inference.
    pub postprocess: Percentiles,
}

/// Percentiles of durations, within 1 % and to the microsecond; longer than a minute counts as a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50: Duration,
    /// 95th percentile.
    pub p95: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// Largest.
    pub max: Duration,
}

/// Frames after which the recent histogram makes way for a new one.
const RECENT: u64 = 256;
const LONGEST_US: u64 = 60_000_000;

/// Writes a lane's statistics.
pub(crate) struct Recorder {
    counters: LaneStats,
    all: Histogram<u32>,
    total: Recent,
    preprocess: Recent,
    inference: Recent,
    postprocess: Recent,
}

/// The last 256 to 512 durations of a kind, and their percentiles in fixed memory (24 KiB).
#[derive(Debug)]
pub struct Recent {
    current: Histogram<u32>,
    previous: Histogram<u32>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            counters: LaneStats::default(),
            all: histogram(),
            total: Recent::default(),
            preprocess: Recent::default(),
            inference: Recent::default(),
            postprocess: Recent::default(),
        }
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self { current: histogram(), previous: histogram() }
    }
}

impl Recorder {
    pub fn submitted(&mut self, transfer: Transfer) {
        self.counters.submitted += 1;
        *match transfer {
            Transfer::InPlace => &mut self.counters.in_place,
            Transfer::Mapped => &mut self.counters.mapped,
            Transfer::Copied => &mut self.counters.copied,
        } += 1;
    }

    pub fn discarded(&mut self, frames: u64) {
        self.counters.discarded += frames;
    }

    pub fn finished(&mut self, analysis: &Analysis) {
        *match analysis.status {
            Status::Ok => &mut self.counters.ok,
            Status::Skipped => &mut self.counters.skipped,
            Status::Timeout => &mut self.counters.timeout,
            Status::Trapped => &mut self.counters.trapped,
            Status::Quarantined => &mut self.counters.quarantined,
        } += 1;
        self.counters.bytes_copied += analysis.bytes_copied;
        let timings = &analysis.timings;
        if !matches!(analysis.status, Status::Skipped | Status::Quarantined) {
            self.all.saturating_record(micros(timings.total));
            self.total.record(timings.total);
        }
        if analysis.status == Status::Ok {
            self.preprocess.record(timings.preprocess);
            self.inference.record(timings.inference);
            self.postprocess.record(timings.postprocess);
        }
    }

    pub fn quarantined(&mut self) {
        self.counters.quarantines += 1;
    }

    pub fn snapshot(&self) -> LaneStats {
        LaneStats {
            latency: percentiles(&self.all),
            recent_latency: self.total.percentiles(),
            recent_stages: StageLatencies {
                preprocess: self.preprocess.percentiles(),
                inference: self.inference.percentiles(),
                postprocess: self.postprocess.percentiles(),
            },
            ..self.counters.clone()
        }
    }
}

impl Recent {
    /// Notes one.
    pub fn record(&mut self, duration: Duration) {
        self.current.saturating_record(micros(duration));
        if self.current.len() >= RECENT {
            std::mem::swap(&mut self.current, &mut self.previous);
            self.current.reset();
        }
    }

    /// What they amount to.
    pub fn percentiles(&self) -> Percentiles {
        let mut both = self.current.clone();
        // Both have the same bounds, so adding cannot fail; if it did, the newer half would be shown.
        if both.add(&self.previous).is_err() {
            tracing::debug!("histograms of different bounds");
        }
        percentiles(&both)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(LONGEST_US)
}

fn histogram() -> Histogram<u32> {
    // Two significant digits over this range are about 12 KiB.
    Histogram::new_with_bounds(1, LONGEST_US, 2).expect("constant bounds that the crate allows")
}

fn percentiles(histogram: &Histogram<u32>) -> Percentiles {
    let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
    Percentiles {
        count: histogram.len(),
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        max: Duration::from_micros(histogram.max()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Timings;

    fn finished(status: Status, total_ms: u64) -> Analysis {
        let timings = Timings { total: Duration::from_millis(total_ms), ..Timings::default() };
        Analysis {
            status,
            detections: Vec::new(),
            tensors: Vec::new(),
            timings,
            bytes_copied: 3,
            message: None,
        }
    }

    #[test]
    fn counts_by_status_and_transfer() {
        let mut recorder = Recorder::default();
        for transfer in [Transfer::InPlace, Transfer::InPlace, Transfer::Mapped, Transfer::Copied] {
            recorder.submitted(transfer);
        }
        for status in [Status::Ok, Status::Skipped, Status::Timeout, Status::Trapped, Status::Quarantined] {
            recorder.finished(&finished(status, 5));
        }
        recorder.discarded(7);
        let stats = recorder.snapshot();
        assert_eq!((stats.submitted, stats.in_place, stats.mapped, stats.copied), (4, 2, 1, 1));
        assert_eq!(
            (stats.ok, stats.skipped, stats.timeout, stats.trapped, stats.quarantined),
            (1, 1, 1, 1, 1)
        );
        assert_eq!((stats.discarded, stats.bytes_copied, stats.latency.count), (7, 15, 3));
    }

    #[test]
    fn percentiles_are_within_one_percent() {
        let mut recorder = Recorder::default();
        (1..=1000).for_each(|ms| recorder.finished(&finished(Status::Ok, ms)));
        let latency = recorder.snapshot().latency;
        let near =
            |got: Duration, ms: f64| assert!((got.as_secs_f64() * 1e3 / ms - 1.0).abs() < 0.01, "{got:?}");
        near(latency.p50, 500.0);
        near(latency.p95, 950.0);
        near(latency.p99, 990.0);
        near(latency.max, 1000.0);
    }

    #[test]
    fn stages_are_those_of_frames_that_went_well() {
        let mut recorder = Recorder::default();
        let ms = Duration::from_millis;
        let timings = Timings {
            preprocess: ms(1),
            inference: ms(20),
            postprocess: ms(3),
            total: ms(30),
            ..Timings::default()
        };
        recorder.finished(&Analysis { timings, ..finished(Status::Ok, 0) });
        recorder.finished(&finished(Status::Timeout, 500));
        let stages = recorder.snapshot().recent_stages;
        let medians = [stages.preprocess, stages.inference, stages.postprocess].map(|stage| stage.p50);
        assert_eq!(medians.map(|median| median.as_millis()), [1, 20, 3]);
        assert_eq!(stages.inference.count, 1);
    }

    #[test]
    fn the_recent_latency_forgets() {
        let mut recorder = Recorder::default();
        (0..2000).for_each(|_| recorder.finished(&finished(Status::Ok, 400)));
        (0..512).for_each(|_| recorder.finished(&finished(Status::Ok, 10)));
        let stats = recorder.snapshot();
        assert!(stats.latency.p50 > Duration::from_millis(390));
        assert!(stats.recent_latency.max < Duration::from_millis(11), "{:?}", stats.recent_latency);
        assert!((256..=512).contains(&stats.recent_latency.count));
    }

    #[test]
    fn absurd_durations_count_as_a_minute() {
        let mut recorder = Recorder::default();
        recorder.finished(&Analysis {
            timings: Timings { total: Duration::MAX, ..Timings::default() },
            ..finished(Status::Ok, 0)
        });
        assert!(recorder.snapshot().latency.max.as_secs() <= 61);
    }
}
