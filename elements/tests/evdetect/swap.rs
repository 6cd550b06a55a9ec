//! Other modules and settings between two frames.

use edgevision_wasm_host::analysis::Status;
use gst::{glib, prelude::*};

use super::support::{Bench, Frame, Module, PATIENCE, assert_whole};

const LIVE: &str = "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=50/1";
const FAST: &str = "videotestsrc ! video/x-raw,format=I420,width=64,height=48,framerate=50/1";
const SINK: &str = "fakesink name=s sync=false qos=false";

/// The digest that reports show, taken from a bench that runs the module.
fn identity(module: &Module) -> String {
    let source = FAST.replace("videotestsrc", "videotestsrc num-buffers=1");
    let bench = Bench::new(&format!("{source} ! DETECT ! {SINK}"), &module.path());
    bench.run()[0].report.modules[0].clone()
}

fn path(module: &Module) -> String {
    module.path().to_str().unwrap().to_owned()
}

fn text(details: &gst::StructureRef, field: &str) -> String {
    details.get::<&str>(field).unwrap().to_owned()
}

/// Waits until so many frames more have left.
#[track_caller]
fn more(bench: &Bench, frames: usize) {
    let wanted = bench.frames().len() + frames;
    bench.until("more frames", |bench| bench.frames().len() >= wanted);
}

/// The module of each frame: changes once, from the first to the second.
#[track_caller]
fn assert_switches_once(frames: &[Frame], from: &str, to: &str) -> u64 {
    let modules: Vec<&str> = frames.iter().map(|frame| frame.report.modules[0].as_str()).collect();
    let switch = modules.iter().position(|module| *module == to).expect("the new module is used");
    assert!(switch > 0, "the old one was used");
    assert!(modules[..switch].iter().all(|module| *module == from), "{modules:?}");
    assert!(modules[switch..].iter().all(|module| *module == to), "{modules:?}");
    switch as u64
}

fn swap_messages(bench: &Bench) -> Vec<gst::Structure> {
    let told = bench.told().into_iter();
    told.filter_map(|message| {
        message.structure().filter(|s| s.name() == "edgevision-swap").map(|s| s.to_owned())
    })
    .collect()
}

#[test]
fn a_module_is_swapped_under_load_and_every_frame_is_accounted_for() {
    let (old, new) = (Module::uneven(), Module::with("(call $spin (i32.const 100000))"));
    let (from, to) = (identity(&old), identity(&new));
    assert_ne!(from, to);
    let bench = Bench::new(&format!("{FAST} ! DETECT workers=3 policy=every ! {SINK}"), &old.path());
    bench.play();
    more(&bench, 20);
    bench.detector.set_property("preprocess", path(&new));
    bench.until("the swap", |bench| bench.stat("swaps") == 1);
    more(&bench, 20);
    bench.stop();
    let frames = bench.frames();
    assert_whole(&frames, frames.len());
    let switch = assert_switches_once(&frames, &from, &to);
    let messages = swap_messages(&bench);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].get::<u64>("frame").unwrap(), switch);
    assert_eq!((bench.stat("swaps"), bench.stat("swaps-failed")), (1, 0));
    assert!(bench.warnings().is_empty(), "{:?}", bench.warnings());
}

#[test]
fn many_swaps_in_a_row_lose_nothing() {
    let modules = [Module::uneven(), Module::plain(), Module::with("(call $spin (i32.const 50000))")];
    let bench = Bench::new(&format!("{FAST} ! DETECT workers=2 policy=every ! {SINK}"), &modules[0].path());
    bench.play();
    for module in modules.iter().cycle().skip(1).take(12) {
        bench.detector.set_property("preprocess", path(module));
        more(&bench, 3);
    }
    bench.until("the last swap", |bench| {
        bench.stat("swaps") > 0 && bench.detector.property::<String>("preprocess") == path(&modules[0])
    });
    more(&bench, 5);
    bench.stop();
    let frames = bench.frames();
    assert_whole(&frames, frames.len());
}

