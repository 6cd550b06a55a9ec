//! What exists between READY and PAUSED and back: the lane into the worker pool, the camera's memory, the output.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use edgevision_wasm_host::{
    analysis::Status,
    arena::{ArenaError, Slot},
    pool::{DropPolicy, Lane, LaneOptions, LaneStats, QuarantineRules, WorkerPool},
};

use super::{
    health::Health,
    item::Item,
    latency,
    load::Loaded,
    output::Output,
    settings::{Policy, Settings},
    stats::{Counters, Snapshot},
    workers,
};
use crate::{
    framepool::{CameraArena, CopyRules, StreamFormat, sizing},
    glue::{cores, lock},
};

/// What the events on the sink pad have said so far.
#[derive(Default)]
pub struct Stream {
    pub format: Option<Arc<StreamFormat>>,
    pub segment: Option<gst::Segment>,
    pub next_seq: u64,
}

/// Lives from READY→PAUSED to PAUSED→READY. Dropping it waits for the frames that are being analysed.
pub struct Running {
    // Dropped first: its workers may still hold frames.
    lane: Mutex<Option<(Arc<Lane>, DropPolicy)>>,
    pool: Arc<WorkerPool>,
    loaded: Mutex<Arc<Loaded>>,
    /// To be used from the next frame on.
    pending: Mutex<Option<Arc<Loaded>>>,
    /// What the last frame that left was analysed with.
    pub left: Mutex<Arc<Loaded>>,
    /// As of the start: what cannot be changed while frames flow.
    settings: Settings,
    camera: Arc<str>,
    pub output: Output,
    pub counters: Counters,
    pub stream: Mutex<Stream>,
    /// What the frames that left say about the modules.
    pub health: Mutex<Health>,
    /// The last frame's bytes could not be read: the user has been told.
    pub unreadable: AtomicBool,
    rules: Arc<CopyRules>,
    arena: OnceLock<Arc<CameraArena>>,
    /// Held while the src pad's task is started, or paused because the output was found closed.
    pub task_turn: Mutex<()>,
    /// Asked when frames stay too long for the first time.
    live: OnceLock<bool>,
    /// What measured stays have made of the latency; 0 while the plan holds.
    grown_latency_ns: AtomicU64,
}

impl Running {
    pub fn new(loaded: Arc<Loaded>) -> Self {
        Self {
            lane: Mutex::default(),
            pool: workers::pool(loaded.settings.workers as usize, loaded.settings.performance),
            output: Output::default(),
            counters: Counters::default(),
            stream: Mutex::default(),
            health: Mutex::default(),
            unreadable: AtomicBool::new(false),
            rules: CopyRules::new(loaded.settings.alias_memory),
            arena: OnceLock::new(),
            task_turn: Mutex::default(),
            live: OnceLock::new(),
            grown_latency_ns: AtomicU64::new(0),
            pending: Mutex::default(),
            left: Mutex::new(loaded.clone()),
            settings: loaded.settings.clone(),
            camera: loaded.camera.clone(),
            loaded: Mutex::new(loaded),
        }
    }

    /// What frames are analysed with now.
    pub fn loaded(&self) -> Arc<Loaded> {
        lock(&self.loaded).clone()
    }

    /// What frames are, or will be, analysed with after all changes so far.
    pub fn latest(&self) -> Arc<Loaded> {
        let pending = lock(&self.pending);
        pending.clone().unwrap_or_else(|| self.loaded())
    }

    /// The camera's name in reports.
    pub fn camera(&self) -> &Arc<str> {
        &self.camera
    }

    /// Takes `loaded` into use with the next frame.
    pub fn change_at_next_frame(&self, loaded: Arc<Loaded>) {
        *lock(&self.pending) = Some(loaded);
    }

