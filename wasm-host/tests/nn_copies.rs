//! What a module's `infer` costs on each engine: bytes copied, counted by the engine and seen in the analysis; and that
//! sessions leave nothing behind.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;
mod support;

use std::{sync::Arc, thread, time::Duration};

use common::{
    on_every_engine,
    onnx::{floats, int, load, load_with, node, value},
    tensors::{Aligned, Tensor, run_session},
};
use edgevision_wasm_host::{
    job::Limits,
    nn::{DType, LoadOptions, NnError, OutputBuf},
};
use rten_onnx::onnx::{DataType, GraphProto};
use support::{Camera, HEIGHT, WIDTH, analyzer, assert_ok, spec};

on_every_engine! {
    a_module_infers_in_place: infers_in_place;
    a_session_counts_what_it_copies: counts_copies;
    one_model_serves_many_threads: serves_many_threads;
    sessions_come_and_go: leaves_nothing_behind;
}

/// What the engine copies of an output whose size is known: rten has memory of its own, the others write in place.
fn of_known_size(engine: &str, bytes: u64) -> u64 {
    if engine == "rten" { bytes } else { 0 }
}

/// One detection that fills the frame of the test camera, of class 0; its score is the brightest pixel / 510.
fn brightest() -> GraphProto {
    let mut cast = node("Cast", &["x"], &["floats"]);
    cast.attribute.push(int("to", 1));
    GraphProto {
        node: vec![
            cast,
            node("ReduceMax", &["floats"], &["max"]),
            node("Mul", &["max", "factor"], &["score"]),
            node("Add", &["score", "frame"], &["y"]),
        ],
        initializer: vec![
            floats("factor", &[1, 6], &[0.0, 0.0, 0.0, 0.0, 1.0 / 510.0, 0.0]),
            floats("frame", &[1, 6], &[0.0, 0.0, WIDTH as f32, HEIGHT as f32, 0.0, 0.0]),
        ],
        input: vec![value("x", DataType::UINT8, Some(&[i64::from(HEIGHT), i64::from(WIDTH)]))],
        output: vec![value("y", DataType::FLOAT, Some(&[1, 6]))],
        ..GraphProto::default()
    }
}

/// Through the sandbox: the tensor slot that one module writes is lent to the engine, which writes its output into the
/// memory of the other module.
fn infers_in_place(engine: &str) {
    let mut spec = spec("copy_plane", "infer_in_place", Some(load(brightest(), engine).unwrap()));
    spec.limits = Limits { deadline: Duration::from_secs(30), ..spec.limits };
    let mut analyzer = analyzer(spec);
    let mut camera = Camera::new();
    for _ in 0..5 {
        let (frame, _) = camera.shoot(255);
        let analysis = analyzer.analyze(&frame);
        assert_ok(&analysis, 0);
        assert_eq!(analysis.bytes_copied, of_known_size(engine, 24));
    }
}

/// `y` has a known size, `places` as many columns as `x` has values other than zero; `x` and `wide` are integers.
fn two_outputs() -> GraphProto {
    let mut cast = node("Cast", &["x"], &["y"]);
    cast.attribute.push(int("to", 1));
    GraphProto {
        node: vec![cast, node("NonZero", &["y"], &["places"])],
        input: vec![value("x", DataType::INT64, Some(&[4]))],
        output: vec![
            value("y", DataType::FLOAT, Some(&[4])),
            value("places", DataType::INT64, Some(&[1, -1])),
        ],
        ..GraphProto::default()
    }
}

