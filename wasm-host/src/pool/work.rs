//! The state of one lane, and the pieces of work that pass through it.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

use crossbeam_channel::Sender;

use super::{
    OnResult,
    quarantine::Admission,
    queue::Inbox,
    schedule::Shared,
    stats::Recorder,
    workshop::{Lease, Workshop},
};
use crate::frame::Frame;

/// What of a lane never changes, or has its own lock.
pub(crate) struct LaneShared {
    pub id: u64,
    pub name: String,
    pub on_result: OnResult,
    pub stats: Mutex<Recorder>,
    /// Signalled when a frame leaves the inbox, a frame is finished, or the lane's mode changes.
    pub changed: Arc<Condvar>,
}

pub(super) struct LaneState {
    pub shared: Arc<LaneShared>,
    pub inbox: Inbox<Job>,
    pub builds: Vec<Build>,
    /// Frames and builds in somebody's hands.
    pub working: usize,
    pub flushing: bool,
    /// Counts flushes: work of an earlier epoch has no result.
    pub epoch: u64,
    pub workshop: Arc<Workshop>,
}

/// A frame that waits.
pub(crate) struct Job {
    pub frame: Frame,
    pub submitted: Instant,
    pub workshop: Arc<Workshop>,
    pub epoch: u64,
}

/// An analyzer that is wanted ahead of the first frame.
pub(super) struct Build {
    pub workshop: Arc<Workshop>,
    pub done: Sender<Result<(), String>>,
}

/// Work in a worker's hands.
pub(crate) enum Task {
    Analyze {
        frame: Frame,
        submitted: Instant,
        epoch: u64,
        lease: Lease,
        admission: Admission,
    },
    /// The modules are quarantined.
    PassOn {
        job: Job,
        why: String,
    },
    Build {
        workshop: Arc<Workshop>,
        done: Sender<Result<(), String>>,
    },
}

/// Counts as work of the lane while it lives.
pub(crate) struct Working {
    pool: Arc<Shared>,
    id: u64,
    lane: Option<Arc<LaneShared>>,
}

impl LaneShared {
    pub fn record<R>(&self, what: impl FnOnce(&mut Recorder) -> R) -> R {
        what(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LaneState {
    pub fn new(shared: Arc<LaneShared>, inbox: Inbox<Job>, workshop: Arc<Workshop>) -> Self {
        Self { shared, inbox, builds: Vec::new(), working: 0, flushing: false, epoch: 0, workshop }
    }

    /// Whether a worker could begin something now.
    pub fn is_ready(&self) -> bool {
        !self.builds.is_empty()
            || self
                .inbox
                .front()
                .is_some_and(|job| job.workshop.has_room() || job.workshop.refusal().is_some())
    }

    /// Takes what a worker can begin: analyzers that were asked for, then the oldest frame.
    pub fn take(&mut self) -> Option<Task> {
        if let Some(build) = self.builds.pop() {
            return Some(Task::Build { workshop: build.workshop, done: build.done });
        }
        let workshop = self.inbox.front()?.workshop.clone();
        if let Some(why) = workshop.refusal() {
            return self.inbox.pop().map(|job| Task::PassOn { job, why });
        }
        let lease = workshop.lease()?;
        let admission = workshop.admit();
        let Job { frame, submitted, epoch, .. } = self.inbox.pop()?;
        Some(Task::Analyze { frame, submitted, epoch, lease, admission })
    }

    /// Counts something of the lane as in somebody's hands.
    pub fn begin(&mut self, pool: &Arc<Shared>) -> Working {
        self.working += 1;
        Working { pool: pool.clone(), id: self.shared.id, lane: Some(self.shared.clone()) }
    }

    /// Takes out what waits.
    pub fn clear(&mut self) -> (Vec<Job>, Vec<Build>) {
        (self.inbox.take_all(), std::mem::take(&mut self.builds))
    }

    /// Waiting and in work.
    pub fn in_flight(&self) -> usize {
        self.inbox.len() + self.working
    }
}

impl Working {
    pub fn lane(&self) -> Option<&LaneShared> {
        self.lane.as_deref()
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // Before the count says so, nothing of the lane is held here any more: who waits for the count may rely on
        // being the last owner.
        self.lane = None;
        self.pool.finished(self.id);
    }
}
