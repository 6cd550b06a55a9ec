//! Frames, events and queries keep their order whatever the workers do.

use std::time::Duration;

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;

use super::support::{Bench, Frame, Left, Module, PATIENCE, assert_whole, frames, init, record};

#[test]
fn four_workers_of_uneven_speed_keep_the_order_and_eos_waits_for_all() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc num-buffers=60 pattern=ball ! video/x-raw,format=I420,width=64,height=48 ! \
         DETECT workers=4 queue-size=4 policy=every ! fakesink name=s sync=false qos=false",
        &module.path(),
    );
    let frames = bench.run();
    assert_whole(&frames, 60);
    assert!(matches!(bench.left().last(), Some(Left::Event(gst::EventType::Eos))));
    assert_eq!(bench.stat("analysed"), 60);
    assert_eq!(bench.stat("workers"), 4);
    assert!(bench.stat("latency-p99") >= bench.stat("latency-p50") && bench.stat("latency-p50") > 0);
}

#[test]
fn downstream_that_wants_no_more_still_gets_the_end_of_the_stream() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=64,height=48 ! \
         DETECT workers=2 policy=every ! identity eos-after=10 ! fakesink name=s sync=false qos=false",
        &module.path(),
    );
    // Returns only when the sink has posted the end.
    let frames = bench.run();
    assert!(frames.len() < 60, "{} frames", frames.len());
    assert!(matches!(bench.left().last(), Some(Left::Event(gst::EventType::Eos))));
}

/// A detector between two pads of ours, so that each call is ours too.
struct Rig {
    harness: gst_check::Harness,
    left: std::sync::Arc<std::sync::Mutex<Vec<Left>>>,
    _module: Module,
}

const CAPS: &str = "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1";
const BYTES: usize = 256;

impl Rig {
    fn new(module: Module) -> Self {
        init();
        let element = gst::ElementFactory::make("evdetect")
            .property("preprocess", module.path().to_str().unwrap())
            .property("workers", 4u32)
            .property_from_str("policy", "every")
            .build()
            .unwrap();
        let left = record(&element.static_pad("src").unwrap());
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_src_caps_str(CAPS);
        Self { harness, left, _module: module }
    }

    fn buffer(&self, n: u64) -> gst::Buffer {
        let mut buffer = gst::Buffer::from_mut_slice(vec![u8::try_from(n).unwrap(); BYTES]);
        let content = buffer.get_mut().unwrap();
        content.set_pts(gst::ClockTime::from_mseconds(n * 40));
        content.set_duration(gst::ClockTime::from_mseconds(40));
        if n.is_multiple_of(3) {
            content.set_flags(gst::BufferFlags::MARKER);
        }
        buffer
    }

    fn push(&mut self, n: u64) {
        self.harness.push(self.buffer(n)).unwrap();
    }

    /// Waits until so many frames have left.
    #[track_caller]
    fn pull(&mut self, count: usize) -> Vec<Frame> {
        for _ in 0..count {
            self.harness.pull().expect("a frame is missing");
        }
        self.frames()
    }

    fn frames(&self) -> Vec<Frame> {
        frames(self.left.lock().unwrap().clone())
    }
}

fn marker(n: u64) -> gst::Event {
    gst::event::CustomDownstream::new(gst::Structure::builder("marker").field("n", n).build())
}

#[test]
fn events_stay_between_the_frames_between_which_they_came() {
    let mut rig = Rig::new(Module::uneven());
    for n in 0..20 {
        rig.push(n);
        if n % 2 == 1 {
            assert!(rig.harness.push_event(marker(n)));
        }
    }
    rig.pull(20);
    assert!(rig.harness.push_event(gst::event::Eos::new()));
    while !matches!(rig.left.lock().unwrap().last(), Some(Left::Event(gst::EventType::Eos))) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let left = rig.left.lock().unwrap().clone();
    let order: Vec<String> = left
        .iter()
        .map(|left| match left {
            Left::Frame(frame) => frame.report.seq.to_string(),
            Left::Event(kind) => kind.name().to_string(),
        })
        .collect();
    let mut expected: Vec<String> = ["stream-start", "caps", "segment"].map(String::from).into();
    for n in 0..20 {
        expected.push(n.to_string());
        expected.extend((n % 2 == 1).then(|| "custom-downstream".to_owned()));
    }
    expected.push("eos".into());
    assert_eq!(order, expected);
}

#[test]
fn timestamps_and_flags_leave_as_they_came() {
    let mut rig = Rig::new(Module::plain());
    for n in 0..6 {
        rig.push(n);
    }
    for (n, frame) in rig.pull(6).iter().enumerate() {
        assert_eq!(frame.pts, Some(gst::ClockTime::from_mseconds(n as u64 * 40)));
        assert_eq!(frame.flags.contains(gst::BufferFlags::MARKER), n % 3 == 0);
        assert_eq!(frame.report.timestamp_ns, Some(n as u64 * 40_000_000));
        assert_eq!(frame.seen(), Some(frame.hash));
    }
}

