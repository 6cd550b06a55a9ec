//! The detector is put into a running pipeline and taken out again: no frame is lost, nothing grows.

use std::sync::{Arc, Mutex, mpsc};

use gst::prelude::*;

use super::{
    cycles::{Line, assert_no_growth, child, holdings, init},
    process::detect,
};

/// Timestamp, and whether the frame was analysed, for each frame at the sink.
type Log = Arc<Mutex<Vec<(gst::ClockTime, bool)>>>;

fn log_of(line: &Line) -> Log {
    let log = Log::default();
    let entries = log.clone();
    let pad = line.pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            let analysed = gstedgevision::detectionmeta::report(buffer).is_some();
            entries.lock().unwrap().push((buffer.pts().unwrap(), analysed));
        }
        gst::PadProbeReturn::Ok
    });
    log
}

/// Runs `change` while no data flows through the pad.
fn while_blocked(pad: &gst::Pad, change: impl FnOnce()) {
    let (blocked, on_blocked) = mpsc::channel();
    let probe = pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, move |_, _| {
        blocked.send(()).ok();
        gst::PadProbeReturn::Ok
    });
    on_blocked.recv().unwrap();
    change();
    pad.remove_probe(probe.unwrap());
}

fn put_in(line: &Line, before: &gst::Element, after: &gst::Element) -> gst::Element {
    let detector = gst::parse::bin_from_description(&detect(), true).unwrap().upcast::<gst::Element>();
    while_blocked(&before.static_pad("src").unwrap(), || {
        before.unlink(after);
        line.pipeline.add(&detector).unwrap();
        gst::Element::link_many([before, &detector, after]).unwrap();
        detector.sync_state_with_parent().unwrap();
    });
    detector
}

/// What the detector holds leaves before it goes: an end of stream drains it and is stopped behind it.
fn take_out(line: &Line, before: &gst::Element, after: &gst::Element, detector: &gst::Element) {
    while_blocked(&before.static_pad("src").unwrap(), || {
        let (drained, on_drained) = mpsc::channel();
        let src = detector.static_pad("src").unwrap();
        src.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| match &info.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                drained.send(()).ok();
                // Not `Drop`: GStreamer 1.22 then warns about an event that the bindings have taken.
                info.data = None;
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        });
        before.unlink(detector);
        detector.static_pad("sink").unwrap().send_event(gst::event::Eos::new());
        on_drained.recv().unwrap();
        detector.unlink(after);
        detector.set_state(gst::State::Null).unwrap();
        line.pipeline.remove(detector).unwrap();
        before.link(after).unwrap();
    });
}

#[test]
#[ignore = "started by another test"]
fn child_puts_in_and_takes_out() {
    const WARM_UP: usize = 5;
    const CYCLES: usize = 25;
    init();
    let line = Line::new(
        "videotestsrc ! video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! identity name=before ! \
         identity name=after ! fakesink name=s sync=false",
    );
    let (before, after) = (line.pipeline.by_name("before").unwrap(), line.pipeline.by_name("after").unwrap());
    let log = log_of(&line);
    line.set(gst::State::Playing);
    line.wait_for(2);
    let mut held = None;
    for cycle in 0..CYCLES {
        let detector = put_in(&line, &before, &after);
        line.wait_for(3);
        take_out(&line, &before, &after, &detector);
        drop(detector);
        line.wait_for(2);
        if cycle == WARM_UP {
            held = Some(holdings());
        }
    }
    assert_no_growth(&held.unwrap(), &holdings());
    line.set(gst::State::Null);
    let log = log.lock().unwrap();
    let step = log[1].0 - log[0].0;
    for pair in log.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, step, "no frame is lost or comes twice: {pair:?}");
    }
    let changes = log.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    assert_eq!(changes, 2 * CYCLES, "frames are analysed while the detector is there");
}

#[test]
fn put_in_and_taken_out() {
    child("dynamic::child_puts_in_and_takes_out");
}
