//! 200 starts and stops: nothing grows.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::process::{detect, gst, run};

/// After so many, caches and allocators have what they keep.
const WARM_UP: usize = 40;
const CYCLES: usize = 200;

/// What a process holds.
pub fn holdings() -> BTreeMap<&'static str, u64> {
    let count = |path: &str| fs::read_dir(path).unwrap().count() as u64;
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let memfds = maps.lines().filter(|line| line.contains("memfd:")).count() as u64;
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    BTreeMap::from([
        ("threads", count("/proc/self/task")),
        ("descriptors", count("/proc/self/fd")),
        ("mappings", maps.lines().count() as u64),
        ("memfd mappings", memfds),
        ("resident KiB", pages * 4),
    ])
}

/// What may be more at the end. GStreamer's task pool keeps as many threads as once ran at the same time, which is a
/// matter of luck; 160 cycles that lose one each would be far above the bound. Allocators map their heaps as they
/// like; 160 cycles that lose 13 KiB each would be over the bound for resident memory.
const BOUNDS: [(&str, u64); 5] =
    [("threads", 4), ("descriptors", 0), ("memfd mappings", 0), ("mappings", 12), ("resident KiB", 2 << 10)];

#[track_caller]
pub fn assert_no_growth(before: &BTreeMap<&str, u64>, after: &BTreeMap<&str, u64>) {
    println!("before {before:?}\nafter  {after:?}");
    for (what, bound) in BOUNDS {
        assert!(
            after[what] <= before[what] + bound,
            "{what}: {} before, {} after",
            before[what],
            after[what]
        );
    }
}

pub fn init() {
    gst::init().unwrap();
    gstedgevision::plugin_register_static().unwrap();
}

pub struct Line {
    pub pipeline: gst::Pipeline,
    seen: Arc<AtomicUsize>,
}

impl Line {
    pub fn new(description: &str) -> Self {
        let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>().unwrap();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = seen.clone();
        let pad = pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
        Self { pipeline, seen }
    }

    /// Everything of ours, over small frames that go on until they are stopped.
    pub fn ours() -> Self {
        let source = "videotestsrc ! video/x-raw,format=I420,width=64,height=48,framerate=25/1";
        let detect = detect();
        Self::new(&format!(
            "{source} ! {detect} ! evoverlay ! evpublish location=/dev/null ! fakesink name=s sync=false"
        ))
    }

    /// Waits for so many frames more at the sink.
    pub fn wait_for(&self, frames: usize) {
        let (target, begin) = (self.seen.load(Ordering::Relaxed) + frames, Instant::now());
        while self.seen.load(Ordering::Relaxed) < target {
            assert!(begin.elapsed() < Duration::from_secs(60), "no frames come");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn set(&self, state: gst::State) {
        self.pipeline.set_state(state).unwrap();
        // Messages that nobody reads are kept until NULL: 12 KiB for each start and stop, without any element of ours.
        let bus = self.pipeline.bus().unwrap();
        while bus.pop().is_some() {}
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn cycles(each: impl Fn()) {
    (0..WARM_UP).for_each(|_| each());
    let before = holdings();
    (WARM_UP..CYCLES).for_each(|_| each());
    assert_no_growth(&before, &holdings());
}

#[test]
#[ignore = "started by another test"]
fn child_null_playing_null() {
    init();
    let line = Line::ours();
    cycles(|| {
        line.set(gst::State::Playing);
        line.wait_for(2);
        line.set(gst::State::Null);
    });
}

#[test]
#[ignore = "started by another test"]
fn child_ready_playing_ready() {
    init();
    let line = Line::ours();
    cycles(|| {
        line.set(gst::State::Playing);
        line.wait_for(2);
        line.set(gst::State::Ready);
    });
}

#[test]
#[ignore = "started by another test"]
fn child_new_pipelines() {
    init();
    cycles(|| {
        let line = Line::ours();
        line.set(gst::State::Playing);
        line.wait_for(1);
    });
}

/// Runs an ignored test of this file in a process that warnings end.
///
/// With one heap: glibc gives threads up to 8 heaps a core, made whenever two of them happen to allocate at once, so that
/// mappings and memory would grow by luck for longer than the warm-up.
#[track_caller]
pub fn child(name: &str) {
    let mut child = gst(std::env::current_exe().unwrap().to_str().unwrap());
    child.env("MALLOC_ARENA_MAX", "1");
    let ended = run(child.args(["--exact", name, "--ignored", "--nocapture"]));
    println!("{}", ended.text);
    assert!(ended.success && ended.text.contains("1 passed"), "{}", ended.text);
}

#[test]
fn null_playing_null() {
    child("cycles::child_null_playing_null");
}

#[test]
fn ready_playing_ready() {
    child("cycles::child_ready_playing_ready");
}

#[test]
fn new_pipelines() {
    child("cycles::child_new_pipelines");
}
