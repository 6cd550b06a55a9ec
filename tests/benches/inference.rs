//! How much of an engine's speed reaches the user: frames a second of the whole command, decoding included, against the
//! bare engine on tensors that are ready. Prints one JSON object a figure, for `cargo xtask bench`.
//!
//! Needs the media folder and, for its part, ONNX Runtime (`make engines`). Ratios of one run: the machine must be quiet.
#![allow(clippy::unwrap_used, reason = "a benchmark may fail by panicking")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use edgevision_tests::{
    command::{Job, children, edgevision, yaml},
    engines::engine,
    media::media,
    records,
};
use rten_tensor::AsView;
use serde_json::{Value, json};

/// Inferences that are timed of a bare engine, as many as take some seconds.
const RUNS: u32 = 150;
/// Pixels of the model's input.
const SIDE: usize = 416;

fn main() {
    let Some(model) = media("models/yolox_nano_416.onnx") else { return };
    if engine("onnxruntime") {
        let bare = bare_onnxruntime(&model);
        let one = Run::new("onnxruntime", 1);
        at_least("yolox_nano on ONNX Runtime, one worker, against the bare engine", one.fps / bare, 0.95);
        at_least("the same, two workers against one", Run::new("onnxruntime", 2).fps / one.fps, 1.75);
        let share = json!({ "figure": "preprocess, postprocess and hand-over", "value": 100.0 * one.ours, "unit": "% of a frame", "limit": 6.0 });
        println!("{share}");
        memory(&model);
    }
    let bare = bare_rten(&model);
    at_least("yolox_nano on rten, one worker, against the bare engine", Run::new("rten", 1).fps / bare, 0.95);
}

fn at_least(figure: &str, value: f64, least: f64) {
    println!("{}", json!({ "figure": figure, "value": value, "unit": "x", "least": least }));
}

/// A tensor that is ready; the time does not depend on its values.
fn pixels() -> Vec<f32> {
    (0u8..=255).cycle().step_by(7).take(3 * SIDE * SIDE).map(f32::from).collect()
}

/// Runs a second of `run`, after some to warm up.
fn per_second(mut run: impl FnMut()) -> f64 {
    (0..10).for_each(|_| run());
    let start = Instant::now();
    (0..RUNS).for_each(|_| run());
    f64::from(RUNS) / start.elapsed().as_secs_f64()
}

/// ONNX Runtime through its Rust interface, one thread, its own defaults else.
fn bare_onnxruntime(model: &Path) -> f64 {
    let library = std::env::var_os("EDGEVISION_ENGINES").map(PathBuf::from).unwrap().join("onnxruntime");
    let mut files = std::fs::read_dir(library).unwrap().map(|entry| entry.unwrap().path());
    let library = files.find(|file| file.to_string_lossy().contains("libonnxruntime.so")).unwrap();
    let environment = ort::init_from(library).unwrap().build().unwrap();
    let builder = ort::session::Session::builder(&environment).unwrap();
    let mut session = builder.with_intra_threads(1).unwrap().commit_from_file(model).unwrap();
    let input = ort::value::Tensor::from_array(([1, 3, SIDE, SIDE], pixels())).unwrap();
    per_second(|| {
        session.run(ort::inputs![&input]).unwrap();
    })
}

/// rten through its own interface, one thread.
fn bare_rten(model: &Path) -> f64 {
    let model = rten::Model::load_file(model).unwrap();
    let input = rten_tensor::NdTensor::from_data([1, 3, SIDE, SIDE], pixels());
    let pool = std::sync::Arc::new(rten::ThreadPool::with_num_threads(1));
    per_second(|| {
        let options = rten::RunOptions::default().with_thread_pool(Some(pool.clone()));
        model.run_one(input.view().into(), Some(options)).unwrap();
    })
}

/// The command over the bottles clip.
struct Run {
    /// From the first frame to the last, without the start.
    fps: f64,
    /// What is neither decoding nor inference, of a frame's processor time.
    ours: f64,
}

impl Run {
    fn new(engine: &str, workers: u32) -> Self {
        let [clip, model, labels] =
            ["clips/bottles-640x360.mp4", "models/yolox_nano_416.onnx", "labels/coco80.txt"]
                .map(|path| yaml(&media(path).unwrap()));
        let job = Job::new(&format!(
            "workers: {workers}
cameras: [{{name: clip, source: {clip}}}]
analyze:
  preprocess: {{module: letterbox, params: {{color: bgr, align: top_left}}}}
  model: {{path: {model}, labels: {labels}, engine: {engine}, threads: 1}}
  deadline: 60s
outputs: {{json_lines: $OUT/found.jsonl}}
"
        ));
        let before = children();
        assert!(job.command().stderr(Stdio::null()).status().unwrap().success());
        let cpu_ms = (children() - before) * 1e3;
        let records = records::lines(&job.file("found.jsonl"));
        let frames: Vec<&Value> = records.iter().filter(|record| record["status"] == "ok").collect();
        let last = frames.len() - 1;
        let seconds = arrival(frames[last]) - arrival(frames[0]);
        let ms = |record: &Value, what: &str| record["latency_ms"][what].as_f64().unwrap();
        let ours: f64 =
            frames.iter().map(|record| ms(record, "preprocess") + ms(record, "postprocess")).sum();
        #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
        let fps = last as f64 / seconds;
        eprintln!(
            "{engine}, {workers} worker(s): {fps:.1} frames/s, {cpu_ms:.0} ms of processor, of it {ours:.0} ours"
        );
        Self { fps, ours: ours / cpu_ms }
    }
}

/// Seconds of the day at which a frame reached `evdetect`; frames of a file wait there for a worker.
fn arrival(record: &Value) -> f64 {
    let text = record["system_timestamp"].as_str().unwrap();
    let clock = text.split('T').nth(1).unwrap().trim_end_matches('Z');
    clock.split(':').fold(0.0, |seconds, part| seconds * 60.0 + part.parse::<f64>().unwrap())
}

/// A model is in memory once, however many workers run it.
fn memory(model: &Path) {
    let mut command = edgevision();
    command.args([
        "bench",
        "--json",
        "--engine",
        "onnxruntime",
        "--workers",
        "4",
        "--time",
        "500ms",
        "--model",
    ]);
    let output = command.arg(model).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rss = |index: usize| found["engines"][0]["rss"][index].as_f64().unwrap();
    let figure = "memory (RSS) with the model, four workers against one";
    println!("{}", json!({ "figure": figure, "value": rss(1) / rss(0), "unit": "x", "limit": 1.3 }));
}
