//! What downstream answers reaches upstream, and what lets frames through again.

use gst::{FlowError, prelude::*};

use super::{
    pads::{Rig, marker},
    support::{Bench, Module, PATIENCE},
};

#[test]
fn every_refusal_reaches_upstream_with_its_name() {
    for flow in [
        FlowError::NotLinked,
        FlowError::Flushing,
        FlowError::Eos,
        FlowError::NotNegotiated,
        FlowError::Error,
        FlowError::NotSupported,
        FlowError::CustomError,
    ] {
        let rig = Rig::new(Module::uneven());
        rig.push(0).unwrap();
        rig.wait_for_buffers(1);
        rig.answer(Some(flow));
        assert_eq!(rig.push_until_refused(1), flow);
        assert_eq!(rig.push(99), Err(flow), "and again");
        let left = rig.buffers().len();
        assert_eq!(left, 2, "after {flow:?} nothing more is pushed");
    }
}

#[test]
fn a_refusal_releases_an_upstream_that_waits_for_room() {
    let rig = Rig::new(Module::with("(call $spin (i32.const 60000000))"));
    rig.refuse(FlowError::Error);
    assert_eq!(rig.buffers().len(), 1);
}

#[test]
fn an_unlinked_detector_says_so_and_goes_on_when_it_is_linked_again() {
    let rig = Rig::new(Module::plain());
    rig.push(0).unwrap();
    rig.wait_for_buffers(1);
    let pad = rig.element.static_pad("src").unwrap();
    for round in 1..=20 {
        pad.unlink(&rig.sink).unwrap();
        assert_eq!(rig.push_until_refused(1), FlowError::NotLinked);
        rig.caps("video/x-raw,format=GRAY8,width=16,height=16,framerate=5/1");
        rig.forget();
        pad.link(&rig.sink).unwrap();
        rig.push(round * 100).unwrap();
        rig.wait_for(&(round * 4000).to_string());
        rig.caps(super::pads::CAPS);
    }
    assert!(rig.names().iter().any(|name| name == "caps"), "what was said meanwhile is said again");
}

#[test]
fn a_flush_lets_frames_through_after_any_refusal() {
    for flow in [FlowError::NotLinked, FlowError::Flushing, FlowError::Eos, FlowError::Error] {
        let rig = Rig::new(Module::uneven());
        rig.refuse(flow);
        rig.answer(None);
        rig.forget();
        rig.flush();
        rig.push(50).unwrap();
        rig.push(51).unwrap();
        rig.wait_for("2040");
        assert_eq!(rig.buffers().len(), 2);
    }
}

#[test]
fn a_restart_lets_frames_through_after_an_error() {
    let rig = Rig::new(Module::plain());
    rig.refuse(FlowError::Error);
    rig.stop();
    rig.answer(None);
    rig.forget();
    rig.start();
    rig.begin("second");
    rig.push(7).unwrap();
    rig.wait_for("280");
    assert_eq!(rig.reports()[0].seq, 0, "a new run counts from 0");
}

/// Downstream had enough of one segment; the next one is wanted again, without a flush.
#[test]
fn a_new_segment_follows_an_end_that_downstream_declared() {
    for stream_start in [false, true] {
        let rig = Rig::new(Module::uneven());
        for round in 1..=20 {
            rig.refuse(FlowError::Eos);
            rig.answer(None);
            rig.forget();
            if stream_start {
                assert!(rig.event(gst::event::StreamStart::new(&format!("stream {round}"))));
            }
            assert!(rig.segment());
            rig.push(round * 10).unwrap();
            rig.wait_for(&(round * 400).to_string());
            assert_eq!(rig.buffers().len(), 1);
        }
    }
}

/// As above, with the new segment already inside when downstream says that it has enough of the old one.
#[test]
fn a_segment_that_waits_inside_is_not_lost_with_the_end_of_the_one_before() {
    let rig = Rig::with(Module::with("(call $spin (i32.const 20000000))"), |element| {
        element.set_property("queue-size", 16u32);
    });
    rig.answer(Some(FlowError::Eos));
    rig.push_all(0..4);
    assert!(rig.event(marker("old")));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(rig.event(gst::event::Segment::new(&segment)));
    rig.wait_for_buffers(1);
    rig.answer(None);
    rig.push(100).unwrap();
    rig.wait_for("4000");
    assert_eq!(rig.buffers().len(), 2, "{:?}", rig.names());
}

#[test]
fn the_end_of_the_stream_passes_after_downstream_had_enough() {
    let rig = Rig::new(Module::uneven());
    rig.refuse(FlowError::Eos);
    assert!(rig.event(gst::event::Eos::new()));
    rig.wait_for("eos");
    assert_eq!(rig.buffers().len(), 1);
}

#[test]
fn an_end_that_downstream_cannot_get_is_an_error_on_the_bus() {
    let rig = Rig::new(Module::plain());
    rig.refuse(FlowError::NotLinked);
    rig.event(gst::event::Eos::new());
    let message = rig.bus.pop_filtered(&[gst::MessageType::Error]).expect("an error");
    let gst::MessageView::Error(error) = message.view() else { panic!("{message:?}") };
    assert_eq!(error.error().to_string(), "the end of the stream is lost: downstream says NotLinked");
}

/// Who returns an error has posted it; the end still ends the pipeline.
#[test]
fn the_end_of_the_stream_passes_after_an_error_without_another_message() {
    let rig = Rig::new(Module::plain());
    rig.refuse(FlowError::Error);
    assert!(rig.event(gst::event::Eos::new()));
    rig.wait_for("eos");
    assert!(rig.bus.pop_filtered(&[gst::MessageType::Error]).is_none());
}

#[test]
fn an_element_behind_the_detector_can_be_replaced_while_frames_flow() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc ! video/x-raw,format=I420,width=64,height=48 ! \
         DETECT workers=4 policy=every ! identity name=i ! fakesink name=s sync=false qos=false",
        &module.path(),
    );
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    let sink = bench.pipeline.by_name("s").unwrap();
    for round in 0..10 {
        let old = bench.detector.static_pad("src").unwrap().peer().unwrap().parent_element().unwrap();
        let (pipeline, sink) = (bench.pipeline.clone(), sink.clone());
        let (done, replaced) = std::sync::mpsc::channel();
        let before = bench.frames().len();
        bench.detector.static_pad("src").unwrap().add_probe(gst::PadProbeType::IDLE, move |pad, _| {
            pad.unlink(&old.static_pad("sink").unwrap()).unwrap();
            old.unlink(&sink);
            old.set_state(gst::State::Null).unwrap();
            pipeline.remove(&old).unwrap();
            let new = gst::ElementFactory::make("identity").name(format!("i{round}")).build().unwrap();
            pipeline.add(&new).unwrap();
            new.link(&sink).unwrap();
            pad.link(&new.static_pad("sink").unwrap()).unwrap();
            new.sync_state_with_parent().unwrap();
            done.send(()).unwrap();
            gst::PadProbeReturn::Remove
        });
        replaced.recv_timeout(PATIENCE.into()).expect("the probe is called");
        let begin = std::time::Instant::now();
        while bench.frames().len() < before + 5 {
            assert!(begin.elapsed() < PATIENCE.into(), "no frames after replacement {round}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    bench.stop();
    let frames = bench.frames();
    assert!(frames.windows(2).all(|pair| pair[0].report.seq + 1 == pair[1].report.seq), "no frame is lost");
}
