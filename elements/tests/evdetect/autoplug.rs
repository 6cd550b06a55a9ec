//! Where others put a detector: behind decodebin3, into playbin, into a launch line.

use gst::prelude::*;

use super::support::{Bench, Module, PATIENCE, assert_whole, frames, init, record};

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/line3.mp4");
const SINK: &str = "fakesink name=s sync=false qos=false";
const FRAMES: usize = 300;

fn uri() -> String {
    let path = std::fs::canonicalize(CLIP).unwrap();
    gst::glib::filename_to_uri(path, None).unwrap().to_string()
}

#[track_caller]
fn assert_plays(source: &str) {
    let module = Module::plain();
    let bench = Bench::new(&format!("{source} ! DETECT policy=every ! {SINK}"), &module.path());
    let frames = bench.run();
    assert_whole(&frames, FRAMES);
    assert!(frames.iter().all(|frame| frame.is_in_place()), "the decoder writes where the module reads");
}

#[test]
fn behind_decodebin() {
    assert_plays(&format!("filesrc location={CLIP} ! decodebin"));
}

#[test]
fn behind_decodebin3() {
    assert_plays(&format!("filesrc location={CLIP} ! decodebin3"));
}

#[test]
fn behind_uridecodebin() {
    assert_plays(&format!("uridecodebin uri={}", uri()));
}

#[test]
fn behind_uridecodebin3() {
    assert_plays(&format!("uridecodebin3 uri={}", uri()));
}

/// playbin asks for the filter before it knows the stream, converts around it, and restarts it for a second clip.
#[test]
fn as_video_filter_of_playbin_also_for_a_second_clip() {
    init();
    let module = Module::plain();
    for name in ["playbin", "playbin3"] {
        let detector = gst::ElementFactory::make("evdetect")
            .property("preprocess", module.path().to_str().unwrap())
            .property("deadline", 30_000_000_000u64)
            .property_from_str("policy", "every")
            .build()
            .unwrap();
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("qos", false)
            .build()
            .unwrap();
        let player = gst::ElementFactory::make(name)
            .property("uri", uri())
            .property("video-filter", &detector)
            .property("video-sink", &sink)
            .build()
            .unwrap();
        let left = record(&detector.static_pad("src").unwrap());
        for run in 1..=2 {
            left.lock().unwrap().clear();
            let end = play_to_the_end(&player, || left.lock().unwrap().is_empty());
            assert_eq!(end.type_(), gst::MessageType::Eos, "{name}, run {run}: {end:?}");
            player.set_state(gst::State::Ready).unwrap();
            assert_whole(&frames(left.lock().unwrap().clone()), FRAMES);
        }
        player.set_state(gst::State::Null).unwrap();
    }
}

/// decodebin3 of GStreamer 1.22 sometimes lets the stream into an element that it has not started yet, and then waits
/// for ever: nothing reaches the filter. Such a start is made again.
fn play_to_the_end(player: &gst::Element, nothing_came: impl Fn() -> bool) -> gst::Message {
    const START: gst::ClockTime = gst::ClockTime::from_seconds(10);
    const STARTS: usize = 5;
    let bus = player.bus().unwrap();
    let end = |time| bus.timed_pop_filtered(time, &[gst::MessageType::Eos, gst::MessageType::Error]);
    for _ in 0..STARTS {
        player.set_state(gst::State::Playing).unwrap();
        if let Some(message) = end(START) {
            return message;
        }
        if !nothing_came() {
            return end(PATIENCE).expect("an end");
        }
        player.set_state(gst::State::Ready).unwrap();
    }
    panic!("nothing reached the filter in {STARTS} starts")
}

#[test]
fn in_a_launch_line_with_every_kind_of_property() {
    init();
    let module = Module::plain();
    let line = format!(
        "videotestsrc num-buffers=3 ! evdetect name=d preprocess={} camera=\"hall 3\" policy=newest workers=2 \
         queue-size=3 interval=2 threshold=0.5 deadline=1000000000 memory-limit=16777216 max-detections=7 \
         preprocess-params=\"{{}}\" label-list=\"good,bad\" alias-memory=false ! fakesink name=s",
        module.path().display()
    );
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    let detector = pipeline.by_name("d").unwrap();
    assert_eq!(detector.property::<String>("camera"), "hall 3");
    assert_eq!(detector.property::<u32>("interval"), 2);
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(PATIENCE, &kinds).expect("an end");
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    pipeline.set_state(gst::State::Null).unwrap();
}