#[test]
fn a_swap_that_fails_is_a_warning_and_the_old_module_goes_on() {
    let module = Module::plain();
    let old = identity(&module);
    let bench = Bench::new(&format!("{LIVE} ! DETECT policy=every ! {SINK}"), &module.path());
    bench.play();
    more(&bench, 3);
    bench.detector.set_property("preprocess", "/nowhere/else.wasm");
    bench.until("the refusal", |bench| bench.stat("swaps-failed") == 1);
    more(&bench, 3);
    // Other settings are not held back by it.
    bench.detector.set_property("interval", 2u32);
    more(&bench, 6);
    assert_eq!(bench.detector.property::<String>("preprocess"), "/nowhere/else.wasm", "as it was asked for");
    // The way back is no swap: it is what runs.
    bench.detector.set_property("preprocess", path(&module));
    more(&bench, 3);
    bench.stop();
    let frames = bench.frames();
    assert!(frames.iter().all(|frame| frame.report.modules[0] == old));
    assert!(frames.iter().any(|frame| frame.status() == Status::Skipped));
    assert!(frames.windows(2).all(|pair| pair[0].report.seq + 1 == pair[1].report.seq));
    let warnings = bench.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("/nowhere/else.wasm") && warnings[0].contains("go on as they were"),
        "{warnings:?}"
    );
    assert_eq!((bench.stat("swaps"), bench.stat("swaps-failed")), (0, 1));
}

#[test]
fn properties_that_are_set_together_are_one_swap() {
    let (old, new) = (Module::plain(), Module::uneven());
    let bench = Bench::new(&format!("{LIVE} ! DETECT policy=every ! {SINK}"), &old.path());
    bench.play();
    more(&bench, 2);
    bench.detector.set_properties(&[
        ("preprocess", &path(&new)),
        ("preprocess-params", &"{\"a\":1}"),
        ("label-list", &"x"),
        ("max-detections", &5u32),
    ]);
    bench.until("the swap", |bench| bench.stat("swaps") >= 1);
    more(&bench, 10);
    assert_eq!(bench.stat("swaps"), 1);
    {
        let _together = bench.detector.freeze_notify();
        bench.detector.set_property("preprocess", "/nowhere/at/all.wasm");
        bench.detector.set_property("max-detections", 6u32);
        bench.detector.set_property("preprocess", path(&old));
    }
    bench.until("the second swap", |bench| bench.stat("swaps") == 2);
    assert_eq!(bench.stat("swaps-failed"), 0);
}

#[test]
fn thresholds_and_intervals_change_at_once_and_keep_the_modules() {
    let module = Module::plain();
    let bench = Bench::new(&format!("{LIVE} ! DETECT policy=every ! {SINK}"), &module.path());
    bench.play();
    more(&bench, 2);
    // The probe's detections have the score 0.5.
    bench.detector.set_property("threshold", 0.75);
    bench.until("no detections", |bench| {
        bench.frames().last().is_some_and(|frame| frame.report.analysis.detections.is_empty())
    });
    bench.detector.set_property("threshold", 0.25);
    bench.until("detections", |bench| {
        bench.frames().last().is_some_and(|frame| frame.report.analysis.detections.len() == 1)
    });
    bench.detector.set_property("interval", 3u32);
    bench.until("skipped frames", |bench| bench.stat("skipped") > 3);
    assert_eq!(bench.stat("swaps"), 0);
    bench.detector.set_property("interval", 1u32);
    // Below what the modules were told: they are started anew.
    bench.detector.set_property("threshold", 0.1);
    bench.until("a restart", |bench| bench.stat("swaps") == 1);
    bench.stop();
    let frames = bench.frames();
    assert!(frames.iter().all(|frame| matches!(frame.status(), Status::Ok | Status::Skipped)));
    assert!(frames.windows(2).all(|pair| pair[0].report.seq + 1 == pair[1].report.seq));
}

