//! What waits and whose turn it is: everything behind the pool's one lock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crossbeam_channel::Sender;

use super::{
    FrameResult, OnResult, SubmitError,
    quarantine::QuarantineRules,
    queue::{Inbox, Push, Rotation},
    unseen,
    work::{Build, Job, LaneShared, LaneState, Task, Working},
    worker,
    workshop::Workshop,
};
use crate::{analysis::Status, frame::Frame};

/// The pool as its lanes and workers see it.
pub(crate) struct Shared {
    schedule: Mutex<Schedule>,
    workers: usize,
}

struct Schedule {
    lanes: BTreeMap<u64, LaneState>,
    rotation: Rotation,
    opened: u64,
    /// `None` once the pool is closed.
    tokens: Option<Sender<()>>,
}

/// A frame that is not analysed, and why.
pub(crate) struct PassedOn {
    pub working: Working,
    pub job: Job,
    pub status: Status,
    pub why: String,
}

impl Shared {
    pub fn new(tokens: Sender<()>, workers: usize) -> Self {
        let schedule = Schedule {
            lanes: BTreeMap::new(),
            rotation: Rotation::default(),
            opened: 0,
            tokens: Some(tokens),
        };
        Self { schedule: Mutex::new(schedule), workers }
    }

    /// Threads that were asked for: the most analyzers of a lane that can be at work.
    pub fn workers(&self) -> usize {
        self.workers
    }

    pub fn open_lane(
        &self,
        name: &str,
        inbox: Inbox<Job>,
        workshop: Arc<Workshop>,
        on_result: OnResult,
    ) -> Arc<LaneShared> {
        let mut schedule = self.lock();
        schedule.opened += 1;
        let shared = Arc::new(LaneShared {
            id: schedule.opened,
            name: name.to_owned(),
            on_result,
            stats: Mutex::default(),
            changed: Arc::default(),
        });
        let lane = LaneState::new(shared.clone(), inbox, workshop);
        schedule.lanes.insert(shared.id, lane);
        shared
    }

    /// Puts a frame in the lane's inbox, waiting for room if the policy says so. What is to be passed on instead comes
    /// back, still counted as work: an older frame, or this one while the modules are quarantined.
    pub fn submit(self: &Arc<Self>, id: u64, frame: Frame) -> Result<Option<PassedOn>, SubmitError> {
        // Declared before the guard: a refused frame is dropped after the lock is released.
        let mut offered = Some(frame);
        let mut schedule = self.lock();
        loop {
            let open = schedule.tokens.is_some();
            let lane = schedule.lanes.get_mut(&id).filter(|_| open).ok_or(SubmitError::Closed)?;
            if lane.flushing {
                return Err(SubmitError::Flushing);
            }
            let Some(frame) = offered.take() else { return Ok(None) };
            let transfer = frame.transfer;
            let job =
                Job { frame, submitted: Instant::now(), workshop: lane.workshop.clone(), epoch: lane.epoch };
            if let Some(why) = job.workshop.refusal() {
                lane.shared.record(|stats| stats.submitted(transfer));
                return Ok(Some(PassedOn {
                    working: lane.begin(self),
                    job,
                    status: Status::Quarantined,
                    why,
                }));
            }
            match lane.inbox.push(job) {
                Push::Full(back) => {
                    offered = Some(back.frame);
                    let changed = lane.shared.changed.clone();
                    schedule = changed.wait(schedule).unwrap_or_else(PoisonError::into_inner);
                }
                accepted => {
                    lane.shared.record(|stats| stats.submitted(transfer));
                    let replaced = if let Push::Replaced(old) = accepted { Some(old) } else { None };
                    let replaced = replaced.map(|job| PassedOn {
                        working: lane.begin(self),
                        job,
                        status: Status::Skipped,
                        why: "A newer frame took its place.".into(),
                    });
                    schedule.wake();
                    return Ok(replaced);
                }
            }
        }
    }

    /// The next piece of work, round robin between the lanes that have some a worker can begin.
    pub fn next(self: &Arc<Self>) -> Option<(Working, Task)> {
        let mut schedule = self.lock();
        let Schedule { lanes, rotation, .. } = &mut *schedule;
        let id = rotation.next(lanes.iter().filter(|(_, lane)| lane.is_ready()).map(|(&id, _)| id))?;
        let lane = lanes.get_mut(&id)?;
        let task = lane.take()?;
        let working = lane.begin(self);
        lane.shared.changed.notify_all();
        Some((working, task))
    }

    /// Tells a sleeping worker that there may be work.
    pub fn wake(&self) {
        self.lock().wake();
    }

    /// Asks for as many analyzers as the lane may have. Each answer is sent to `done`.
    pub fn build_ahead(&self, id: u64, done: &Sender<Result<(), String>>) {
        let mut schedule = self.lock();
        if schedule.tokens.is_none() {
            return;
        }
        let Some(lane) = schedule.lanes.get_mut(&id) else { return };
        let workshop = lane.workshop.clone();
        let wanted = workshop.limit();
        lane.builds.extend((0..wanted).map(|_| Build { workshop: workshop.clone(), done: done.clone() }));
        for _ in 0..wanted {
            schedule.wake();
        }
    }

