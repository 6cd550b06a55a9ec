//! Modules that fail, errors downstream, and what is told about them.

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;

use super::support::{Bench, Module, assert_whole};

const SOURCE: &str =
    "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=64,height=48,framerate=25/1";
const SINK: &str = "fakesink name=s sync=false qos=false";
/// Traps from frame 3 on.
const TRAP: &str = "(if (i32.ge_u (call $seq (local.get $f)) (i32.const 3)) (then unreachable))";

#[test]
fn a_trapping_module_leaves_frames_flowing_and_is_one_warning() {
    let module = Module::with(TRAP);
    let description = format!("{SOURCE} ! DETECT workers=1 policy=every max-failures=0 ! {SINK}");
    let bench = Bench::new(&description, &module.path());
    let frames = bench.run();
    assert_eq!(frames.len(), 30);
    assert_eq!(frames.iter().filter(|frame| frame.status() == Status::Ok).count(), 3);
    let failed =
        |frame: &super::support::Frame| frame.status() == Status::Trapped && frame.regions.is_empty();
    assert!(frames.iter().skip(3).all(failed));
    let warnings = bench.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("frame 3 goes on without detections: "), "{warnings:?}");
    assert_eq!((bench.stat("trapped"), bench.stat("quarantined")), (27, 0));
}

#[test]
fn a_warning_has_a_sentence_a_debug_text_and_details() {
    let module = Module::with(TRAP);
    let bench = Bench::new(&format!("{SOURCE} ! DETECT camera=gate policy=every ! {SINK}"), &module.path());
    bench.run();
    let told = bench.told();
    let gst::MessageView::Warning(warning) = told[0].view() else { panic!("{told:?}") };
    assert!(warning.error().matches(gst::StreamError::Failed));
    assert!(warning.debug().unwrap().contains("camera gate"), "{:?}", warning.debug());
    let details = warning.details().unwrap();
    assert_eq!(details.name(), "edgevision-modules");
    let text = |field| details.get::<&str>(field).unwrap();
    assert_eq!([text("camera"), text("state"), text("status")], ["gate", "failing", "trapped"]);
    assert_eq!(details.get::<u64>("frame").unwrap(), 3);
    let modules = details.get::<gst::ArrayRef>("modules").unwrap();
    assert!(modules.as_slice()[0].get::<&str>().unwrap().starts_with("probe@"));
}

#[test]
fn after_max_failures_the_frames_go_on_at_once_and_are_marked() {
    let module = Module::with(TRAP);
    let description =
        format!("{SOURCE} ! DETECT workers=1 policy=every queue-size=1 max-failures=5 ! {SINK}");
    let bench = Bench::new(&description, &module.path());
    let frames = bench.run();
    let statuses: Vec<Status> = frames.iter().map(|frame| frame.status()).collect();
    assert_eq!(statuses.len(), 30);
    assert_eq!(statuses[..3], [Status::Ok; 3]);
    assert_eq!(statuses[3..8], [Status::Trapped; 5]);
    // A pause of a second may end on a crowded machine: one frame is tried then.
    let others = &statuses[8..];
    assert!(others.iter().filter(|status| **status == Status::Quarantined).count() >= 20, "{others:?}");
    let quarantined = frames.iter().find(|frame| frame.status() == Status::Quarantined).unwrap();
    assert_eq!(quarantined.report.transfer, None, "nobody saw it");
    let why = quarantined.report.analysis.message.clone().unwrap();
    assert!(why.contains("the modules are quarantined") && why.contains("unreachable"), "{why}");
    let warnings = bench.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[1].starts_with("frame 8 goes on at once: the modules are quarantined"), "{warnings:?}");
    assert_eq!((bench.stat("quarantines"), bench.state().as_str()), (1, "quarantined"));
}

