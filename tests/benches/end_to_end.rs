//! What the whole command costs, measured from outside: overhead beside the real work, memory, time to the first
//! detection. Prints one JSON object a figure, for `cargo xtask bench` to put into its table.
//!
//! Times are processor times of the command, not wall times: other work on the machine disturbs them least.
#![allow(clippy::unwrap_used, reason = "a benchmark may fail by panicking")]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use edgevision_tests::{
    clips,
    command::{Job, children, edgevision, yaml},
    media::{media, shipped},
    records,
};

/// Enough for what a frame costs with its model.
const FRAMES: u32 = 150;

/// Without a model a frame costs so little that the start of a command, a tenth of a second more or less, must be
/// spread over more of them.
const MANY_FRAMES: u32 = 900;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("full-hd.mp4");
    full_hd(&clip, FRAMES);
    overhead(&clip, folder.path());
    memory(&clip);
    start();
}

fn full_hd(clip: &Path, frames: u32) {
    clips::make(clip, (1920, 1080), frames, "x264enc speed-preset=ultrafast key-int-max=50 ! mp4mux");
}

fn figure(name: &str, value: f64, unit: &str, limit: f64) {
    println!("{}", serde_json::json!({ "figure": name, "value": value, "unit": unit, "limit": limit }));
}

/// A figure without a limit, to be read beside the one before.
fn remark(name: &str, value: f64, unit: &str) {
    println!("{}", serde_json::json!({ "figure": name, "value": value, "unit": unit }));
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

fn job(clip: &Path, workers: u32, analyze: &str) -> Job {
    Job::new(&format!(
        "workers: {workers}
cameras:
  - name: clip
    source: {}
    analyze: {analyze}
outputs: {{json_lines: $OUT/found.jsonl}}
",
        yaml(clip)
    ))
}

/// What a user runs.
fn detecting() -> String {
    format!(
        "{{preprocess: {{module: letterbox, params: {{color: bgr}}}}, model: {}, deadline: 60s}}",
        model()
    )
}

/// The same way of a frame through modules that do nothing.
fn nothing(folder: &Path) -> String {
    let module = |name: &str, text: &str| {
        let path = folder.join(format!("{name}.wasm"));
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        yaml(&path)
    };
    let preprocess = module("preprocess", include_str!("nothing/preprocess.wat"));
    let detect = module("detect", include_str!("nothing/detect.wat"));
    format!("{{preprocess: {{module: {preprocess}}}, detect: {{module: {detect}}}}}")
}

/// Share of a frame's processor time that is neither decoding nor the modules nor the model.
///
/// The way of a frame is measured with modules that do nothing, less what decoding alone costs. To subtract modules
/// and model from the whole instead would subtract two large, noisy numbers for a small one.
fn overhead(clip: &Path, folder: &Path) {
    let (first, long) = (folder.join("first.mp4"), folder.join("long.mp4"));
    full_hd(&first, 1);
    full_hd(&long, MANY_FRAMES);
    let per_frame = |clip: &Path, frames: u32, run: &dyn Fn(&Path, u32) -> f64| {
        // Whatever disturbs a run makes it longer.
        let shortest = |clip: &Path, frames| (0..3).map(|_| run(clip, frames)).fold(f64::INFINITY, f64::min);
        (shortest(clip, frames) - shortest(&first, 1)) / f64::from(frames - 1)
    };
    let decode = per_frame(&long, MANY_FRAMES, &|clip, _| cpu(&mut decoding(clip)));
    let (nothing, detecting) = (nothing(folder), detecting());
    let way = per_frame(&long, MANY_FRAMES, &|clip, frames| analysing(&job(clip, 1, &nothing), frames));
    let whole = per_frame(clip, FRAMES, &|clip, frames| analysing(&job(clip, 1, &detecting), frames));
    let other = (way - decode) * 1e3;
    eprintln!("decoding {:.2} ms, other {other:.2} ms, whole frame {:.2} ms", decode * 1e3, whole * 1e3);
    figure("other than decode, modules and model", 0.1 * other / whole, "% of a frame", 3.0);
}

/// Processor time of the command over a job, which must analyse every frame.
fn analysing(job: &Job, frames: u32) -> f64 {
    let seconds = cpu(&mut job.command());
    let records = records::lines(&job.file("found.jsonl"));
    let analysed = records.iter().filter(|record| record["status"] == "ok").count();
    assert_eq!(analysed, frames as usize, "frames analysed");
    seconds
}

/// Into a sink that takes padded planes: before a plain `fakesink` the decoder copies each frame.
fn decoding(clip: &Path) -> Command {
    let mut command = Command::new("gst-launch-1.0");
    command
        .args(["-q", "filesrc"])
        .arg(location(clip))
        .args("! decodebin3 ! fakevideosink sync=false".split(' '));
    command
}

fn location(clip: &Path) -> String {
    format!("location={}", clip.display())
}

/// User and system time of a command, in seconds.
fn cpu(command: &mut Command) -> f64 {
    let before = children();
    assert!(command.stderr(Stdio::null()).status().unwrap().success(), "{command:?}");
    children() - before
}

/// Largest resident set with one 1080p camera and four workers.
///
/// The kernel counts a page once per mapping, and a frame is mapped by the host and by every worker's window: the
/// second figure counts the pages of frames and tensors once.
fn memory(clip: &Path) {
    let job = job(clip, 4, &detecting());
    let mut child = job.command().stderr(Stdio::null()).spawn().unwrap();
    let (mut peak, mut peak_once) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let maps = std::fs::read_to_string(format!("/proc/{}/smaps", child.id())).unwrap_or_default();
        let resident = Resident::of(&maps);
        peak = peak.max(resident.total_kib);
        peak_once = peak_once.max(resident.total_kib - resident.again_kib);
        std::thread::sleep(Duration::from_millis(100));
    }
    let megabytes = |kib: u32| f64::from(kib) * 1.024 / 1e3;
    figure("peak memory, one 1080p camera, four workers", megabytes(peak_once), "MB", 200.0);
    remark("the same as RSS: a shared page once per mapping", megabytes(peak), "MB");
}

/// What `/proc/PID/smaps` says about a process.
#[derive(Default)]
struct Resident {
    total_kib: u32,
    /// The part of it that other mappings of the same memfd have counted already.
    again_kib: u32,
}

impl Resident {
    fn of(maps: &str) -> Self {
        let mut resident = Self::default();
        let mut file = None;
        let mut files: HashMap<&str, Vec<u32>> = HashMap::new();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("Rss:") => {
                    let kib = words.next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
                    resident.total_kib += kib;
                    files.entry(file.unwrap_or_default()).or_default().push(kib);
                }
                // A mapping begins: addresses, permissions, offset, device, inode, name.
                Some(first) if !first.ends_with(':') => {
                    let shared = line.contains("/memfd:edgevision-");
                    file = words.nth(3).filter(|_| shared);
                }
                _ => {}
            }
        }
        files.remove("");
        let again = |kib: &Vec<u32>| kib.iter().sum::<u32>() - kib.iter().max().unwrap_or(&0);
        resident.again_kib = files.values().map(again).sum();
        resident
    }
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
