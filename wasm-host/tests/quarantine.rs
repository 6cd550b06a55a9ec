//! Quarantine in the pool: what passes at once, and the one frame that is tried.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use edgevision_wasm_host::{
    analysis::{Analysis, Analyzer, AnalyzerFactory, Status, Timings},
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    pool::{DropPolicy, FrameResult, Lane, LaneOptions, QuarantineRules, WorkerPool},
};

const LONG: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);

/// Fails while told to.
#[derive(Clone, Default)]
struct Moody {
    fails: Arc<AtomicBool>,
    seen: Arc<AtomicUsize>,
}

impl Analyzer for Moody {
    fn analyze(&mut self, _frame: &Frame) -> Analysis {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let (status, message) = match self.fails.load(Ordering::SeqCst) {
            true => (Status::Trapped, Some("out of cheese".to_owned())),
            false => (Status::Ok, None),
        };
        Analysis {
            status,
            detections: Vec::new(),
            tensors: Vec::new(),
            timings: Timings::default(),
            bytes_copied: 0,
            message,
        }
    }
}

impl AnalyzerFactory for Moody {
    fn build(&self) -> Result<Box<dyn Analyzer>, String> {
        Ok(Box::new(self.clone()))
    }
}

struct Bench {
    lane: Lane,
    moody: Moody,
    results: Arc<Mutex<Vec<FrameResult>>>,
    memory: Arc<OwnedFd>,
    next: u64,
    // Dropped after the lane.
    _pool: Arc<WorkerPool>,
}

fn rules(max_failures: u32, pause: Duration) -> QuarantineRules {
    QuarantineRules { max_failures, window: MINUTE, first_pause: pause, longest_pause: 4 * pause }
}

impl Bench {
    fn new(quarantine: QuarantineRules) -> Self {
        let pool = WorkerPool::new(2);
        let moody = Moody::default();
        let results = Arc::new(Mutex::new(Vec::new()));
        let into = results.clone();
        let on_result = Box::new(move |result| into.lock().unwrap().push(result));
        let options = LaneOptions { capacity: 4, policy: DropPolicy::Block, quarantine };
        let lane = pool.lane("cam", Arc::new(moody.clone()), options, on_result);
        let memory = rustix::fs::memfd_create("quarantine", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&memory, 65536).unwrap();
        Self { lane, moody, results, memory: Arc::new(memory), next: 0, _pool: pool }
    }

    /// Submits a frame and waits for what becomes of it.
    fn frame(&mut self) -> (Status, String) {
        let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Limited };
        let frame = Frame {
            seq: self.next,
            timestamp_ns: None,
            layout: FrameLayout::packed(PixelFormat::Gray8, 16, 16, color).unwrap(),
            pixels: Pixels::Fd { fd: self.memory.clone(), len: 65536, offset: 0 },
            transfer: Transfer::Mapped,
            keep_alive: Box::new(()),
        };
        self.next += 1;
        self.lane.submit(frame).unwrap();
        assert!(self.lane.wait_idle(Some(LONG)));
        let results = self.results.lock().unwrap();
        let analysis = &results.last().unwrap().analysis;
        (analysis.status, analysis.message.clone().unwrap_or_default())
    }

    fn fail(&mut self, times: usize) {
        self.moody.fails.store(true, Ordering::SeqCst);
        (0..times).for_each(|_| assert_eq!(self.frame().0, Status::Trapped));
    }

    fn seen(&self) -> usize {
        self.moody.seen.load(Ordering::SeqCst)
    }
}

#[test]
fn after_failures_in_a_row_frames_go_on_unseen() {
    let mut bench = Bench::new(rules(3, MINUTE));
    bench.fail(3);
    for _ in 0..5 {
        let (status, why) = bench.frame();
        assert_eq!(status, Status::Quarantined);
        assert!(why.contains("out of cheese"), "{why}");
    }
    assert_eq!(bench.seen(), 3);
    let stats = bench.lane.stats();
    assert_eq!((stats.trapped, stats.quarantined, stats.quarantines, stats.submitted), (3, 5, 1, 8));
    assert_eq!(stats.latency.count, 3, "what nobody saw has no latency");
}

#[test]
fn a_frame_is_tried_when_the_pause_is_over_and_its_success_ends_the_quarantine() {
    let mut bench = Bench::new(rules(2, Duration::from_millis(50)));
    bench.fail(2);
    let end = Instant::now() + LONG;
    // The first attempt fails.
    while bench.seen() < 3 {
        bench.frame();
        assert!(Instant::now() < end);
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(bench.frame().0, Status::Quarantined, "the pause is longer now");
    bench.moody.fails.store(false, Ordering::SeqCst);
    while bench.frame().0 != Status::Ok {
        assert!(Instant::now() < end);
        thread::sleep(Duration::from_millis(1));
    }
    (0..10).for_each(|_| assert_eq!(bench.frame().0, Status::Ok));
    assert_eq!(bench.lane.stats().quarantines, 1);
}

#[test]
fn no_limit_no_quarantine_and_lifting_the_limit_ends_one() {
    let mut bench = Bench::new(rules(0, MINUTE));
    bench.fail(100);
    let mut bench = Bench::new(rules(1, MINUTE));
    bench.fail(1);
    assert_eq!(bench.frame().0, Status::Quarantined);
    bench.lane.set_quarantine(rules(0, MINUTE));
    bench.fail(5);
}

#[test]
fn new_analyzers_are_not_quarantined_for_what_the_old_ones_did() {
    let mut bench = Bench::new(rules(1, MINUTE));
    bench.fail(1);
    assert_eq!(bench.frame().0, Status::Quarantined);
    bench.lane.set_factory(Arc::new(Moody::default()), rules(1, MINUTE));
    assert_eq!(bench.frame().0, Status::Ok);
}
