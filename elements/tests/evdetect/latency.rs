//! What is said about latency, and whether it is true.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use gst::{ClockTime, prelude::*};

use super::{
    pads::{CAPS, Rig},
    support::{Bench, Module},
};

/// Live, least, most: at the src pad.
fn latency(pad: &gst::Pad) -> (bool, ClockTime, Option<ClockTime>) {
    let mut query = gst::query::Latency::new();
    assert!(pad.query(query.query_mut()));
    query.result()
}

fn rig() -> Rig {
    Rig::with(Module::plain(), |element| {
        element.set_property("workers", 3u32);
        element.set_property("queue-size", 2u32);
    })
}

const OWN: ClockTime = ClockTime::from_mseconds(5 * 40);

#[test]
fn own_latency_is_added_to_least_and_most() {
    let rig = rig();
    let src = rig.element.static_pad("src").unwrap();
    for (live, min, max) in [(true, 30, Some(90)), (true, 0, None), (false, 0, None), (true, 10, Some(10))] {
        rig.upstream_latency(live, min, max);
        let (said_live, said_min, said_max) = latency(&src);
        assert_eq!(said_live, live);
        assert_eq!(said_min, ClockTime::from_mseconds(min) + OWN);
        assert_eq!(said_max, max.map(|max| ClockTime::from_mseconds(max) + OWN));
    }
}

#[test]
fn two_in_a_row_add_up() {
    let module = Module::plain();
    let bench = Bench::new(
        &format!(
            "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! \
             DETECT workers=3 queue-size=2 ! evdetect name=second preprocess={} workers=1 queue-size=1 ! \
             fakesink name=s sync=false qos=false",
            module.path().display()
        ),
        &module.path(),
    );
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    let second = bench.pipeline.by_name("second").unwrap();
    let (live, first, _) = latency(&bench.detector.static_pad("src").unwrap());
    let (_, both, _) = latency(&second.static_pad("src").unwrap());
    assert!(live);
    assert!(both - first >= ClockTime::from_mseconds(80), "{first} {both}");
}

#[test]
fn a_change_of_the_frame_rate_is_announced_and_nothing_else() {
    let rig = rig();
    let announced = || rig.bus.pop_filtered(&[gst::MessageType::Latency]).is_some();
    assert!(announced() && !announced(), "the first caps are announced once");
    rig.caps("video/x-raw,format=GRAY8,width=32,height=16,framerate=25/1");
    assert!(!announced(), "the same rate");
    rig.caps("video/x-raw,format=GRAY8,width=32,height=16,framerate=50/1");
    assert!(announced());
    assert_eq!(latency(&rig.element.static_pad("src").unwrap()).1, OWN / 2);
    rig.caps("video/x-raw,format=GRAY8,width=32,height=16,framerate=0/1");
    assert!(announced());
    assert_eq!(
        latency(&rig.element.static_pad("src").unwrap()).1,
        ClockTime::from_seconds(30),
        "the deadline"
    );
}

/// A live stream whose sink drops what is 20 ms late, as those with a window do. Frames pass for a second after the
/// last change of latency; then a row of frames of which none was dropped must come.
struct Live {
    bench: Bench,
    announced: Arc<AtomicU32>,
}

impl Live {
    fn new(module: &Module, detect: &str) -> Self {
        let bench = Bench::new(
            &format!(
                "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=20/1 ! \
                 DETECT {detect} ! fakesink name=s sync=true max-lateness=20000000 qos=true"
            ),
            &module.path(),
        );
        let announced = Arc::new(AtomicU32::new(0));
        let (count, pipeline) = (announced.clone(), bench.pipeline.downgrade());
        let bus = bench.pipeline.bus().unwrap();
        bus.unset_sync_handler();
        bus.set_sync_handler(move |_, message| {
            if message.type_() == gst::MessageType::Latency {
                count.fetch_add(1, Ordering::SeqCst);
                // As an application does from its main loop.
                let pipeline = pipeline.clone();
                std::thread::spawn(move || pipeline.upgrade().map(|pipeline| pipeline.recalculate_latency()));
            }
            gst::BusSyncReply::Pass
        });
        bench.play();
        Self { bench, announced }
    }

