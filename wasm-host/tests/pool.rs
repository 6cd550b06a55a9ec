//! The worker pool through its public face, with analyzers made for the test.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::OwnedFd,
    sync::{
        Arc, Condvar, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use edgevision_wasm_host::{
    analysis::{Analysis, Analyzer, AnalyzerFactory, Status, Timings},
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    pool::{DropPolicy, FrameResult, Lane, LaneOptions, QuarantineRules, Reorder, SubmitError, WorkerPool},
};

const LONG: Duration = Duration::from_secs(20);

/// One memfd for all frames: nobody here looks at pixels.
static MEMORY: LazyLock<Arc<OwnedFd>> = LazyLock::new(|| {
    let fd = rustix::fs::memfd_create("pool-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, 65536).unwrap();
    Arc::new(fd)
});

fn frame_with(seq: u64, keep_alive: Box<dyn std::any::Any + Send>) -> Frame {
    let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Limited };
    Frame {
        seq,
        timestamp_ns: None,
        layout: FrameLayout::packed(PixelFormat::Gray8, 16, 16, color).unwrap(),
        pixels: Pixels::Fd { fd: MEMORY.clone(), len: 65536, offset: 0 },
        transfer: [Transfer::InPlace, Transfer::Mapped, Transfer::Copied][usize::try_from(seq % 3).unwrap()],
        keep_alive,
    }
}

fn frame(seq: u64) -> Frame {
    frame_with(seq, Box::new(()))
}

fn ok() -> Analysis {
    Analysis {
        status: Status::Ok,
        detections: Vec::new(),
        tensors: Vec::new(),
        timings: Timings { inference: Duration::from_millis(1), ..Timings::default() },
        bytes_copied: 10,
        message: None,
    }
}

/// An analyzer that is a function of the number of its life (which build it came from) and the frame.
struct Plan<F> {
    built: AtomicUsize,
    alive: Arc<AtomicUsize>,
    limit: usize,
    analyze: F,
}

struct Made<F: Fn(usize, &Frame) -> Analysis> {
    number: usize,
    plan: Arc<Plan<F>>,
}

impl<F: Fn(usize, &Frame) -> Analysis + Send + Sync + 'static> Plan<F> {
    fn new(limit: usize, analyze: F) -> Arc<Self> {
        Arc::new(Self { built: AtomicUsize::new(0), alive: Arc::default(), limit, analyze })
    }
    fn factory(self: &Arc<Self>) -> Arc<dyn AnalyzerFactory> {
        Arc::new(Factory(self.clone()))
    }
}

struct Factory<F>(Arc<Plan<F>>);

impl<F: Fn(usize, &Frame) -> Analysis + Send + Sync + 'static> AnalyzerFactory for Factory<F> {
    fn build(&self) -> Result<Box<dyn Analyzer>, String> {
        let number = self.0.built.fetch_add(1, Ordering::SeqCst);
        self.0.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Made { number, plan: self.0.clone() }))
    }
    fn max_instances(&self) -> usize {
        self.0.limit
    }
}

impl<F: Fn(usize, &Frame) -> Analysis + Send + Sync> Analyzer for Made<F> {
    fn analyze(&mut self, frame: &Frame) -> Analysis {
        (self.plan.analyze)(self.number, frame)
    }
}

impl<F: Fn(usize, &Frame) -> Analysis> Drop for Made<F> {
    fn drop(&mut self) {
        self.plan.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A gate that analyzers wait at, so that tests need no sleeping.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
    arrived: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().unwrap();
        let (open, timeout) = self.changed.wait_timeout_while(open, LONG, |open| !*open).unwrap();
        assert!(*open && !timeout.timed_out());
    }
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }
    fn wait_for(&self, arrivals: usize) {
        until(|| self.arrived.load(Ordering::SeqCst) >= arrivals);
    }
}

fn until(condition: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "it did not happen");
        thread::sleep(Duration::from_millis(1));
    }
}

type Results = Arc<Mutex<Vec<FrameResult>>>;

fn collector() -> (Results, Box<dyn Fn(FrameResult) + Send + Sync>) {
    let results = Results::default();
    let into = results.clone();
    (results, Box::new(move |result| into.lock().unwrap().push(result)))
}

