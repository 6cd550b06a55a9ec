//! The worker pool: one for the process, fair between cameras.
//!
//! ```text
//!  Lane::submit ──► inbox (bounded, drop policy)  ─┐
//!  Lane::submit ──► inbox                         ─┼─ round robin ─► worker ─► analyzer ─► on_result
//!  Lane::submit ──► inbox                         ─┘                    (leased from the lane's workshop)
//! ```
//!
//! One lock guards the inboxes and the counts; it is never held while an analyzer runs, a frame or an analyzer is
//! dropped, or `on_result` is called. A sleeping worker waits for a token on a bounded channel. A token is sent
//! after each change that can make work available; when the channel is full, every worker has one coming and looks
//! anyway. Shutting down drops the sender. Nobody spins and nobody polls.

mod lane;
mod quarantine;
mod queue;
pub mod reorder;
mod schedule;
pub mod stats;
mod work;
mod worker;
mod workshop;

use std::{sync::Arc, thread};

pub use lane::Lane;
pub use quarantine::QuarantineRules;
pub use reorder::{Reorder, Ticket};
pub use stats::{LaneStats, Percentiles, Recent, StageLatencies};

use crate::{
    analysis::{Analysis, AnalyzerFactory, Status, Timings},
    frame::{Frame, Transfer},
};
use schedule::Shared;

/// What happens to a frame when its camera's inbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropPolicy {
    /// The oldest waiting frame passes on un-analysed ([`crate::analysis::Status::Skipped`]): live sources.
    NewestWins,
    /// The submitter waits: files.
    Block,
}

/// How a camera's frames wait.
#[derive(Clone, Copy, Debug)]
pub struct LaneOptions {
    /// Frames that may wait (not counting those being analysed), at least 1.
    pub capacity: usize,
    /// What happens when that many wait.
    pub policy: DropPolicy,
    /// When failing modules are left alone.
    pub quarantine: QuarantineRules,
}

/// The result for one submitted frame. Exactly one is delivered for each frame that `submit` accepted, unless it
/// was discarded by [`Lane::set_flushing`] or was still waiting when its [`Lane`] was dropped.
///
/// The frame itself, with what kept its bytes alive, is gone before the result is delivered.
#[derive(Clone, Debug)]
pub struct FrameResult {
    /// The frame's number.
    pub seq: u64,
    /// How its bytes reached the worker.
    pub transfer: Transfer,
    /// What came of it.
    pub analysis: Analysis,
}

/// Why a frame was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The lane is flushing.
    #[error("the camera is flushing")]
    Flushing,
    /// The pool is shutting down.
    #[error("the worker pool is shut down")]
    Closed,
}

/// Receives the results of a lane.
pub(crate) type OnResult = Box<dyn Fn(FrameResult) + Send + Sync>;

/// The worker pool.
///
/// Dropping it refuses further frames, passes the waiting ones on as skipped, and joins the threads when each has
/// finished the frame in its hands.
pub struct WorkerPool {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl WorkerPool {
    /// Starts `workers` threads (at least 1). If the system refuses some, the pool has fewer; if it refuses all,
    /// the pool is closed from the start. Both are logged.
    pub fn new(workers: usize) -> Arc<Self> {
        let wanted = workers.max(1);
        let (tokens, wake) = crossbeam_channel::bounded(wanted);
        let shared = Arc::new(Shared::new(tokens, wanted));
        let threads: Vec<_> =
            (0..wanted).filter_map(|n| worker::spawn(n, shared.clone(), wake.clone())).collect();
        if threads.is_empty() {
            shared.close();
        }
        Arc::new(Self { shared, threads })
    }

    /// Number of worker threads.
    pub fn workers(&self) -> usize {
        self.threads.len()
    }

    /// Opens a lane for a camera. `on_result` is called on worker threads (or, for a frame that a newer one
    /// replaced, on the submitter's) in any order; put results in order with [`Reorder`]. No lock is held then, so it
    /// may call the lane's methods, except that it must not wait for room: with [`DropPolicy::Block`], submitting
    /// from `on_result` can leave every worker waiting for itself.
    pub fn lane(
        self: &Arc<Self>,
        name: &str,
        factory: Arc<dyn AnalyzerFactory>,
        options: LaneOptions,
        on_result: Box<dyn Fn(FrameResult) + Send + Sync>,
    ) -> Lane {
        Lane::open(self.shared.clone(), name, factory, options, on_result)
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.shared.close();
        for thread in self.threads.drain(..) {
            // The last handle may be dropped by a result's receiver, on a worker: that one ends by itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a worker thread ended by a panic");
            }
        }
    }
}

/// A result without analysis, after the frame has been let go.
fn unseen(frame: Frame, waited: std::time::Duration, status: Status, why: &str) -> FrameResult {
    let (seq, transfer) = worker::let_go(frame);
    let timings = Timings { queue: waited, total: waited, ..Timings::default() };
    let message = Some(why.to_owned());
    let analysis =
        Analysis { status, detections: Vec::new(), tensors: Vec::new(), timings, bytes_copied: 0, message };
    FrameResult { seq, transfer, analysis }
}