    fn sink_stat(&self, name: &str) -> u64 {
        let sink = self.bench.pipeline.by_name("s").unwrap();
        sink.property::<gst::Structure>("stats").get(name).unwrap()
    }

    /// Waits for 15 rendered frames without a dropped one between them; false if there are none for a minute.
    fn has_row(&self) -> bool {
        const ROW: u64 = 15;
        let begin = Instant::now();
        let (mut dropped, mut from) = (self.sink_stat("dropped"), self.sink_stat("rendered"));
        while self.sink_stat("rendered") < from + ROW {
            std::thread::sleep(Duration::from_millis(20));
            if self.sink_stat("dropped") != dropped {
                (dropped, from) = (self.sink_stat("dropped"), self.sink_stat("rendered"));
            }
            if begin.elapsed() > Duration::from_secs(60) {
                return false;
            }
        }
        true
    }
}

#[test]
fn a_quick_module_keeps_what_was_planned_and_nothing_comes_late() {
    let live = Live::new(&Module::plain(), "workers=2 queue-size=2");
    assert!(live.has_row(), "frames keep coming late");
    let (_, min, _) = latency(&live.bench.detector.static_pad("src").unwrap());
    assert!(min >= ClockTime::from_mseconds(200), "{min}");
}

#[test]
fn a_module_slower_than_the_stream_raises_the_latency_until_nothing_comes_late() {
    // Longer than the two frames of 50 ms that are planned for one worker and one waiting frame.
    let module = Module::with("(call $spin (i32.const 150000000))");
    let live = Live::new(&module, "workers=1 queue-size=1 deadline=10000000000");
    let has_row = live.has_row();
    let (_, min, _) = latency(&live.bench.detector.static_pad("src").unwrap());
    live.bench.stop();
    let frames = live.bench.frames();
    let longest = frames.iter().map(|frame| frame.report.analysis.timings.total).max().unwrap();
    assert!(longest > Duration::from_millis(100), "the module was not slow: {longest:?}");
    assert!(min > ClockTime::from_mseconds(100), "{min} while a frame took {longest:?}");
    assert!(live.announced.load(Ordering::SeqCst) >= 2, "the plan, and what was measured");
    // A machine so busy that more frames come in one analysis than fit inside cannot keep up at any latency.
    let fits = Duration::from_millis(50) * 60;
    assert!(has_row || longest > fits, "frames keep coming late at {min} while one took {longest:?}");
}

#[test]
fn frames_of_a_file_may_stay_without_changing_the_latency() {
    let rig = Rig::with(Module::with("(call $spin (i32.const 100000000))"), |element| {
        element.set_property("workers", 1u32);
        element.set_property("queue-size", 1u32);
    });
    rig.push_all(0..3);
    rig.wait_for_buffers(3);
    assert_eq!(latency(&rig.element.static_pad("src").unwrap()).1, ClockTime::from_mseconds(80));
}

/// As in PAUSED: what waits because downstream takes nothing says nothing about the modules.
#[test]
fn a_downstream_that_waits_does_not_change_the_latency() {
    const DEADLINE: ClockTime = ClockTime::from_seconds(3);
    let rig = Rig::silent(Module::plain(), |element| {
        element.set_property("workers", 1u32);
        element.set_property("queue-size", 1u32);
        element.set_property("deadline", DEADLINE.nseconds());
    });
    rig.upstream_latency(true, 0, None);
    rig.event(gst::event::StreamStart::new("s"));
    rig.caps(&CAPS.replace("framerate=25/1", "framerate=0/1"));
    rig.segment();
    let mask = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
    let block = rig.sink.add_probe(mask, |_, _| gst::PadProbeReturn::Ok).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| rig.push_all(0..20));
        std::thread::sleep(Duration::from_millis(3500));
        rig.sink.remove_probe(block);
    });
    rig.wait_for_buffers(20);
    assert_eq!(latency(&rig.element.static_pad("src").unwrap()).1, DEADLINE);
}