fn counts_copies(engine: &str) {
    let model = load(two_outputs(), engine).unwrap();
    let mut session = model.clone().session().unwrap();
    // rten holds 64-bit integers in 32 bits: the input of 32 bytes is converted.
    let input = of_known_size(engine, 32);
    let x = [Tensor::of(DType::I64, &[4], &[1i64, 0, 0, 7])];
    assert_eq!(session.take_bytes_copied(), 0);
    run_session(&mut *session, &*model, &x, 1).unwrap();
    assert_eq!(session.take_bytes_copied(), input + of_known_size(engine, 16));
    assert_eq!(session.take_bytes_copied(), 0, "it was taken");
    // An output of unknown size is copied by every engine.
    let both = input + of_known_size(engine, 16) + 16;
    run_session(&mut *session, &*model, &x, 2).unwrap();
    assert_eq!(session.take_bytes_copied(), both);
    let (mut y, mut places) = (Aligned::new(&[0; 16]), Aligned::new(&[0; 8]));
    let mut outputs = [y.bytes_mut(), places.bytes_mut()].map(|data| OutputBuf {
        data,
        dtype: DType::U8,
        shape: vec![],
        len: 0,
    });
    let small = session.run(&[x[0].view()], &mut outputs).unwrap_err();
    assert!(matches!(small, NnError::OutputTooSmall { index: 1, needed: 16, capacity: 8 }), "{small}");
    assert_eq!(session.take_bytes_copied(), both - 16, "what has no room is not copied");
}

/// Eight threads with a session each run the one shared model 200 times at once, with inputs of their own.
fn serves_many_threads(engine: &str) {
    let options = LoadOptions { sessions: 8, ..LoadOptions::default() };
    let model = load_with(two_outputs(), engine, &options).unwrap();
    thread::scope(|scope| {
        for worker in 0..8i64 {
            let model = model.clone();
            scope.spawn(move || {
                let mut session = model.clone().session().unwrap();
                for round in 0..200 {
                    let x = [worker, round, 0, worker * round];
                    let input = [Tensor::of(DType::I64, &[4], &x)];
                    let results = run_session(&mut *session, &*model, &input, 2).unwrap();
                    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                    let floats = x.map(|value| value as f32);
                    let places: Vec<i64> = (0..4).zip(x).filter(|(_, v)| *v != 0).map(|(at, _)| at).collect();
                    assert_eq!(results[0].floats(), floats);
                    assert_eq!(results[1], Tensor::of(DType::I64, &[1, places.len()], &places));
                }
            });
        }
    });
}

/// Entries of a folder of this process: its descriptors or its threads.
fn count(of: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{of}")).unwrap().count()
}

/// A thousand sessions, each used once, leave no descriptors and no threads.
fn leaves_nothing_behind(engine: &str) {
    let model = load(two_outputs(), engine).unwrap();
    let x = [Tensor::of(DType::I64, &[4], &[1i64, 2, 0, 3])];
    let use_one = || {
        let mut session = model.clone().session().unwrap();
        run_session(&mut *session, &*model, &x, 2).unwrap();
    };
    (0..20).for_each(|_| use_one());
    let before = (count("fd"), count("task"));
    (0..1000).for_each(|_| use_one());
    assert_eq!((count("fd"), count("task")), before);
    assert_eq!(Arc::strong_count(&model), 1, "no session holds it");
}

/// `y` is `x` in the shape that the second input says; the file promises `[2, 2]`.
fn shaped() -> GraphProto {
    GraphProto {
        node: vec![node("Reshape", &["x", "shape"], &["t"]), node("Neg", &["t"], &["y"])],
        input: vec![value("x", DataType::FLOAT, Some(&[4])), value("shape", DataType::INT64, Some(&[2]))],
        output: vec![value("y", DataType::FLOAT, Some(&[2, 2]))],
        ..GraphProto::default()
    }
}

/// An input that the model cannot take is the caller's mistake; it says nothing about what the file promises, and the
/// runs after it write in place as before.
#[test]
fn a_run_that_fails_does_not_make_later_ones_copy() {
    if !common::engines::engine("onnxruntime") {
        return;
    }
    let model = load(shaped(), "onnxruntime").unwrap();
    let mut session = model.clone().session().unwrap();
    let inputs = |shape: [i64; 2]| [Tensor::f32(&[4], &[1.0; 4]), Tensor::of(DType::I64, &[2], &shape)];
    run_session(&mut *session, &*model, &inputs([2, 2]), 1).unwrap();
    assert_eq!(session.take_bytes_copied(), 0);
    run_session(&mut *session, &*model, &inputs([3, 5]), 1).unwrap_err();
    run_session(&mut *session, &*model, &inputs([2, 2]), 1).unwrap();
    assert_eq!(session.take_bytes_copied(), 0);
}
