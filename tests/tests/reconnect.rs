//! A camera that goes away comes back, and nobody else notices.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use edgevision_tests::{
    command::{Job, stderr},
    modules,
    records::{self, Record},
    rtsp::{Camera, free_port, wait_until},
};

const PATIENCE: Duration = Duration::from_secs(40);

/// A network camera that will have trouble, beside a test pattern that has none.
fn job(port: u16, extra: &str) -> Job {
    let job = Job::new(&format!(
        "cameras:
  - name: gate
    source: {{uri: 'rtsp://127.0.0.1:{port}/camera', reconnect: {{initial: 100ms, max: 1s}}{extra}}}
  - name: calm
    source: {{uri: 'test://ball', framerate: 20}}
analyze: {{preprocess: $OUT/look.wasm, detect: $OUT/look.wasm}}
outputs:
  json_lines: {{path: $OUT/found.jsonl, skipped: true}}
"
    ));
    modules::build("look", job.folder.path());
    job
}

fn frames(found: &Path, camera: &str) -> Vec<Record> {
    if !found.exists() {
        return Vec::new();
    }
    records::ours(found).into_iter().filter(|record| record.camera == camera).collect()
}

fn states(found: &Path, camera: &str) -> Vec<String> {
    let text = |line: &serde_json::Value, key: &str| line[key].as_str().map(str::to_owned);
    let lines = records::lines(found).into_iter();
    lines
        .filter(|line| text(line, "camera").as_deref() == Some(camera))
        .filter_map(|l| text(&l, "state"))
        .collect()
}

fn wait_for_frames(found: &Path, camera: &str, more: usize) {
    let before = frames(found, camera).len();
    wait_until(&format!("{more} frames of {camera}"), PATIENCE, || {
        frames(found, camera).len() >= before + more
    });
}

/// The untroubled camera's frames follow each other without a gap in their numbers.
fn calm_is_unbroken(found: &Path) {
    let calm: Vec<u64> = frames(found, "calm").iter().map(|record| record.seq).collect();
    assert!(calm.len() > 40 && calm.windows(2).all(|pair| pair[1] == pair[0] + 1), "{calm:?}");
}

#[test]
fn killed_and_started_again() {
    let port = free_port();
    let camera = Camera::start(port, "h264", "320x240", None);
    let job = job(port, "");
    let command = job.start();
    let found = job.file("found.jsonl");
    wait_for_frames(&found, "gate", 20);
    drop(camera);
    wait_until("the loss is told", PATIENCE, || states(&found, "gate").contains(&"reconnecting".to_owned()));
    wait_for_frames(&found, "calm", 20);
    let _camera = Camera::start(port, "h264", "320x240", None);
    wait_for_frames(&found, "gate", 20);
    let output = command.interrupt();
    assert!(output.status.success(), "{}", stderr(&output));
    let states = states(&found, "gate");
    let last_loss = states.iter().rposition(|state| state == "reconnecting").unwrap();
    assert!(states[last_loss..].contains(&"running".to_owned()), "{states:?}");
    calm_is_unbroken(&found);
}

#[test]
fn not_there_at_first_then_with_another_size() {
    let port = free_port();
    let job = job(port, "");
    let command = job.start();
    let found = job.file("found.jsonl");
    wait_for_frames(&found, "calm", 40);
    assert!(frames(&found, "gate").is_empty());
    let camera = Camera::start(port, "h264", "320x240", None);
    wait_for_frames(&found, "gate", 10);
    drop(camera);
    let _camera = Camera::start(port, "mjpeg", "640x480", None);
    let wide = || frames(&found, "gate").iter().any(|record| record.resolution.width > 600.0);
    wait_until("frames of the other size", PATIENCE, wide);
    assert!(command.interrupt().status.success());
    calm_is_unbroken(&found);
}

#[test]
fn silent_and_talking_again() {
    let port = free_port();
    let camera = Camera::start(port, "h264", "320x240", None);
    let job = job(port, ", stall_timeout: 1s");
    let command = job.start();
    let found = job.file("found.jsonl");
    wait_for_frames(&found, "gate", 20);
    camera.freeze();
    wait_until("the silence is told", PATIENCE, || {
        states(&found, "gate").contains(&"reconnecting".to_owned())
    });
    camera.thaw();
    wait_for_frames(&found, "gate", 20);
    assert!(command.interrupt().status.success());
    calm_is_unbroken(&found);
}

#[test]
fn ctrl_c_ends_quickly_while_a_camera_is_away() {
    let job = job(free_port(), "");
    let command = job.start();
    let found = job.file("found.jsonl");
    wait_for_frames(&found, "calm", 50);
    let start = Instant::now();
    let output = command.interrupt();
    assert!(output.status.success(), "{}", stderr(&output));
    // Not a measurement: two seconds are the promise, five tell a hang from a busy machine.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    calm_is_unbroken(&found);
}

#[test]
fn right_password_from_the_environment() {
    let port = free_port();
    let _camera = Camera::start(port, "h264", "320x240", Some("operator:s3cret"));
    let job = job(port, ", user: operator, password: {env: GATE_PASSWORD}");
    let child = job.start_with(&[("GATE_PASSWORD", "s3cret")]);
    wait_for_frames(&job.file("found.jsonl"), "gate", 10);
    let output = child.interrupt();
    assert!(output.status.success() && !stderr(&output).contains("s3cret"), "{}", stderr(&output));
}
