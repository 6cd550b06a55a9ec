//! Wasm models behind the modules that ship: the example model finds its lamps, hostile ones cost their frame only.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use edgevision_wasm_host::{
    analysis::{Analysis, AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Plane, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
    nn::{LoadOptions, Model, load_model},
};
use serde_json::json;

const SIDE: u32 = 96;

fn shipped(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(format!("{name}.wasm"))
}

fn stage(name: &str, params: serde_json::Value) -> Stage {
    let module = Module::load(&shipped(name))
        .unwrap_or_else(|error| panic!("{error} (`cargo xtask guests` builds it)"));
    Stage { module, params }
}

/// Frames of one colour with a white rectangle, and what the shipped detector finds with the model.
fn analyses(model: Arc<dyn Model>, frames: u64) -> Vec<Analysis> {
    let spec = JobSpec {
        preprocess: stage("letterbox", json!({ "std": 255 })),
        detect: stage("yolo", json!({ "layout": "yolov10" })),
        model: Some(model),
        labels: Arc::new(["lamp".to_owned()]),
        thresholds: Thresholds::all(0.5),
        limits: Limits { deadline: Duration::from_millis(700), ..Limits::default() },
    };
    let mut analyzer = Job::new(spec).unwrap().build().unwrap();
    let arena = Arena::new(64 << 10, 4).unwrap();
    let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Full };
    let analyse = |seq| {
        let layout =
            FrameLayout::new(PixelFormat::Gray8, SIDE, SIDE, color, &[Plane { offset: 0, stride: SIDE }])
                .unwrap();
        let pixel = |at: u32| {
            let (x, y) = (at % SIDE, at / SIDE);
            if (16..40).contains(&x) && (56..72).contains(&y) { 255 } else { 20 }
        };
        let bytes: Vec<u8> = (0..SIDE * SIDE).map(pixel).collect();
        let mut slot = arena.acquire().unwrap();
        Arc::get_mut(&mut slot).unwrap().copy_from(0, &bytes).unwrap();
        let pixels = Pixels::Arena { arena: arena.clone(), offset: slot.offset() };
        let transfer = Transfer::InPlace;
        analyzer.analyze(&Frame {
            seq,
            timestamp_ns: None,
            layout,
            pixels,
            transfer,
            keep_alive: Box::new(slot),
        })
    };
    (0..frames).map(analyse).collect()
}

/// A model with the tensors of the shipped one.
fn hostile(body: &str) -> Arc<dyn Model> {
    let section = r#"{\"inputs\":[{\"name\":\"image\",\"dtype\":\"f32\",\"shape\":[1,3,96,96]}],\"outputs\":[{\"name\":\"boxes\",\"dtype\":\"f32\",\"shape\":[1,32,6]}]}"#;
    let wat = format!(
        r#"(module (@custom "edgevision.model" "{section}") (memory (export "memory") 1)
            (func $infer (export "infer_model") (param i32 i32 i32 i32) (result i32) {body}))"#
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile.wasm");
    std::fs::write(&file, wat::parse_str(wat).unwrap()).unwrap();
    load_model(&file, "wasm", &LoadOptions::default()).unwrap()
}

#[test]
fn the_example_model_finds_its_lamp() {
    let model = load_model(&shipped("models/lamps"), "auto", &LoadOptions::default()).unwrap();
    assert_eq!(model.identity().engine, "wasm");
    for analysis in analyses(model, 3) {
        assert_eq!((analysis.status, analysis.detections.len()), (Status::Ok, 1), "{:?}", analysis.message);
        let found = &analysis.detections[0];
        assert!(found.score > 0.95, "{found:?}");
    }
}

#[test]
fn an_endless_loop_ends_with_the_frames_deadline() {
    let started = Instant::now();
    for analysis in analyses(hostile("(loop $l (br $l)) (i32.const 0)"), 2) {
        assert_eq!(analysis.status, Status::Timeout, "{:?}", analysis.message);
    }
    // Compiling the modules counts, too: 20 s where everything else runs at the same time.
    assert!(started.elapsed() < Duration::from_secs(90), "{:?}", started.elapsed());
}

#[test]
fn errors_and_traps_reach_the_user() {
    let table = [
        ("(i32.const 42)", "`infer_model` returned the error 42"),
        ("unreachable", "`infer_model` failed: wasm trap: wasm `unreachable` instruction executed"),
        ("(call $infer (local.get 0) (local.get 1) (local.get 2) (local.get 3))", "call stack exhausted"),
    ];
    for (body, part) in table {
        for analysis in analyses(hostile(body), 2) {
            assert_eq!(analysis.status, Status::Trapped);
            let message = analysis.message.unwrap();
            assert!(message.contains(part), "{message}");
        }
    }
}