    /// Called between two frames, by the thread that brings them: takes what is pending into use. True if there was
    /// something. Frames before it keep what they were submitted under.
    pub fn change_now(&self) -> bool {
        // Held over both steps: `latest` would see what was before if it looked between them.
        let mut pending = lock(&self.pending);
        let Some(new) = pending.take() else { return false };
        let old = std::mem::replace(&mut *lock(&self.loaded), new.clone());
        drop(pending);
        if !new.same_job(&old) {
            self.counters.swapped();
        }
        if let Some((lane, _)) = &*lock(&self.lane) {
            match new.same_job(&old) {
                true => lane.set_quarantine(quarantine(&new.settings)),
                false => lane.set_factory(new.job.clone(), quarantine(&new.settings)),
            }
        }
        true
    }

    /// Lets frames through.
    pub fn open(&self) {
        if let Some((lane, _)) = &*lock(&self.lane) {
            lane.set_flushing(false);
        }
        self.output.open();
    }

    /// Refuses frames, wakes who waits for room, and gives back what was in the output.
    pub fn close(&self, flow: gst::FlowError) -> Vec<Item> {
        let items = self.output.close(flow);
        if let Some((lane, _)) = &*lock(&self.lane) {
            lane.set_flushing(true);
        }
        items
    }

    /// The way into the worker pool; opened with the first frame, when upstream knows whether it is live.
    pub fn lane(&self, is_live: impl FnOnce() -> bool) -> (Arc<Lane>, DropPolicy) {
        let mut lane = lock(&self.lane);
        lane.get_or_insert_with(|| {
            let policy = self.policy(is_live);
            (Arc::new(self.open_lane(policy)), policy)
        })
        .clone()
    }

    fn policy(&self, is_live: impl FnOnce() -> bool) -> DropPolicy {
        match self.settings.policy {
            Policy::Newest => DropPolicy::NewestWins,
            Policy::Every => DropPolicy::Block,
            Policy::Auto if is_live() => DropPolicy::NewestWins,
            Policy::Auto => DropPolicy::Block,
        }
    }

    fn open_lane(&self, policy: DropPolicy) -> Lane {
        let loaded = self.loaded();
        let quarantine = quarantine(&loaded.settings);
        let options = LaneOptions { capacity: self.queue_size(), policy, quarantine };
        let output = self.output.clone();
        let on_result = Box::new(move |result: edgevision_wasm_host::pool::FrameResult| {
            let seen = !matches!(result.analysis.status, Status::Skipped | Status::Quarantined);
            output.finish(result.seq, seen.then_some(result.transfer), result.analysis);
        });
        self.pool.lane(&self.camera, loaded.job.clone(), options, on_result)
    }

    /// Items that may be inside. Waiting for a worker, being analysed, and finished but waiting for a slower one
    /// before them; a live source is not made to wait while one frame takes as long as it may.
    pub fn room(&self, policy: DropPolicy, format: &StreamFormat) -> usize {
        const MOST_PASSING: u64 = 64;
        let passing = match (policy, format.frame_duration()) {
            (DropPolicy::Block, _) => 0,
            (DropPolicy::NewestWins, None) => MOST_PASSING,
            (DropPolicy::NewestWins, Some(frame)) => {
                self.loaded().settings.deadline_ns.div_ceil(frame.nseconds().max(1)).min(MOST_PASSING)
            }
        };
        self.queue_size() + 2 * self.pool.workers() + 2 + usize::try_from(passing).unwrap_or(usize::MAX)
    }

    /// The camera's memory; sized with the first question for it.
    pub fn arena(&self, is_live: impl FnOnce() -> bool) -> &Arc<CameraArena> {
        self.arena.get_or_init(|| {
            let source = match is_live() {
                true => sizing::Source::Live,
                false => sizing::Source::File { threads: cores() },
            };
            let slots = sizing::slot_count(source, self.queue_size(), self.pool.workers());
            CameraArena::new(slots, self.rules.clone())
        })
    }

