//! One camera's way into the pool.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    LaneOptions, OnResult, QuarantineRules, SubmitError,
    queue::Inbox,
    schedule::{PassedOn, Shared},
    stats::LaneStats,
    work::LaneShared,
    worker,
    workshop::Workshop,
};
use crate::{analysis::AnalyzerFactory, frame::Frame};

/// One camera's way into the pool. Dropping it discards waiting frames and waits for those being analysed, whose
/// results are still delivered (call [`Lane::set_flushing`] first if they are not wanted). After the drop, the
/// analyzers and the receiver of results are gone.
pub struct Lane {
    pool: Arc<Shared>,
    shared: Arc<LaneShared>,
}

impl Lane {
    pub(super) fn open(
        pool: Arc<Shared>,
        name: &str,
        factory: Arc<dyn AnalyzerFactory>,
        options: LaneOptions,
        on_result: OnResult,
    ) -> Self {
        let workshop = Workshop::new(factory, pool.workers(), options.quarantine);
        let inbox = Inbox::new(options.capacity, options.policy);
        let shared = pool.open_lane(name, inbox, workshop, on_result);
        Self { pool, shared }
    }

    /// Hands a frame to the pool; with [`super::DropPolicy::Block`] waits for room.
    pub fn submit(&self, frame: Frame) -> Result<(), SubmitError> {
        if let Some(PassedOn { working, job, status, why }) = self.pool.submit(self.shared.id, frame)? {
            self.pool.pass_on(working, job, status, &why);
        }
        Ok(())
    }

    /// While flushing, `submit` refuses (and a blocked one returns), waiting frames are discarded without result,
    /// results of frames being analysed are discarded too. A result whose delivery had begun may still arrive while
    /// this call is made: it does not wait, so it is safe to call under a lock that the receiver takes.
    pub fn set_flushing(&self, flushing: bool) {
        self.pool.set_flushing(self.shared.id, flushing);
    }

    /// Swaps the analyzers between two frames: frames submitted later use the new factory. The new ones are not
    /// quarantined for what the old ones did.
    pub fn set_factory(&self, factory: Arc<dyn AnalyzerFactory>, quarantine: QuarantineRules) {
        let workshop = Workshop::new(factory, self.pool.workers(), quarantine);
        drop(self.pool.set_workshop(self.shared.id, workshop));
    }

    /// Other rules for the analyzers that frames submitted now would use.
    pub fn set_quarantine(&self, rules: QuarantineRules) {
        self.pool.set_quarantine(self.shared.id, rules);
    }

    /// Builds as many analyzers as may be used at once, on the workers, and waits for them: the first frames then
    /// don't. Returns the first refusal. A flush ends it early. On a worker thread it does nothing.
    pub fn warm_up(&self) -> Result<(), String> {
        if worker::is_worker() {
            return Ok(());
        }
        let (done, outcomes) = crossbeam_channel::unbounded();
        self.pool.build_ahead(self.shared.id, &done);
        drop(done);
        outcomes.iter().collect()
    }

    /// Waits until every accepted frame has its result (or was discarded); false if that took longer than `timeout`.
    /// From within the receiver, the result in its hands does not count.
    pub fn wait_idle(&self, timeout: Option<Duration>) -> bool {
        self.pool.wait_idle(self.shared.id, timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// Frames waiting plus frames being analysed (until their result has been delivered).
    pub fn in_flight(&self) -> usize {
        self.pool.in_flight(self.shared.id)
    }

    /// What this lane has done so far.
    pub fn stats(&self) -> LaneStats {
        self.shared.record(|stats| stats.snapshot())
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.pool.close_lane(self.shared.id);
    }
}
