//! The seam between the worker pool and what analyses a frame: the pool knows only these two traits.

use std::{sync::Arc, time::Duration};

use crate::{detection::Detection, extras::Tensor, frame::Frame};

/// What became of a frame. Serialised as in the detection record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Analysed.
    Ok,
    /// Passed on without analysis (interval, or a newer frame took its place).
    Skipped,
    /// A module overran its deadline.
    Timeout,
    /// A module trapped, returned an error or delivered rubbish.
    Trapped,
    /// The modules are quarantined after repeated failures; nobody saw the frame.
    Quarantined,
}

impl Status {
    /// As in the detection record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Timeout => "timeout",
            Self::Trapped => "trapped",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Where the time of a frame went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// From submission to the worker's first touch.
    pub queue: Duration,
    /// In the preprocess module.
    pub preprocess: Duration,
    /// In the inference engine.
    pub inference: Duration,
    /// In the detect module without inference.
    pub postprocess: Duration,
    /// From submission to the result.
    pub total: Duration,
}

/// What an analyzer found.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// How it went. Without `Ok` there are no detections.
    pub status: Status,
    /// In falling score order.
    pub detections: Vec<Detection>,
    /// Raw tensors of the whole frame, in the module's order; nearly always none.
    pub tensors: Vec<Tensor>,
    /// `preprocess`, `inference` and `postprocess`; the pool sets the rest.
    pub timings: Timings,
    /// Bytes that were copied for this frame, by stage (zero on the designed path).
    pub bytes_copied: u64,
    /// Why the status is not `Ok`, as a sentence.
    pub message: Option<String>,
}

/// Analyses frames on one worker thread at a time. Rebuilds itself after a trap; never panics on hostile input.
pub trait Analyzer: Send {
    /// Analyses one frame. Must return within the deadline it was built with (plus a tick).
    fn analyze(&mut self, frame: &Frame) -> Analysis;
}

/// Makes analyzers for one camera: one for each worker, on demand.
pub trait AnalyzerFactory: Send + Sync {
    /// Builds an analyzer.
    fn build(&self) -> Result<Box<dyn Analyzer>, String>;
    /// Most analyzers that may exist at once: 1 for stateful modules (which then see the frames in order).
    fn max_instances(&self) -> usize {
        usize::MAX
    }
}

impl<T: AnalyzerFactory + ?Sized> AnalyzerFactory for Arc<T> {
    fn build(&self) -> Result<Box<dyn Analyzer>, String> {
        (**self).build()
    }
    fn max_instances(&self) -> usize {
        (**self).max_instances()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_name() {
        for status in [Status::Ok, Status::Skipped, Status::Timeout, Status::Trapped, Status::Quarantined] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
