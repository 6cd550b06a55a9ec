//! The programs of `samples/hosts`, as somebody runs them who has the plugin and nothing else of ours: each finds in
//! the sample what the command finds.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
    time::Duration,
};

use edgevision_tests::{
    command::{Job, Running, program, stderr, yaml},
    media::{repository, shipped},
    records,
    rtsp::wait_until,
};

/// What is printed for one detection: label, confidence, x, y, w, h.
type Found = (String, f64, [u64; 4]);
/// By milliseconds of stream time.
type Frames = BTreeMap<u64, Vec<Found>>;

/// The same job for the command, with time enough for every frame.
const JOB: &str = r"
cameras: [{name: line3, source: CLIP}]
analyze:
  preprocess: {module: letterbox, params: {color: bgr, align: top_left}}
  detect: {module: yolo, params: {agnostic: true}}
  model: {path: MODEL, labels: LABELS}
  threshold: 0.7
  class_thresholds: {tipped_over: 0.6}
  deadline: 1m
outputs: {json_lines: $OUT/records.jsonl}
";

static EXPECTED: LazyLock<Frames> = LazyLock::new(|| {
    let config = JOB
        .replace("CLIP", &yaml(&shipped("samples/line3.mp4")))
        .replace("MODEL", &yaml(&shipped("samples/line3.onnx")))
        .replace("LABELS", &yaml(&shipped("samples/line3.labels.txt")));
    let job = Job::new(&config);
    let output = job.run(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mut frames = Frames::new();
    for record in records::lines(&job.file("records.jsonl")) {
        let Some(objects) = record.get("objects").and_then(|objects| objects.as_array()) else { continue };
        let found = objects.iter().map(|object| {
            let detection = &object["detection"];
            (
                detection["label"].as_str().unwrap().to_owned(),
                detection["confidence"].as_f64().unwrap(),
                ["x", "y", "w", "h"].map(|side| object[side].as_u64().unwrap()),
            )
        });
        frames.insert(record["timestamp"].as_u64().unwrap() / 1_000_000, found.collect());
    }
    assert_eq!(frames.len(), 300, "every frame of the clip");
    frames
});

/// A host as a user starts it: in the repository, with the plugin's folder.
fn host(program_path: &Path) -> Command {
    let mut command = Command::new(program_path);
    command.current_dir(repository()).env("GST_PLUGIN_PATH", program("edgevision").parent().unwrap());
    command
}

fn printed(output: &Output) -> Frames {
    let mut frames = Frames::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [seconds, label, confidence, sides @ ..] = &words[..] else { panic!("{line:?}") };
        let ms = seconds.replace('.', "").parse().unwrap();
        let sides: Vec<u64> = sides.iter().map(|side| side.parse().unwrap()).collect();
        let found = ((*label).to_owned(), confidence.parse().unwrap(), sides.try_into().unwrap());
        frames.entry(ms).or_default().push(found);
    }
    frames
}

fn same(ours: &[Found], expected: &[Found]) -> bool {
    let close = |a: &Found, b: &Found| a.0 == b.0 && a.2 == b.2 && (a.1 - b.1).abs() < 2e-4;
    ours.len() == expected.len() && ours.iter().zip(expected).all(|(a, b)| close(a, b))
}

/// Runs a host over the sample and holds what it prints against the command's records.
fn check(command: &mut Command) {
    let output = command.arg("samples/line3.mp4").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    let printed = printed(&output);
    for (ms, found) in &printed {
        let expected = EXPECTED.get(ms).unwrap_or_else(|| panic!("no frame at {ms} ms"));
        assert!(same(found, expected), "{command:?} at {ms} ms: {found:?}, the command: {expected:?}");
    }
    let with_objects = EXPECTED.values().filter(|found| !found.is_empty()).count();
    // A frame that overran its deadline on a busy machine has no detections, and the host has passed on the warning.
    let warned = !output.stderr.is_empty();
    let least = if warned { with_objects * 8 / 10 } else { with_objects };
    assert!(printed.len() >= least, "{command:?}: {} of {with_objects}: {}", printed.len(), stderr(&output));
}