    pub fn set_flushing(&self, id: u64, flushing: bool) {
        let (jobs, builds) = {
            let mut schedule = self.lock();
            let Some(lane) = schedule.lanes.get_mut(&id) else { return };
            lane.flushing = flushing;
            if !flushing {
                return;
            }
            lane.epoch += 1;
            lane.shared.changed.notify_all();
            lane.clear()
        };
        self.discard(id, jobs);
        drop(builds);
    }

    /// Swaps the workshop for frames submitted from now on. The old one comes back, to be dropped by the caller.
    pub fn set_workshop(&self, id: u64, workshop: Arc<Workshop>) -> Option<Arc<Workshop>> {
        let mut schedule = self.lock();
        Some(std::mem::replace(&mut schedule.lanes.get_mut(&id)?.workshop, workshop))
    }

    /// Other rules for the lane's analyzers of now.
    pub fn set_quarantine(&self, id: u64, rules: QuarantineRules) {
        if let Some(lane) = self.lock().lanes.get(&id) {
            lane.workshop.set_rules(rules);
        }
    }

    pub fn in_flight(&self, id: u64) -> usize {
        self.lock().lanes.get(&id).map_or(0, LaneState::in_flight)
    }

    /// Waits until the lane has nothing waiting and nobody works for it; false when `until` came first.
    pub fn wait_idle(&self, id: u64, until: Option<Instant>) -> bool {
        let mut schedule = self.lock();
        let own = worker::delivering_for(id);
        loop {
            let Some(lane) = schedule.lanes.get(&id) else { return true };
            if lane.in_flight() <= own {
                return true;
            }
            let changed = lane.shared.changed.clone();
            let Some(until) = until else {
                schedule = changed.wait(schedule).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            schedule = changed.wait_timeout(schedule, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Discards what waits, waits for what is in work, forgets the lane.
    pub fn close_lane(&self, id: u64) {
        let waiting = self.lock().lanes.get_mut(&id).map(|lane| {
            lane.flushing = true;
            lane.shared.changed.notify_all();
            lane.clear()
        });
        if let Some((jobs, builds)) = waiting {
            self.discard(id, jobs);
            drop(builds);
        }
        self.wait_idle(id, None);
        let lane = self.lock().lanes.remove(&id);
        // Analyzers and the receiver of results end here, outside the lock.
        drop(lane);
    }

    /// Refuses further frames, passes the waiting ones on, lets the workers end.
    pub fn close(self: &Arc<Self>) {
        let mut jobs = Vec::new();
        let mut builds = Vec::new();
        {
            let mut schedule = self.lock();
            schedule.tokens = None;
            for lane in schedule.lanes.values_mut() {
                let (waiting, wanted) = lane.clear();
                jobs.extend(waiting.into_iter().map(|job| (lane.begin(self), job)));
                builds.extend(wanted);
                lane.shared.changed.notify_all();
            }
        }
        drop(builds);
        for (working, job) in jobs {
            let why = "The worker pool was shut down before this frame's turn.";
            self.pass_on(working, job, Status::Skipped, why);
        }
    }

    /// Delivers a frame un-analysed.
    pub fn pass_on(&self, working: Working, job: Job, status: Status, why: &str) {
        let epoch = job.epoch;
        // The last of the job's workshop goes before the result does, like the frame.
        let Job { frame, submitted, workshop, .. } = job;
        drop(workshop);
        let result = unseen(frame, submitted.elapsed(), status, why);
        self.deliver(&working, epoch, result);
    }

    /// Hands a result to the lane's receiver, unless the lane was flushed since the frame was submitted.
    pub fn deliver(&self, working: &Working, epoch: u64, result: FrameResult) {
        let Some(lane) = working.lane() else { return };
        let current = self.lock().lanes.get(&lane.id).is_some_and(|state| state.epoch == epoch);
        if !current {
            lane.record(|stats| stats.discarded(1));
            return;
        }
        lane.record(|stats| stats.finished(&result.analysis));
        worker::call_receiver(lane, result);
    }

    /// Something of the lane is in nobody's hands any more.
    pub fn finished(&self, id: u64) {
        if let Some(lane) = self.lock().lanes.get_mut(&id) {
            lane.working -= 1;
            lane.shared.changed.notify_all();
        }
    }

    fn discard(&self, id: u64, jobs: Vec<Job>) {
        let count = jobs.len() as u64;
        jobs.into_iter().for_each(|job| {
            worker::let_go(job.frame);
        });
        let lane = self.lock().lanes.get(&id).map(|lane| lane.shared.clone());
        if let Some(lane) = lane {
            lane.record(|stats| stats.discarded(count));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Schedule> {
        // Nothing that can panic runs under this lock.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schedule {
    fn wake(&self) {
        if let Some(tokens) = &self.tokens
            && tokens.try_send(()).is_err()
        {
            tracing::trace!("every worker has a token waiting");
        }
    }
}
