//! Ends of streams and changes of state, with frames in flight.

use std::time::{Duration, Instant};

use gst::{State, prelude::*};

use super::{
    pads::Rig,
    support::{Bench, Left, Module, PATIENCE, assert_whole},
};

const PIPELINE: &str = "videotestsrc num-buffers=60 pattern=ball ! video/x-raw,format=I420,width=64,height=48 ! \
    DETECT workers=4 policy=every ! fakesink name=s sync=false qos=false";

#[test]
fn the_end_without_frames_passes_at_once() {
    let rig = Rig::new(Module::plain());
    assert!(rig.event(gst::event::Eos::new()));
    rig.wait_for("eos");
    assert_eq!(rig.names(), ["stream-start", "caps", "segment", "eos"]);
}

#[test]
fn the_end_before_caps_passes_too() {
    let rig = Rig::silent(Module::plain(), |_| ());
    assert!(rig.event(gst::event::StreamStart::new("empty")));
    assert!(rig.event(gst::event::Eos::new()));
    rig.wait_for("eos");
}

#[test]
fn the_end_leaves_once_and_last() {
    let rig = Rig::new(Module::uneven());
    rig.push_all(0..8);
    assert!(rig.event(gst::event::Eos::new()));
    rig.wait_for("eos");
    rig.event(gst::event::Eos::new());
    assert_eq!(rig.push(9), Err(gst::FlowError::Eos));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(rig.buffers().len(), 8);
    assert_eq!(rig.names().iter().filter(|name| *name == "eos").count(), 1);
}

#[test]
fn a_new_stream_follows_the_end() {
    let rig = Rig::new(Module::uneven());
    for round in 1..=5 {
        rig.push(round).unwrap();
        rig.event(gst::event::Eos::new());
        rig.wait_for("eos");
        rig.forget();
        rig.begin(&format!("stream {round}"));
        rig.push(round * 10).unwrap();
        rig.wait_for(&(round * 400).to_string());
        assert_eq!(rig.names()[0], "stream-start");
    }
    let seqs: Vec<_> = rig.reports().iter().map(|report| report.seq).collect();
    assert_eq!(seqs, [9], "frames are counted over all streams of a run");
}

#[test]
fn pausing_and_going_on_loses_nothing() {
    let module = Module::uneven();
    let bench = Bench::new(&PIPELINE.replace("sync=false", "sync=true"), &module.path());
    for _ in 0..15 {
        for state in [State::Playing, State::Paused] {
            bench.pipeline.set_state(state).unwrap();
            bench.pipeline.state(PATIENCE).0.unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert_whole(&bench.run(), 60);
    assert!(matches!(bench.left().last(), Some(Left::Event(gst::EventType::Eos))));
}

#[test]
fn down_and_up_with_frames_in_flight_neither_hangs_nor_mixes_runs() {
    let module = Module::uneven();
    let endless = PIPELINE.replace("num-buffers=60 ", "");
    let bench = Bench::new(&endless, &module.path());
    for round in 0..24 {
        bench.play();
        let before = bench.frames().len();
        let begin = Instant::now();
        while bench.frames().len() < before + 3 {
            assert!(begin.elapsed() < PATIENCE.into(), "no frames in round {round}");
            std::thread::sleep(Duration::from_millis(2));
        }
        let down = if round % 2 == 0 { State::Ready } else { State::Null };
        bench.pipeline.set_state(down).unwrap();
        bench.pipeline.state(PATIENCE).0.unwrap();
    }
    let frames = bench.frames();
    let runs = frames.iter().filter(|frame| frame.report.seq == 0).count();
    assert_eq!(runs, 24);
    let follows = |pair: &[super::support::Frame]| {
        pair[1].report.seq == 0 || pair[1].report.seq == pair[0].report.seq + 1
    };
    assert!(frames.windows(2).all(follows), "within a run no frame is lost or comes late");
    assert!(frames.iter().all(|frame| frame.seen() == Some(frame.hash)));
}

#[test]
fn each_run_of_a_pipeline_is_whole() {
    let module = Module::uneven();
    let bench = Bench::new(PIPELINE, &module.path());
    for run in 0..3 {
        let frames = bench.run();
        assert_whole(&frames[run * 60..], 60);
    }
}

#[test]
fn an_end_sent_by_the_application_drains_what_is_inside() {
    let module = Module::uneven();
    let bench = Bench::new(&PIPELINE.replace("num-buffers=60 ", ""), &module.path());
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    std::thread::sleep(Duration::from_millis(50));
    assert!(bench.pipeline.send_event(gst::event::Eos::new()));
    bench.wait_for(&[gst::MessageType::Eos]);
    let counted = bench.stat("analysed");
    bench.stop();
    let frames = bench.frames();
    assert_eq!(frames.len() as u64, counted);
    assert_whole(&frames, frames.len());
}

#[test]
fn a_detector_alone_can_be_restarted_in_a_playing_pipeline() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=100/1 ! \
         queue name=q ! DETECT workers=2 policy=every ! fakesink name=s sync=false qos=false async=false",
        &module.path(),
    );
    bench.play();
    for round in 0..5 {
        let before = bench.frames().len();
        let begin = Instant::now();
        while bench.frames().len() < before + 5 {
            assert!(begin.elapsed() < PATIENCE.into(), "no frames in round {round}");
            std::thread::sleep(Duration::from_millis(5));
        }
        let queue_src = bench.pipeline.by_name("q").unwrap().static_pad("src").unwrap();
        let (detector, (done, restarted)) = (bench.detector.clone(), std::sync::mpsc::channel());
        queue_src.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, move |_, _| {
            detector.set_state(State::Null).unwrap();
            detector.sync_state_with_parent().unwrap();
            done.send(()).unwrap();
            gst::PadProbeReturn::Remove
        });
        restarted.recv_timeout(PATIENCE.into()).expect("restarted");
    }
}