fn seqs(results: &Results, status: Status) -> Vec<u64> {
    let results = results.lock().unwrap();
    let mut seqs: Vec<u64> = results.iter().filter(|r| r.analysis.status == status).map(|r| r.seq).collect();
    seqs.sort_unstable();
    seqs
}

fn options(capacity: usize, policy: DropPolicy) -> LaneOptions {
    LaneOptions {
        capacity,
        policy,
        quarantine: QuarantineRules { max_failures: 0, ..QuarantineRules::default() },
    }
}

/// A pool with a lane whose analyzers wait at the gate.
fn gated(workers: usize, options: LaneOptions) -> (Arc<WorkerPool>, Lane, Arc<Gate>, Results) {
    let pool = WorkerPool::new(workers);
    let gate = Arc::new(Gate::default());
    let at = gate.clone();
    let plan = Plan::new(usize::MAX, move |_, _| {
        at.pass();
        ok()
    });
    let (results, on_result) = collector();
    let lane = pool.lane("cam", plan.factory(), options, on_result);
    (pool, lane, gate, results)
}

#[test]
fn the_newest_frames_win_and_the_others_are_skipped() {
    let (_pool, lane, gate, results) = gated(1, options(2, DropPolicy::NewestWins));
    lane.submit(frame(0)).unwrap();
    gate.wait_for(1);
    (1..=5).for_each(|seq| lane.submit(frame(seq)).unwrap());
    assert_eq!(seqs(&results, Status::Skipped), [1, 2, 3], "delivered at once, by the submitter");
    assert_eq!(lane.in_flight(), 3);
    gate.open();
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(seqs(&results, Status::Ok), [0, 4, 5]);
    let stats = lane.stats();
    assert_eq!((stats.submitted, stats.ok, stats.skipped, stats.discarded), (6, 3, 3, 0));
    assert_eq!((stats.in_place, stats.mapped, stats.copied, stats.bytes_copied), (2, 2, 2, 30));
    assert_eq!(stats.latency.count, 3);
    let results = results.lock().unwrap();
    let skipped = results.iter().find(|result| result.seq == 1).unwrap();
    assert_eq!(skipped.analysis.message.as_deref(), Some("A newer frame took its place."));
    assert_eq!(skipped.transfer, Transfer::Mapped);
}

#[test]
fn timings_are_completed() {
    let (_pool, lane, gate, results) = gated(1, options(2, DropPolicy::Block));
    lane.submit(frame(0)).unwrap();
    gate.wait_for(1);
    lane.submit(frame(1)).unwrap();
    thread::sleep(Duration::from_millis(30));
    gate.open();
    assert!(lane.wait_idle(Some(LONG)));
    let results = results.lock().unwrap();
    let second = &results.iter().find(|result| result.seq == 1).unwrap().analysis.timings;
    assert!(second.queue >= Duration::from_millis(30), "{second:?}");
    assert!(second.total >= second.queue && second.inference == Duration::from_millis(1));
    let first = &results.iter().find(|result| result.seq == 0).unwrap().analysis.timings;
    assert!(first.queue < first.total && first.total >= Duration::from_millis(30), "{first:?}");
}

