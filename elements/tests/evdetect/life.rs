//! Starting, stopping, failing modules, policies and what is told about them.

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;

use super::support::{Bench, Module, PATIENCE, assert_whole};

const SOURCE: &str =
    "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=64,height=48,framerate=25/1";
const SINK: &str = "fakesink name=s sync=false qos=false";

#[test]
fn an_endless_loop_costs_its_frame_the_deadline() {
    let module =
        Module::with("(if (i32.eq (call $seq (local.get $f)) (i32.const 3)) (then (loop $l (br $l))))");
    let bench = Bench::new(
        &format!("{SOURCE} ! DETECT workers=2 policy=every deadline=100000000 ! {SINK}"),
        &module.path(),
    );
    let frames = bench.run();
    let statuses: Vec<_> = frames.iter().map(|frame| frame.status()).collect();
    assert_eq!(statuses.len(), 30);
    assert_eq!(statuses.iter().filter(|status| **status != Status::Ok).count(), 1);
    assert_eq!(statuses[3], Status::Timeout);
    assert_eq!(bench.warnings().len(), 1);
}

#[test]
fn interval_analyses_every_nth_frame() {
    let module = Module::plain();
    let bench = Bench::new(&format!("{SOURCE} ! DETECT interval=4 policy=every ! {SINK}"), &module.path());
    let frames = bench.run();
    assert_eq!(frames.len(), 30);
    for (seq, frame) in frames.iter().enumerate() {
        let expected = if seq % 4 == 0 { Status::Ok } else { Status::Skipped };
        assert_eq!((frame.status(), frame.report.seq), (expected, seq as u64));
    }
    assert_eq!((bench.stat("analysed"), bench.stat("skipped")), (8, 22));
    assert_eq!(bench.stat("in-place") + bench.stat("copied"), 8);
}

/// Frames of 40 ms from a live source, modules that need longer.
fn slow_live(policy: &str) -> Bench {
    let module = Module::with("(call $spin (i32.const 150000000))");
    let source = SOURCE.replace("videotestsrc", "videotestsrc is-live=true");
    let text =
        format!("{source} ! DETECT workers=1 queue-size=1 deadline=5000000000 policy={policy} ! {SINK}");
    let bench = Bench::new(&text, &module.path());
    let frames = bench.run();
    assert_eq!(frames.len(), 30);
    assert!(frames.windows(2).all(|pair| pair[0].report.seq < pair[1].report.seq));
    bench
}

#[test]
fn live_sources_get_the_newest_frame_analysed_others_every() {
    let auto = slow_live("auto");
    assert!(auto.stat("skipped") > 0 && auto.stat("analysed") > 0);
    let every = slow_live("every");
    assert_eq!((every.stat("skipped"), every.stat("analysed")), (0, 30));
}

#[test]
fn latency_grows_by_the_frames_that_may_be_held() {
    let module = Module::plain();
    let source = SOURCE.replace("videotestsrc num-buffers=30", "videotestsrc is-live=true");
    let bench = Bench::new(&format!("{source} ! DETECT workers=3 queue-size=2 ! {SINK}"), &module.path());
    let upstream = {
        let alone = Bench::new(&format!("{source} ! DETECT workers=1 ! {SINK}"), &module.path());
        alone.play();
        alone.wait_for(&[gst::MessageType::AsyncDone]);
        latency(&alone, "sink").1
    };
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    let (live, min) = latency(&bench, "src");
    assert!(live);
    assert_eq!(min - upstream, gst::ClockTime::from_mseconds(40) * 5);
}

/// What is said at the detector's src pad, or by the peer of its sink pad.
fn latency(bench: &Bench, pad: &str) -> (bool, gst::ClockTime) {
    let pad = bench.detector.static_pad(pad).unwrap();
    let mut query = gst::query::Latency::new();
    let answered = if pad.direction() == gst::PadDirection::Src {
        pad.query(query.query_mut())
    } else {
        pad.peer_query(query.query_mut())
    };
    assert!(answered);
    let (live, min, _) = query.result();
    (live, min)
}

#[test]
fn fifty_starts_leave_no_descriptor_and_no_thread_behind() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc ! video/x-raw,format=I420,width=64,height=48 ! DETECT workers=2 policy=every ! \
         fakesink name=s sync=false qos=false",
        &module.path(),
    );
    let cycle = || {
        bench.play();
        let (result, ..) = bench.pipeline.state(PATIENCE);
        result.unwrap();
        bench.stop();
    };
    for _ in 0..3 {
        cycle();
    }
    let before = (count("/proc/self/fd"), count("/proc/self/task"));
    for _ in 0..50 {
        cycle();
    }
    let after = (count("/proc/self/fd"), count("/proc/self/task"));
    assert!(
        after.0 <= before.0 + 2 && after.1 <= before.1 + 2,
        "descriptors, threads: {before:?} -> {after:?}"
    );
}

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn stopping_releases_an_upstream_that_waits_for_room() {
    let module = Module::with("(call $spin (i32.const 2000000000))");
    let bench = Bench::new(
        &format!(
            "videotestsrc ! video/x-raw,format=I420,width=64,height=48 ! DETECT workers=1 policy=every deadline=300000000 ! {SINK}"
        ),
        &module.path(),
    );
    bench.play();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let begin = std::time::Instant::now();
    bench.stop();
    assert!(begin.elapsed() < std::time::Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn stopping_while_downstream_blocks() {
    let module = Module::plain();
    let bench = Bench::new(
        &format!("{} ! DETECT policy=every ! {SINK}", SOURCE.replace("num-buffers=30", "")),
        &module.path(),
    );
    bench.pipeline.set_state(gst::State::Paused).unwrap();
    let (result, ..) = bench.pipeline.state(PATIENCE);
    result.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    bench.stop();
    assert_eq!(bench.frames().len(), 1, "the sink prerolled and waited");
}

#[test]
fn the_process_shares_one_pool_between_cameras() {
    gstedgevision::set_default_workers(3);
    let module = Module::uneven();
    let text = format!("{SOURCE} ! DETECT policy=every ! {SINK}");
    let benches = [Bench::new(&text, &module.path()), Bench::new(&text, &module.path())];
    benches.iter().for_each(Bench::play);
    for bench in &benches {
        bench.wait_for(&[gst::MessageType::Eos]);
        assert_eq!(bench.stat("workers"), 3);
        assert_whole(&bench.frames(), 30);
    }
}

#[test]
fn reports_name_camera_modules_and_labels() {
    let module = Module::plain();
    let bench = Bench::new(&format!("{SOURCE} ! DETECT camera=line3 ! {SINK}"), &module.path());
    let frames = bench.run();
    let report = &frames[0].report;
    assert_eq!(&*report.camera, "line3");
    assert_eq!(report.modules.len(), 1);
    let (name, digest) = report.modules[0].split_once('@').unwrap();
    assert_eq!((name, digest.len()), ("probe", 8));
    assert_eq!(report.model, None);
    assert!(report.system_time_ns > 1_700_000_000_000_000_000);
    assert_eq!(frames[0].regions[0].confidence, Some(0.5));
    assert_eq!(frames[0].regions[0].rect, (0, 0, 64, 48));
}