#[test]
fn a_module_that_recovers_is_released_and_told() {
    // Fails while the frame is dark; the picture of the test turns bright when it is to recover.
    let module = Module::with(
        "(if (i32.lt_u (i32.load8_u (i32.load (i32.add (local.get $f) (i32.const 32)))) (i32.const 128)) (then unreachable))",
    );
    let description = format!(
        "videotestsrc name=v is-live=true pattern=black ! video/x-raw,format=I420,width=64,height=48,framerate=50/1 ! \
         DETECT policy=every max-failures=2 ! {SINK}"
    );
    let bench = Bench::new(&description, &module.path());
    bench.play();
    bench.until("a quarantine", |bench| bench.state() == "quarantined");
    let begin = std::time::Instant::now();
    bench.pipeline.by_name("v").unwrap().set_property_from_str("pattern", "white");
    bench.until("recovery", |bench| bench.state() == "ok");
    assert!(begin.elapsed() > std::time::Duration::from_millis(500), "a pause lies between");
    bench.stop();
    let told = bench.told();
    let gst::MessageView::Info(info) = told.last().unwrap().view() else { panic!("{told:?}") };
    assert!(info.error().message().starts_with("the modules have recovered: frame "), "{info:?}");
    assert_eq!(info.details().unwrap().get::<&str>("state").unwrap(), "ok");
    assert_eq!(bench.warnings().len(), 2);
}

#[test]
fn an_error_downstream_is_told_by_who_has_it_and_not_again() {
    let module = Module::plain();
    let text = format!("{SOURCE} ! DETECT ! identity error-after=5 ! {SINK}");
    let bench = Bench::new(&text, &module.path());
    bench.play();
    let message = bench.wait_for(&[gst::MessageType::Error]);
    assert!(message.src().unwrap().name().starts_with("identity"));
    // The end of the stream gets through, so that nothing hangs; the detector adds no error of its own.
    bench.until("the end", |bench| {
        bench.left().iter().any(|left| matches!(left, super::support::Left::Event(gst::EventType::Eos)))
            || bench.pipeline.bus().unwrap().have_pending()
    });
    let bus = bench.pipeline.bus().unwrap();
    while let Some(message) = bus.pop_filtered(&[gst::MessageType::Error]) {
        assert!(!message.src().unwrap().name().starts_with('d'), "{message:?}");
    }
}

/// A sink that refuses its last frames without a word: the pipeline ends all the same.
#[test]
fn an_error_that_nobody_posts_does_not_hang_the_pipeline() {
    let module = Module::plain();
    let bench = Bench::new(&format!("{SOURCE} ! DETECT ! {SINK}"), &module.path());
    let pad = bench.pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        let is_last = info.buffer().unwrap().pts() >= Some(gst::ClockTime::from_mseconds(29 * 40));
        if is_last {
            info.flow_res = Err(gst::FlowError::Error);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
    bench.play();
    let message = bench.wait_for(&[gst::MessageType::Eos, gst::MessageType::Error]);
    println!("{message:?}");
}

#[test]
fn qos_passes_upstream_and_changes_nothing_here() {
    let module = Module::plain();
    let bench = Bench::new(
        &format!("{SOURCE} ! identity name=i ! DETECT policy=newest queue-size=30 ! {SINK}"),
        &module.path(),
    );
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    let upstream = bench.pipeline.by_name("i").unwrap().static_pad("src").unwrap();
    upstream.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(gst::EventView::Qos(qos)) = info.event().map(|event| event.view()) {
            log.lock().unwrap().push(qos.get());
            return gst::PadProbeReturn::Drop;
        }
        gst::PadProbeReturn::Ok
    });
    let late = gst::event::Qos::new(gst::QOSType::Underflow, 2.5, 40_000_000, gst::ClockTime::SECOND);
    let event = late.clone();
    bench.detector.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if info.buffer().unwrap().pts() == Some(gst::ClockTime::ZERO) {
            assert!(pad.send_event(event.clone()));
        }
        gst::PadProbeReturn::Ok
    });
    let frames = bench.run();
    let gst::EventView::Qos(late) = late.view() else { unreachable!() };
    assert_eq!(*seen.lock().unwrap(), [late.get()]);
    assert_whole(&frames, 30);
}