/// Submits until the lane blocks; gives the number that was accepted so far and the thread's outcome.
fn block_a_submitter(lane: &Arc<Lane>) -> (Arc<AtomicUsize>, thread::JoinHandle<Result<(), SubmitError>>) {
    let accepted = Arc::new(AtomicUsize::new(0));
    let (lane, counter) = (lane.clone(), accepted.clone());
    let submitter = thread::spawn(move || {
        for seq in 0..10 {
            lane.submit(frame(seq))?;
            counter.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    until(|| accepted.load(Ordering::SeqCst) == 3);
    thread::sleep(Duration::from_millis(30));
    assert_eq!(accepted.load(Ordering::SeqCst), 3, "one in work, two waiting, the fourth blocks");
    (accepted, submitter)
}

#[test]
fn a_full_inbox_holds_the_submitter_back_and_loses_nothing() {
    let (_pool, lane, gate, results) = gated(1, options(2, DropPolicy::Block));
    let lane = Arc::new(lane);
    let (_, submitter) = block_a_submitter(&lane);
    gate.open();
    assert_eq!(submitter.join().unwrap(), Ok(()));
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(seqs(&results, Status::Ok), (0..10).collect::<Vec<_>>());
}

#[test]
fn flushing_releases_a_blocked_submitter_and_discards() {
    let (_pool, lane, gate, results) = gated(1, options(2, DropPolicy::Block));
    let lane = Arc::new(lane);
    let (_, submitter) = block_a_submitter(&lane);
    gate.wait_for(1);
    lane.set_flushing(true);
    assert_eq!(submitter.join().unwrap(), Err(SubmitError::Flushing));
    assert_eq!(lane.submit(frame(50)), Err(SubmitError::Flushing));
    lane.set_flushing(false);
    lane.submit(frame(60)).unwrap();
    gate.open();
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(seqs(&results, Status::Ok), [60], "neither those waiting nor the one in work has a result");
    assert_eq!(lane.stats().discarded, 3);
    assert_eq!(results.lock().unwrap().len(), 1);
}

#[test]
fn dropping_the_pool_releases_a_blocked_submitter_and_passes_frames_on() {
    let (pool, lane, gate, results) = gated(1, options(2, DropPolicy::Block));
    let lane = Arc::new(lane);
    let (_, submitter) = block_a_submitter(&lane);
    let dropper = thread::spawn(move || drop(pool));
    assert_eq!(submitter.join().unwrap(), Err(SubmitError::Closed));
    until(|| seqs(&results, Status::Skipped) == [1, 2]);
    gate.open();
    dropper.join().unwrap();
    assert_eq!(seqs(&results, Status::Ok), [0], "the one in work is finished before the pool is gone");
    assert_eq!(lane.submit(frame(9)), Err(SubmitError::Closed));
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(lane.warm_up(), Ok(()));
}

#[test]
fn dropping_the_lane_discards_what_waits_and_waits_for_what_is_in_work() {
    let pool = WorkerPool::new(2);
    let gate = Arc::new(Gate::default());
    let at = gate.clone();
    let plan = Plan::new(1, move |_, _| {
        at.pass();
        ok()
    });
    let (results, on_result) = collector();
    let lane = pool.lane("cam", plan.factory(), options(4, DropPolicy::Block), on_result);
    (0..4).for_each(|seq| lane.submit(frame(seq)).unwrap());
    gate.wait_for(1);
    let gone = Arc::new(AtomicBool::new(false));
    let flag = gone.clone();
    let dropper = thread::spawn(move || {
        drop(lane);
        flag.store(true, Ordering::SeqCst);
    });
    thread::sleep(Duration::from_millis(30));
    assert!(!gone.load(Ordering::SeqCst));
    gate.open();
    dropper.join().unwrap();
    assert_eq!(seqs(&results, Status::Ok), [0]);
    assert_eq!(results.lock().unwrap().len(), 1);
    assert_eq!(plan.alive.load(Ordering::SeqCst), 0, "its analyzers are gone");
    assert_eq!(Arc::strong_count(&results), 1, "and so is the receiver of results");
    drop(pool);
}

#[test]
fn a_flooding_camera_leaves_the_other_its_share() {
    let pool = WorkerPool::new(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let gate = Arc::new(Gate::default());
    let lane = |name: &'static str| {
        let (order, gate) = (order.clone(), gate.clone());
        let plan = Plan::new(usize::MAX, move |_, _| {
            gate.pass();
            order.lock().unwrap().push(name);
            ok()
        });
        pool.lane(name, plan.factory(), options(40, DropPolicy::NewestWins), Box::new(|_| {}))
    };
    let (flood, quiet, third) = (lane("flood"), lane("quiet"), lane("third"));
    (0..40).for_each(|seq| flood.submit(frame(seq)).unwrap());
    gate.wait_for(1);
    (0..3).for_each(|seq| quiet.submit(frame(seq)).unwrap());
    (0..2).for_each(|seq| third.submit(frame(seq)).unwrap());
    gate.open();
    assert!(flood.wait_idle(Some(LONG)) && quiet.wait_idle(Some(LONG)) && third.wait_idle(Some(LONG)));
    let order = order.lock().unwrap();
    assert_eq!(order[..9], ["flood", "quiet", "third", "flood", "quiet", "third", "flood", "quiet", "flood"]);
    assert_eq!(order.len(), 45);
}

#[test]
fn a_panicking_analyzer_costs_one_frame() {
    let pool = WorkerPool::new(1);
    let plan = Plan::new(
        usize::MAX,
        |_, frame| if frame.seq == 1 { panic!("box {} is odd", frame.seq) } else { ok() },
    );
    let (results, on_result) = collector();
    let lane = pool.lane("line3", plan.factory(), options(8, DropPolicy::Block), on_result);
    (0..4).for_each(|seq| lane.submit(frame(seq)).unwrap());
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(seqs(&results, Status::Ok), [0, 2, 3]);
    assert_eq!(seqs(&results, Status::Trapped), [1]);
    assert_eq!(plan.built.load(Ordering::SeqCst), 2, "a new one in place of the broken one");
    assert_eq!(plan.alive.load(Ordering::SeqCst), 1);
    let results = results.lock().unwrap();
    let trapped = results.iter().find(|result| result.seq == 1).unwrap();
    assert_eq!(
        trapped.analysis.message.as_deref(),
        Some(
            "The analysis for camera `line3` panicked (box 1 is odd); this is a fault of the host, please report it."
        )
    );
}

struct Refusing(AtomicUsize);

impl AnalyzerFactory for Refusing {
    fn build(&self) -> Result<Box<dyn Analyzer>, String> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Err("The module refused its parameters.".to_owned()),
            1 => panic!("out of luck"),
            _ => Plan::new(1, |_, _| ok()).factory().build(),
        }
    }
}

#[test]
fn a_refusing_factory_costs_a_frame_each_time_and_says_why() {
    let pool = WorkerPool::new(1);
    let (results, on_result) = collector();
    let factory = Arc::new(Refusing(AtomicUsize::new(0)));
    let lane = pool.lane("cam", factory, options(8, DropPolicy::Block), on_result);
    (0..3).for_each(|seq| lane.submit(frame(seq)).unwrap());
    assert!(lane.wait_idle(Some(LONG)));
    let results = results.lock().unwrap();
    let text = |index: usize| results[index].analysis.message.clone();
    assert_eq!(text(0).as_deref(), Some("The module refused its parameters."));
    assert!(text(1).unwrap().contains("panicked (out of luck)"));
    assert_eq!(results[2].analysis.status, Status::Ok);
}

#[test]
fn warming_up_builds_on_the_workers_and_reports_refusals() {
    let pool = WorkerPool::new(3);
    let threads = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = threads.clone();
    struct Noting(Arc<dyn AnalyzerFactory>, Arc<Mutex<BTreeSet<String>>>);
    impl AnalyzerFactory for Noting {
        fn build(&self) -> Result<Box<dyn Analyzer>, String> {
            self.1.lock().unwrap().insert(thread::current().name().unwrap_or("").to_owned());
            self.0.build()
        }
        fn max_instances(&self) -> usize {
            self.0.max_instances()
        }
    }
    let plan = Plan::new(2, |_, _| ok());
    let lane = pool.lane(
        "cam",
        Arc::new(Noting(plan.factory(), seen)),
        options(2, DropPolicy::Block),
        Box::new(|_| {}),
    );
    lane.warm_up().unwrap();
    lane.warm_up().unwrap();
    assert_eq!(plan.built.load(Ordering::SeqCst), 2, "no more than may be used at once");
    assert!(threads.lock().unwrap().iter().all(|name| name.starts_with("ev-worker-")));
    (0..20).for_each(|seq| lane.submit(frame(seq)).unwrap());
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(plan.built.load(Ordering::SeqCst), 2, "used again for every frame");

    let refusing = pool.lane(
        "other",
        Arc::new(Refusing(AtomicUsize::new(0))),
        options(2, DropPolicy::Block),
        Box::new(|_| {}),
    );
    let first_refusal = refusing.warm_up().unwrap_err();
    assert!(first_refusal.contains("refused") || first_refusal.contains("panicked"), "{first_refusal}");
}

#[test]
fn a_stateful_analyzer_is_alone_and_sees_the_frames_in_order() {
    let pool = WorkerPool::new(4);
    let (seen, busy) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let (into, alone) = (seen.clone(), busy);
    let plan = Plan::new(1, move |_, frame| {
        assert!(!alone.swap(true, Ordering::SeqCst), "two at once");
        into.lock().unwrap().push(frame.seq);
        thread::sleep(Duration::from_micros(200));
        alone.store(false, Ordering::SeqCst);
        ok()
    });
    let (results, on_result) = collector();
    let lane = pool.lane("cam", plan.factory(), options(3, DropPolicy::Block), on_result);
    (0..100).for_each(|seq| lane.submit(frame(seq)).unwrap());
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(*seen.lock().unwrap(), (0..100).collect::<Vec<_>>());
    assert_eq!(plan.built.load(Ordering::SeqCst), 1);
    assert_eq!(seqs(&results, Status::Ok).len(), 100);
}

#[test]
fn a_new_factory_takes_over_between_two_frames() {
    let (_pool, lane, gate, results) = gated(1, options(4, DropPolicy::Block));
    (0..3).for_each(|seq| lane.submit(frame(seq)).unwrap());
    gate.wait_for(1);
    let new = Plan::new(usize::MAX, |_, _| Analysis { bytes_copied: 777, ..ok() });
    lane.set_factory(new.factory(), QuarantineRules::default());
    (3..5).for_each(|seq| lane.submit(frame(seq)).unwrap_or(()));
    gate.open();
    assert!(lane.wait_idle(Some(LONG)));
    let results = results.lock().unwrap();
    let by_new: BTreeSet<u64> = results
        .iter()
        .filter(|result| result.analysis.bytes_copied == 777)
        .map(|result| result.seq)
        .collect();
    assert_eq!(by_new, BTreeSet::from([3, 4]), "frames submitted before keep their analyzers");
    assert_eq!(new.built.load(Ordering::SeqCst), 1);
}

#[test]
fn the_frame_is_let_go_before_its_result_is_delivered() {
    struct Held(Arc<AtomicUsize>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let held = Arc::new(AtomicUsize::new(0));
    let pool = WorkerPool::new(1);
    let (seen, watched) = (Arc::new(Mutex::new(Vec::new())), held.clone());
    let into = seen.clone();
    let plan = Plan::new(usize::MAX, |_, _| ok());
    let on_result = move |_| into.lock().unwrap().push(watched.load(Ordering::SeqCst));
    let lane = pool.lane("cam", plan.factory(), options(1, DropPolicy::Block), Box::new(on_result));
    for seq in 0..10 {
        held.fetch_add(1, Ordering::SeqCst);
        lane.submit(frame_with(seq, Box::new(Held(held.clone())))).unwrap();
        assert!(lane.wait_idle(Some(LONG)));
    }
    assert_eq!(*seen.lock().unwrap(), [0; 10]);
}

#[test]
fn a_receiver_may_ask_the_lane_and_even_drop_it() {
    let pool = WorkerPool::new(1);
    let slot: Arc<Mutex<Option<Lane>>> = Arc::default();
    let (own, asked) = (slot.clone(), Arc::new(Mutex::new(Vec::new())));
    let into = asked.clone();
    let plan = Plan::new(usize::MAX, |_, _| ok());
    let on_result = move |result: FrameResult| {
        let lane = own.lock().unwrap().take().unwrap();
        into.lock().unwrap().push((result.seq, lane.in_flight(), lane.stats().ok));
        assert!(lane.wait_idle(Some(LONG)), "its own result does not count");
        lane.warm_up().unwrap();
        if result.seq == 0 {
            lane.submit(frame(1)).unwrap();
            *own.lock().unwrap() = Some(lane);
        }
    };
    let lane = pool.lane("cam", plan.factory(), options(2, DropPolicy::NewestWins), Box::new(on_result));
    let mut held = slot.lock().unwrap();
    lane.submit(frame(0)).unwrap();
    *held = Some(lane);
    drop(held);
    until(|| asked.lock().unwrap().len() == 2);
    assert_eq!(*asked.lock().unwrap(), [(0, 1, 1), (1, 1, 2)]);
    drop(pool);
    assert!(slot.lock().unwrap().is_none());
}

#[test]
fn a_panicking_receiver_or_frame_does_not_end_a_worker() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a frame that cannot be let go");
        }
    }
    let pool = WorkerPool::new(1);
    let plan = Plan::new(usize::MAX, |_, _| ok());
    let (results, on_result) = collector();
    let lane = pool.lane(
        "cam",
        plan.factory(),
        options(4, DropPolicy::Block),
        Box::new(move |result| {
            let seq = result.seq;
            on_result(result);
            assert_ne!(seq, 1, "the receiver's fault");
        }),
    );
    lane.submit(frame_with(0, Box::new(Bomb))).unwrap();
    (1..4).for_each(|seq| lane.submit(frame(seq)).unwrap());
    assert!(lane.wait_idle(Some(LONG)));
    assert_eq!(seqs(&results, Status::Ok), [0, 1, 2, 3]);
}