#[test]
fn reload_reads_the_files_again() {
    let (module, other) = (Module::plain(), Module::uneven());
    let (from, to) = (identity(&module), identity(&other));
    let bench = Bench::new(&format!("{LIVE} ! DETECT policy=every ! {SINK}"), &module.path());
    assert!(!bench.detector.emit_by_name::<bool>("reload", &[]), "nothing is loaded in NULL");
    bench.play();
    more(&bench, 3);
    std::fs::copy(other.path(), module.path()).unwrap();
    bench.detector.set_property("interval", 1u32);
    more(&bench, 3);
    assert_eq!(bench.stat("swaps"), 0, "nobody asked for it");
    assert!(bench.detector.emit_by_name::<bool>("reload", &[]));
    bench.until("the swap", |bench| bench.stat("swaps") == 1);
    more(&bench, 3);
    std::fs::write(module.path(), b"rubbish").unwrap();
    assert!(!bench.detector.emit_by_name::<bool>("reload", &[]));
    more(&bench, 3);
    bench.stop();
    assert_switches_once(&bench.frames(), &from, &to);
    assert_eq!(bench.warnings().len(), 1, "{:?}", bench.warnings());
    let told = bench.told();
    let gst::MessageView::Warning(warning) = told.last().unwrap().view() else { panic!("{told:?}") };
    assert!(warning.error().matches(gst::ResourceError::Settings));
    let details = warning.details().unwrap();
    assert_eq!(details.name(), "edgevision-swap-failed");
    assert!(text(details, "reason").contains("probe.wasm"));
}

#[test]
fn a_swap_while_flushing_takes_effect_afterwards() {
    let (old, new) = (Module::plain(), Module::uneven());
    let (from, to) = (identity(&old), identity(&new));
    let source = LIVE.replace("videotestsrc", "videotestsrc name=v");
    let bench = Bench::new(&format!("{source} ! DETECT policy=every ! {SINK}"), &old.path());
    bench.play();
    more(&bench, 3);
    let pad = bench.detector.static_pad("sink").unwrap();
    pad.send_event(gst::event::FlushStart::new());
    bench.detector.set_property("preprocess", path(&new));
    assert!(bench.detector.emit_by_name::<bool>("reload", &[]));
    assert_eq!(bench.stat("swaps"), 0, "no frame yet");
    pad.send_event(gst::event::FlushStop::new(false));
    // The source ended when it was told to flush; it begins again, with its segment.
    let source = bench.pipeline.by_name("v").unwrap();
    source.set_state(gst::State::Ready).unwrap();
    source.set_state(gst::State::Playing).unwrap();
    bench.until("the new module", |bench| {
        bench.frames().last().is_some_and(|frame| frame.report.modules[0] == to)
    });
    bench.stop();
    assert_switches_once(&bench.frames(), &from, &to);
}

#[test]
fn changes_in_ready_hold_for_the_next_start() {
    let (old, new) = (Module::plain(), Module::uneven());
    let (from, to) = (identity(&old), identity(&new));
    let source = FAST.replace("videotestsrc", "videotestsrc num-buffers=5");
    let bench = Bench::new(&format!("{source} ! DETECT policy=every ! {SINK}"), &old.path());
    bench.pipeline.set_state(gst::State::Ready).unwrap();
    bench.detector.set_property("preprocess", path(&new));
    bench.detector.set_property("camera", "gate");
    let frames = bench.run();
    assert_whole(&frames, 5);
    assert!(frames.iter().all(|frame| frame.report.modules[0] == to && &*frame.report.camera == "gate"));
    bench.pipeline.set_state(gst::State::Ready).unwrap();
    bench.detector.set_property("preprocess", path(&old));
    assert!(bench.detector.emit_by_name::<bool>("reload", &[]));
    let frames = bench.run();
    assert!(frames[5..].iter().all(|frame| frame.report.modules[0] == from));
    bench.pipeline.set_state(gst::State::Ready).unwrap();
    bench.detector.set_property("preprocess", "/nowhere/else.wasm");
    assert!(bench.pipeline.set_state(gst::State::Paused).is_err(), "a start needs right properties");
    let bus = bench.pipeline.bus().unwrap();
    let message =
        bus.timed_pop_filtered(gst::ClockTime::SECOND, &[gst::MessageType::Error]).expect("an error");
    let gst::MessageView::Error(error) = message.view() else { panic!("{message:?}") };
    assert!(error.error().message().contains("/nowhere/else.wasm"));
}

