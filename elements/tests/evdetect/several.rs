//! Several detectors: in a row, and in one process.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use edgevision_wasm_host::nn::{LoadOptions, load_count, load_model};
use gst::prelude::*;
use gstedgevision::detectionmeta;

use super::support::{Bench, Module, PATIENCE, assert_whole};

/// A model of its own, which no other test of this process holds: the sample's with a note (field 6 of the ONNX
/// message, `doc_string`) added.
fn model(folder: &Path, note: u8) -> PathBuf {
    let mut bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/line3.onnx")).unwrap();
    bytes.extend([0x32, 1, note]);
    let path = folder.join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn two_in_a_row_each_report_their_own() {
    // The second fails on each third frame; its other answers are those of the first.
    let failing = Module::with(
        "(if (i32.eqz (i32.rem_u (call $seq (local.get $f)) (i32.const 3))) (then (return (i32.const -1))))",
    );
    let first = Module::uneven();
    let bench = Bench::new(
        &format!(
            "videotestsrc num-buffers=30 pattern=ball ! video/x-raw,format=I420,width=64,height=48 ! \
             evdetect name=first camera=first preprocess={} workers=3 policy=every deadline=30000000000 ! \
             DETECT camera=second interval=2 workers=2 policy=every ! fakesink name=s sync=false qos=false",
            first.path().display()
        ),
        &failing.path(),
    );
    let (log, reports) =
        (Arc::new(std::sync::Mutex::new(Vec::new())), |buffer: &gst::Buffer| detectionmeta::reports(buffer));
    let pad = bench.pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
    let writer = log.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        writer.lock().unwrap().push(reports(info.buffer().unwrap()));
        gst::PadProbeReturn::Ok
    });
    bench.run();
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 30);
    for (seq, reports) in log.iter().enumerate() {
        let mut said: Vec<_> = reports.iter().map(|r| (r.camera.to_string(), r.analysis.status)).collect();
        said.sort_by(|one, other| one.0.cmp(&other.0));
        let cameras: Vec<_> = said.iter().map(|(camera, _)| camera.as_str()).collect();
        assert_eq!(cameras, ["first", "second"], "frame {seq}");
        assert_eq!(said[0].1, edgevision_wasm_host::analysis::Status::Ok);
        let second_ok = said[1].1 == edgevision_wasm_host::analysis::Status::Ok;
        assert!(!(second_ok && (seq % 2 == 1 || seq % 3 == 0)), "frame {seq}: {said:?}");
    }
    let count = |name: &str| {
        let stats = bench.pipeline.by_name(name).unwrap().property::<gst::Structure>("stats");
        stats.get::<u64>("analysed").unwrap()
    };
    assert_eq!(count("first"), 30);
    assert!(count("d") < 15);
}

fn with_model(module: &Module, model: &Path) -> Bench {
    Bench::new(
        &format!(
            "videotestsrc num-buffers=40 pattern=ball ! video/x-raw,format=I420,width=64,height=48 ! \
             DETECT model={} policy=every ! fakesink name=s sync=false qos=false",
            model.display()
        ),
        &module.path(),
    )
}

#[test]
fn ten_in_one_process_share_one_model() {
    let (module, folder) = (Module::uneven(), tempfile::tempdir().unwrap());
    let path = model(folder.path(), b'a');
    let benches: Vec<Bench> = (0..10).map(|_| with_model(&module, &path)).collect();
    benches.iter().for_each(Bench::play);
    for bench in &benches {
        bench.pipeline.state(PATIENCE).0.unwrap();
    }
    assert_eq!(load_count(), 1);
    // What the element makes of its defaults.
    let sessions = gstedgevision::planned_workers(0, gstedgevision::Performance::Throughput);
    let options = LoadOptions { sessions, ..LoadOptions::default() };
    let model = load_model(&path, "auto", &options).unwrap();
    assert!(
        Arc::strong_count(&model) > 10,
        "{} holders: it was loaded more than once",
        Arc::strong_count(&model)
    );
    for bench in &benches {
        bench.wait_for(&[gst::MessageType::Eos]);
        assert_whole(&bench.frames(), 40);
    }
    drop(benches);
    assert_eq!(Arc::strong_count(&model), 1, "nobody keeps it after the detectors are gone");
}

#[test]
fn each_of_ten_starts_and_stops_by_itself() {
    let (module, folder) = (Module::uneven(), tempfile::tempdir().unwrap());
    let path = model(folder.path(), b'b');
    let benches: Vec<Bench> = (0..10).map(|_| with_model(&module, &path)).collect();
    std::thread::scope(|scope| {
        for (n, bench) in benches.iter().enumerate() {
            scope.spawn(move || {
                for run in 0..3 {
                    if (n + run) % 3 == 0 {
                        // Cut off in the middle; the others must not notice.
                        bench.play();
                        bench.pipeline.state(PATIENCE).0.unwrap();
                        bench.stop();
                    } else {
                        let before = bench.frames().len();
                        let frames = bench.run();
                        assert_whole(&frames[before..], 40);
                    }
                }
            });
        }
    });
}