    /// A slot for a frame that has to be copied; the spare ones are as many as frames can be under way.
    pub fn slot_for_copy(
        &self,
        bytes: usize,
        is_live: impl FnOnce() -> bool,
    ) -> Result<Option<Arc<Slot>>, ArenaError> {
        self.arena(is_live).slot_for_copy(bytes, self.queue_size() + self.pool.workers() + 2)
    }

    /// How long frames may stay: see the module documentation of `evdetect`.
    pub fn latency(&self) -> gst::ClockTime {
        let held = self.queue_size() + self.pool.workers();
        let deadline = gst::ClockTime::from_nseconds(self.loaded().settings.deadline_ns);
        let grown = gst::ClockTime::from_nseconds(self.grown_latency_ns.load(Ordering::Relaxed));
        latency::planned(self.frame_duration(), held, deadline).max(grown)
    }

    /// The new latency of a live stream when a frame has stayed longer than was announced.
    pub fn outgrown_latency(&self, is_live: impl FnOnce() -> bool) -> Option<gst::ClockTime> {
        let stay = gst::ClockTime::try_from(self.output.longest_stay()).ok()?;
        if stay <= self.latency() || !*self.live.get_or_init(is_live) {
            return None;
        }
        let format = lock(&self.stream).format.clone()?;
        let policy = lock(&self.lane).as_ref().map(|(_, policy)| *policy)?;
        let grown = latency::grown(stay, format.frame_duration(), self.room(policy, &format));
        let before = self.grown_latency_ns.fetch_max(grown.nseconds(), Ordering::Relaxed);
        (before < grown.nseconds()).then(|| self.latency())
    }

    fn frame_duration(&self) -> Option<gst::ClockTime> {
        lock(&self.stream).format.as_ref().and_then(|format| format.frame_duration())
    }

    /// What has been done so far.
    pub fn snapshot(&self) -> Snapshot {
        let lane = lock(&self.lane).as_ref().map_or_else(LaneStats::default, |(lane, _)| lane.stats());
        let arena = self.arena.get().and_then(|arena| arena.current());
        let loaded = self.loaded();
        Snapshot {
            camera: self.camera.to_string(),
            state: lock(&self.health).state(),
            discarded: self.output.discarded(),
            modules: loaded.modules.to_vec(),
            model: loaded.model.as_ref().map(ToString::to_string),
            engine: loaded.engine_name(),
            counts: self.counters.snapshot(),
            lane,
            queue_depth: self.output.len(),
            workers: self.pool.workers(),
            memory_copied: self.rules.copied_bytes(),
            starved: self.rules.starved(),
            slots: arena.as_ref().map_or(0, |arena| arena.slots()),
            slots_high_water: arena.as_ref().map_or(0, |arena| arena.high_water()),
        }
    }

    fn queue_size(&self) -> usize {
        self.settings.queue_size as usize
    }
}

fn quarantine(settings: &Settings) -> QuarantineRules {
    QuarantineRules { max_failures: settings.max_failures, ..QuarantineRules::default() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::evdetect::load::tests::probe;

    /// Who builds a change on `latest` must not undo the one before, which a frame is just taking into use.
    #[test]
    fn the_latest_change_is_seen_while_it_is_taken_into_use() {
        const CHANGES: u32 = 20_000;
        gst::init().unwrap();
        let first = probe("");
        let running = Running::new(first.clone());
        let change = |interval| {
            let settings = Settings { interval, ..first.settings.clone() };
            Arc::new(first.retuned(&settings).unwrap().unwrap())
        };
        let changes: Vec<_> = (1..=CHANGES).map(change).collect();
        let made = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for change in &changes {
                    running.change_at_next_frame(change.clone());
                    made.store(change.settings.interval, Ordering::SeqCst);
                    running.change_now();
                }
            });
            while made.load(Ordering::SeqCst) < CHANGES {
                let least = made.load(Ordering::SeqCst);
                let seen = running.latest().settings.interval;
                assert!(seen >= least, "change {least} was made, but {seen} is the latest");
            }
        });
    }
}