#[test]
fn a_new_module_is_not_quarantined_for_the_old_one() {
    let (bad, good) = (Module::with("unreachable"), Module::plain());
    let description = format!("{LIVE} ! DETECT policy=every max-failures=2 ! {SINK}");
    let bench = Bench::new(&description, &bad.path());
    bench.play();
    bench.until("a quarantine", |bench| bench.state() == "quarantined");
    bench.detector.set_property("preprocess", path(&good));
    bench.until("analysis", |bench| bench.state() == "ok" && bench.stat("analysed") > 0);
    bench.stop();
    let told = bench.told();
    let infos = told.iter().filter_map(|message| match message.view() {
        gst::MessageView::Info(info) => Some(info.error().message().to_owned()),
        _ => None,
    });
    let infos: Vec<String> = infos.collect();
    assert_eq!(infos.len(), 1, "{told:?}");
    assert!(infos[0].starts_with("the modules have recovered: frame "), "{infos:?}");
}

#[test]
fn stopping_while_a_change_is_loaded_is_clean() {
    let modules = [Module::plain(), Module::uneven()];
    let bench = Bench::new(&format!("{FAST} ! DETECT policy=every ! {SINK}"), &modules[0].path());
    for round in 1..20 {
        bench.play();
        more(&bench, 1);
        bench.detector.set_property("preprocess", path(&modules[round % 2]));
        bench.detector.set_property("deadline", 30_000_000_000_u64 + round as u64);
        bench.stop();
    }
    bench.play();
    let before = bench.frames().len();
    more(&bench, 3);
    let expected = identity(&modules[1]);
    assert!(bench.frames()[before..].iter().all(|frame| frame.report.modules[0] == expected));
}

#[test]
fn flags_say_what_can_be_changed() {
    super::support::init();
    let detector = gst::ElementFactory::make("evdetect").build().unwrap();
    let playing = |name: &str| {
        let spec: glib::ParamSpec = detector.find_property(name).unwrap();
        spec.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING)
    };
    assert!(["preprocess", "model", "threshold", "deadline", "labels"].into_iter().all(playing));
    assert!(!["camera", "workers", "policy", "queue-size", "alias-memory"].into_iter().any(playing));
}

/// Whoever hears that something went wrong may answer at once, in the thread that tells it.
#[test]
fn a_handler_of_the_refusal_may_reload() {
    let module = Module::plain();
    let good = path(&module);
    let bench = Bench::new(&format!("{LIVE} ! DETECT policy=every ! {SINK}"), &module.path());
    let (answers, answered) = std::sync::mpsc::channel();
    let bus = bench.pipeline.bus().unwrap();
    bus.unset_sync_handler();
    bus.set_sync_handler(move |_, message| {
        if let (gst::MessageView::Warning(_), Some(src)) = (message.view(), message.src()) {
            let both = src.freeze_notify();
            src.set_property("preprocess", &good);
            src.set_property("class-thresholds", "");
            drop(both);
            answers.send(src.emit_by_name::<bool>("reload", &[])).unwrap();
        }
        gst::BusSyncReply::Pass
    });
    bench.play();
    more(&bench, 3);
    // The first is refused at once, in this thread; the second by the thread that loads.
    for (property, value) in [("class-thresholds", "no JSON"), ("preprocess", "/nowhere/else.wasm")] {
        let detector = bench.detector.clone();
        std::thread::spawn(move || detector.set_property(property, value));
        let done = answered.recv_timeout(std::time::Duration::from(PATIENCE));
        assert_eq!(done, Ok(true), "{property}");
        more(&bench, 3);
    }
    assert_eq!(bench.stat("swaps-failed"), 2);
}