/// False, with a message, when a tool is not there. CI must have them all.
fn there(what: &str, is_there: bool) -> bool {
    let required = std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_some_and(|value| value == "1");
    assert!(is_there || !required, "{what} is missing; xtask/setup.sh installs it");
    if !is_there {
        eprintln!("skipped: {what} is missing; xtask/setup.sh installs it");
    }
    is_there
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The scripts name the distribution's Python, whose packages they need; another on the PATH may not have them.
fn python() -> bool {
    let import = "import gi; gi.require_version('GstVideo', '1.0'); from gi.repository import GstVideo";
    there("PyGObject with GStreamer", succeeds(Command::new("/usr/bin/python3").args(["-c", import])))
}

fn python_host(name: &str) -> Command {
    let mut command = host(&shipped(&format!("samples/hosts/python/{name}")));
    // A test leaves nothing beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[test]
fn python_reads_regions_in_a_pad_probe() {
    if python() {
        check(&mut python_host("detections_pad_probe.py"));
    }
}

#[test]
fn python_gets_the_signal_and_the_messages() {
    if python() {
        check(&mut python_host("detections_signal.py"));
        check(python_host("detections_signal.py").arg("--messages"));
    }
}

/// Builds the host in C with nothing but what pkg-config says.
fn c_host(folder: &Path) -> Option<PathBuf> {
    let libraries = ["gstreamer-1.0", "gstreamer-video-1.0"];
    let cc = succeeds(Command::new("cc").arg("--version"));
    let pkg_config = succeeds(Command::new("pkg-config").arg("--exists").args(libraries));
    if !there("a C compiler", cc) || !there("pkg-config with GStreamer's development files", pkg_config) {
        return None;
    }
    let flags = Command::new("pkg-config").args(["--cflags", "--libs"]).args(libraries).output().unwrap();
    let path = folder.join("detections");
    let output = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&path)
        .arg(shipped("samples/hosts/c/detections.c"))
        .args(String::from_utf8(flags.stdout).unwrap().split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    Some(path)
}

#[test]
fn c_reads_regions_in_a_pad_probe() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(path) = c_host(folder.path()) {
        check(&mut host(&path));
    }
}

#[test]
fn rust_reads_reports_with_the_elements_linked_in() {
    let mut command = Command::new(program("examples/detections"));
    check(command.current_dir(repository()).env_remove("GST_PLUGIN_PATH"));
}

#[test]
fn every_host_tells_why_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosts = vec![program("examples/detections")];
    hosts.extend(c_host(folder.path()));
    if python() {
        hosts.push(shipped("samples/hosts/python/detections_signal.py"));
    }
    for path in hosts {
        let output = host(&path).arg("no-such-clip.mp4").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", path.display());
        assert!(stderr(&output).contains("no-such-clip.mp4"), "{}: {}", path.display(), stderr(&output));
    }
}

#[test]
fn ctrl_c_ends_a_host_with_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosts = vec![program("examples/detections")];
    hosts.extend(c_host(folder.path()));
    if python() {
        hosts.push(shipped("samples/hosts/python/detections_pad_probe.py"));
    }
    for (nth, path) in hosts.iter().enumerate() {
        let printed_to = folder.path().join(format!("printed-{nth}"));
        let mut command = host(Path::new("sh"));
        command.args(["-c", r#"exec "$1" samples/line3.mp4 > "$2""#, "sh"]).arg(path).arg(&printed_to);
        command.env("PYTHONUNBUFFERED", "1");
        let running = Running::of(command);
        wait_until("the first detection", Duration::from_secs(60), || {
            std::fs::metadata(&printed_to).is_ok_and(|file| file.len() > 0)
        });
        let mut output = running.interrupt();
        assert!(output.status.success(), "{}: {:?} {}", path.display(), output.status, stderr(&output));
        output.stdout = std::fs::read(&printed_to).unwrap();
        assert!(!printed(&output).is_empty(), "whole lines");
    }
}
