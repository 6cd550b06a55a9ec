//! Damaged and malicious `.tflite` files: the engine answers a sentence, or runs something; the process goes on. Native
//! code is behind it, so the files are loaded in a child process, whose death is seen here.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use common::engines::engine;
use edgevision_wasm_host::nn::{LoadOptions, Model, OutputBuf, TensorView, load_model};

const MODELS: [&str; 8] = [
    "two_by_two",
    "quantised",
    "types",
    "convolution",
    "unknown_output",
    "constant_output",
    "echo",
    "elsewhere",
];
/// Tells the child what to do: `model from step`.
const TASK: &str = "EDGEVISION_TEST_DAMAGE";
/// Inputs of a damaged model that are larger are not made.
const MOST_BYTES: usize = 1 << 20;

fn original(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{name}.tflite"))).unwrap()
}

/// Every damage that is tried: one byte changed in one of four ways, or the end missing.
fn damaged(original: &[u8], number: usize) -> Option<Vec<u8>> {
    let (at, way) = (number / 5, number % 5);
    let mut bytes = original.to_vec();
    let byte = bytes.get_mut(at)?;
    match way {
        0 => *byte ^= 1,
        1 => *byte ^= 0x80,
        2 => *byte = 0xff,
        3 => *byte = byte.wrapping_add(4),
        _ => bytes.truncate(at),
    }
    Some(bytes)
}

#[test]
fn damaged_models_do_not_end_the_process() {
    if !engine("litert") {
        return;
    }
    // Coprime to the ways and to the size of words. EDGEVISION_TEST_EVERY=1 tries each.
    let step = std::env::var("EDGEVISION_TEST_EVERY").map_or(13, |step| step.parse().unwrap());
    for model in MODELS {
        let ends = survive(model, step);
        assert!(ends.is_empty(), "{model}: {ends:#?}");
    }
}

/// Lets children try all damages; answers those that ended one.
fn survive(model: &str, step: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (mut from, mut ends) = (0, Vec::new());
    while ends.len() < 20 {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(TASK, format!("{model} {from} {step} {}", folder.path().display()))
            .output()
            .unwrap();
        let reached: usize = std::fs::read_to_string(folder.path().join("reached")).unwrap().parse().unwrap();
        if child.status.success() {
            break;
        }
        let said = String::from_utf8_lossy(&child.stderr).into_owned();
        let said: Vec<&str> = said.lines().rev().take(4).collect();
        ends.push(format!("damage {reached}: {}: {said:?}", child.status));
        from = reached + step;
    }
    ends
}

#[test]
#[ignore = "only as a child of the test above"]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [model, from, step, folder] = task.split(' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let (folder, original) = (PathBuf::from(folder), original(model));
    for number in (from.parse::<usize>().unwrap()..).step_by(step.parse().unwrap()) {
        std::fs::write(folder.join("reached"), number.to_string()).unwrap();
        let Some(bytes) = damaged(&original, number) else { return };
        let file = folder.join("damaged.tflite");
        std::fs::write(&file, bytes).unwrap();
        if let Ok(model) = load_model(&file, "litert", &LoadOptions::default()) {
            run_on_zeros(&*model, model.clone().session().unwrap());
        }
    }
}

fn run_on_zeros(model: &dyn Model, mut session: Box<dyn edgevision_wasm_host::nn::Session>) {
    let shapes: Vec<Vec<usize>> =
        model.inputs().iter().map(|info| info.shape.iter().map(|dim| dim.unwrap_or(2)).collect()).collect();
    let lens: Option<Vec<usize>> = model
        .inputs()
        .iter()
        .zip(&shapes)
        .map(|(info, shape)| edgevision_wasm_host::nn::byte_len(info.dtype, shape))
        .collect();
    let Some(lens) = lens.filter(|lens| lens.iter().sum::<usize>() < MOST_BYTES) else { return };
    let zeros: Vec<Vec<u64>> = lens.iter().map(|len| vec![0; len.div_ceil(8)]).collect();
    let views: Vec<TensorView<'_>> = model
        .inputs()
        .iter()
        .zip(&shapes)
        .zip(zeros.iter().zip(&lens))
        .map(|((info, shape), (data, &len))| TensorView {
            dtype: info.dtype,
            shape,
            data: &bytemuck::cast_slice(data)[..len],
        })
        .collect();
    let mut rooms: Vec<Vec<u8>> = model.outputs().iter().map(|_| vec![0; MOST_BYTES]).collect();
    let mut outputs: Vec<OutputBuf<'_>> = rooms
        .iter_mut()
        .zip(model.outputs())
        .map(|(data, info)| OutputBuf { data, dtype: info.dtype, shape: vec![], len: 0 })
        .collect();
    // Whatever comes of it.
    drop(session.run(&views, &mut outputs));
}