#[test]
fn the_timestamp_is_stream_time() {
    let mut rig = Rig::new(Module::plain());
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(40));
    segment.set_time(gst::ClockTime::from_seconds(100));
    assert!(rig.harness.push_event(gst::event::Segment::new(&segment)));
    rig.push(2);
    let frames = rig.pull(1);
    assert_eq!(frames[0].report.timestamp_ns, Some(100_040_000_000));
}

#[test]
fn a_flush_discards_what_is_inside_and_later_frames_pass() {
    let mut rig = Rig::new(Module::with("(call $spin (i32.const 60000000))"));
    for n in 0..4 {
        rig.push(n);
    }
    assert!(rig.harness.push_event(gst::event::FlushStart::new()));
    assert_eq!(rig.harness.push(rig.buffer(4)), Err(gst::FlowError::Flushing));
    assert!(rig.harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(rig.harness.push_event(gst::event::Segment::new(&segment)));
    let before = rig.frames().len();
    rig.push(10);
    rig.push(11);
    rig.pull(2);
    let after: Vec<_> =
        rig.frames().split_off(before).iter().map(|frame| frame.pts.unwrap().mseconds()).collect();
    assert_eq!(after, [400, 440], "nothing from before the flush");
}

#[test]
fn a_flush_releases_an_upstream_that_waits_for_room() {
    let rig = Rig::new(Module::with("(call $spin (i32.const 400000000))"));
    let sink = rig.harness.element().unwrap().static_pad("sink").unwrap();
    let peer = sink.peer().unwrap();
    let (pusher, buffers) = (peer.clone(), (0..40).map(|n| rig.buffer(n)).collect::<Vec<_>>());
    let thread = std::thread::spawn(move || buffers.into_iter().try_for_each(|b| pusher.push(b).map(drop)));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!thread.is_finished(), "40 slow frames do not fit");
    assert!(peer.push_event(gst::event::FlushStart::new()));
    assert_eq!(thread.join().unwrap(), Err(gst::FlowError::Flushing));
    assert!(peer.push_event(gst::event::FlushStop::new(true)));
}

#[test]
fn a_serialized_query_waits_for_the_frames_before_it() {
    let mut rig = Rig::new(Module::with("(call $spin (i32.const 30000000))"));
    for n in 0..3 {
        rig.push(n);
    }
    let sink = rig.harness.element().unwrap().static_pad("sink").unwrap();
    // Nobody downstream knows DRAIN; what counts is when the answer comes.
    sink.query(gst::query::Drain::new().query_mut());
    assert_eq!(rig.frames().len(), 3);
    rig.push(3);
    rig.pull(4);
}

#[test]
fn caps_change_between_two_frames() {
    let module = Module::uneven();
    let bench = Bench::new(
        "concat name=c ! DETECT workers=4 policy=every ! fakesink name=s sync=false qos=false \
         videotestsrc num-buffers=12 pattern=ball ! video/x-raw,format=I420,width=640,height=480 ! c. \
         videotestsrc num-buffers=12 pattern=ball ! video/x-raw,format=NV12,width=34,height=18 ! c. \
         videotestsrc num-buffers=12 pattern=ball ! video/x-raw,format=RGB,width=1280,height=720 ! c.",
        &module.path(),
    );
    let frames = bench.run();
    assert_eq!(frames.len(), 36);
    for (seq, frame) in frames.iter().enumerate() {
        let size = [(640, 480), (34, 18), (1280, 720)][seq / 12];
        assert_eq!((frame.report.width, frame.report.height), size, "frame {seq}");
        assert_eq!((frame.status(), frame.seen()), (Status::Ok, Some(frame.hash)), "frame {seq}");
    }
    let caps = bench.left().iter().filter(|left| matches!(left, Left::Event(gst::EventType::Caps))).count();
    assert_eq!(caps, 3);
}

#[test]
fn a_flushing_seek_in_a_running_pipeline() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc num-buffers=2000 ! video/x-raw,format=I420,width=64,height=48 ! \
         DETECT workers=4 policy=every ! fakesink name=s sync=false qos=false",
        &module.path(),
    );
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    for second in 1..6u64 {
        let to = gst::ClockTime::from_seconds(second);
        bench.pipeline.seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, to).unwrap();
        let (result, ..) = bench.pipeline.state(PATIENCE);
        result.unwrap();
    }
    bench.stop();
    let frames = bench.frames();
    assert!(frames.iter().all(|frame| frame.seen() == Some(frame.hash)));
    assert!(frames.iter().any(|frame| frame.pts >= Some(gst::ClockTime::from_seconds(5))));
}
