//! What the whole command costs, measured from outside: overhead beside the real work, memory, time to the first
//! detection. Prints one JSON object a figure, for `cargo xtask bench` to put into its table.
//!
//! Times are processor times of the command, not wall times: other work on the machine disturbs them least.
#![allow(clippy::unwrap_used, reason = "a benchmark may fail by panicking")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use edgevision_tests::{
    clips,
    command::{Job, edgevision, yaml},
    media::{media, shipped},
    records,
};

const FRAMES: u32 = 150;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("full-hd.mp4");
    clips::make(&clip, (1920, 1080), FRAMES, "x264enc speed-preset=ultrafast key-int-max=50 ! mp4mux");
    overhead(&clip);
    memory(&clip);
    start();
}

fn figure(name: &str, value: f64, unit: &str, limit: f64) {
    println!("{}", serde_json::json!({ "figure": name, "value": value, "unit": unit, "limit": limit }));
}

/// The model that users start with if it is there, else the one that ships.
fn model() -> String {
    match (media("models/yolox_nano_416.onnx"), media("labels/coco80.txt")) {
        (Some(model), Some(labels)) => format!("{{path: {}, labels: {}}}", yaml(&model), yaml(&labels)),
        _ => format!(
            "{{path: {}, labels: {}}}",
            yaml(&shipped("samples/line3.onnx")),
            yaml(&shipped("samples/line3.labels.txt"))
        ),
    }
}

fn job(clip: &Path, workers: u32) -> Job {
    Job::new(&format!(
        "workers: {workers}
cameras:
  - name: clip
    source: {}
    analyze: {{preprocess: {{module: letterbox, params: {{color: bgr}}}}, model: {}, deadline: 60s}}
outputs: {{json_lines: $OUT/found.jsonl}}
",
        yaml(clip),
        model()
    ))
}

/// Share of a frame's processor time that is neither decoding nor the modules nor the model.
fn overhead(clip: &Path) {
    let decode = cpu(Command::new("gst-launch-1.0").args(["-q", "filesrc"]).arg(location(clip)).args([
        "!",
        "decodebin3",
        "!",
        "fakesink",
    ]));
    let job = job(clip, 1);
    let total = cpu(&mut job.command());
    let empty = tempfile::tempdir().unwrap();
    let short = empty.path().join("short.mp4");
    clips::make(&short, (1920, 1080), 1, "x264enc speed-preset=ultrafast ! mp4mux");
    let start_up = cpu(&mut self::job(&short, 1).command());
    let work: f64 = records::lines(&job.file("found.jsonl")).iter().map(work_ms).sum::<f64>() / 1e3;
    let frames = f64::from(FRAMES);
    let other = ((total - start_up) - decode - work).max(0.0) / frames;
    figure(
        "other than decode, modules and model",
        100.0 * other / ((total - start_up) / frames),
        "% of a frame",
        3.0,
    );
}

fn work_ms(record: &serde_json::Value) -> f64 {
    let latency = &record["latency_ms"];
    ["preprocess", "inference", "postprocess"].iter().filter_map(|stage| latency[stage].as_f64()).sum()
}

fn location(clip: &Path) -> String {
    format!("location={}", clip.display())
}

/// User and system time of a command, in seconds.
fn cpu(command: &mut Command) -> f64 {
    let before = children();
    assert!(command.stderr(Stdio::null()).status().unwrap().success(), "{command:?}");
    children().0 - before.0
}

/// Processor seconds of all children so far, and the largest resident set among them in bytes.
fn children() -> (f64, i64) {
    // SAFETY: rusage is plain data for which zero is a value, and getrusage only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds of a benchmark")]
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss * 1024)
}

/// Largest resident set with one 1080p camera and four workers.
fn memory(clip: &Path) {
    let job = job(clip, 4);
    let mut child = job.command().stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(20));
    }
    figure("peak memory, one 1080p camera, four workers", peak_kib / 1024.0, "MiB", 200.0 / 1.048_576);
}

/// From the start of the process to the first record, compiled modules cached.
fn start() {
    let config = shipped("configs/minimal.yaml");
    let first_record = || {
        let start = Instant::now();
        let mut command = edgevision();
        command.arg("--config").arg(&config).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Records of the camera's state come first.
        assert!(lines.any(|line| line.unwrap().contains("\"objects\"")), "no record");
        let elapsed = start.elapsed();
        child.kill().unwrap();
        child.wait().unwrap();
        elapsed
    };
    first_record();
    let mut times: Vec<Duration> = (0..5).map(|_| first_record()).collect();
    times.sort();
    figure("start to first detection, modules cached", times[2].as_secs_f64() * 1e3, "ms", 1000.0);
}