/// What a lane of the stress test does to its frames.
fn hazards(_: usize, frame: &Frame) -> Analysis {
    if frame.seq % 37 == 5 {
        panic!("frame {}", frame.seq);
    }
    if frame.seq.is_multiple_of(7) {
        thread::sleep(Duration::from_micros(frame.seq % 5 * 100));
    }
    ok()
}

#[test]
fn four_workers_three_lanes_exactly_one_result_each_in_order_after_reorder() {
    const FRAMES: u64 = 600;
    let pool = WorkerPool::new(4);
    let policies = [(2, DropPolicy::Block), (3, DropPolicy::NewestWins), (1, DropPolicy::Block)];
    thread::scope(|scope| {
        for (number, (capacity, policy)) in policies.into_iter().enumerate() {
            let pool = pool.clone();
            scope.spawn(move || {
                let order: Arc<Mutex<Reorder<u64>>> = Arc::default();
                let (counts, left) =
                    (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(Vec::new())));
                let (places, count, out) = (order.clone(), counts.clone(), left.clone());
                let plan = Plan::new([usize::MAX, 2, 1][number], hazards);
                let on_result = move |result: FrameResult| {
                    *count.lock().unwrap().entry(result.seq).or_insert(0) += 1;
                    let mut places = places.lock().unwrap();
                    assert!(places.fill(edgevision_wasm_host::pool::Ticket(result.seq), result.seq));
                    out.lock().unwrap().extend(std::iter::from_fn(|| places.pop()));
                };
                let lane = pool.lane("cam", plan.factory(), options(capacity, policy), Box::new(on_result));
                for seq in 0..FRAMES {
                    assert_eq!(order.lock().unwrap().reserve().0, seq);
                    lane.submit(frame(seq)).unwrap();
                }
                assert!(lane.wait_idle(Some(LONG)));
                assert_eq!(*left.lock().unwrap(), (0..FRAMES).collect::<Vec<_>>());
                assert!(counts.lock().unwrap().values().all(|&count| count == 1));
                let stats = lane.stats();
                assert_eq!(stats.ok + stats.trapped + stats.skipped, FRAMES);
                assert_eq!(stats.skipped == 0, policy == DropPolicy::Block);
                assert_eq!(lane.in_flight(), 0);
            });
        }
    });
}

#[test]
fn idle_workers_sleep() {
    let pool = WorkerPool::new(4);
    let plan = Plan::new(usize::MAX, |_, _| ok());
    let lane = pool.lane("cam", plan.factory(), options(2, DropPolicy::Block), Box::new(|_| {}));
    (0..50).for_each(|seq| lane.submit(frame(seq)).unwrap());
    assert!(lane.wait_idle(Some(LONG)));
    let cpu = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = cpu();
    thread::sleep(Duration::from_millis(300));
    assert!(cpu() - before <= 3, "ticks of 10 ms used by workers with nothing to do");
}
