//! Modules that fail again and again degrade their camera, until they have recovered.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::time::Duration;

use edgevision_tests::{
    command::{Job, stderr},
    modules, records,
    rtsp::wait_until,
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// What was written about a camera: states and the statuses of frames as they follow each other, none twice in a row.
fn story(job: &Job, camera: &str) -> Vec<String> {
    let found = job.file("found.jsonl");
    let lines = if found.exists() { records::lines(&found) } else { Vec::new() };
    let word = |line: &Value| {
        let told = |key: &str| line[key].as_str().map(|text| format!("{key} {text}"));
        (line["camera"] == camera).then(|| told("state").or_else(|| told("status")))?
    };
    let mut story: Vec<String> = lines.iter().filter_map(word).collect();
    story.dedup();
    story
}

fn states(job: &Job, camera: &str) -> Vec<String> {
    story(job, camera).into_iter().filter_map(|word| Some(word.strip_prefix("state ")?.to_owned())).collect()
}

#[test]
fn a_camera_is_degraded_while_its_modules_are_quarantined_and_others_are_not() {
    let job = Job::new(
        "cameras:
  - name: gate
    source: {uri: 'test://ball', framerate: 20}
    analyze: {preprocess: $OUT/moody.wasm, max_failures: 2}
  - name: calm
    source: {uri: 'test://ball', framerate: 20}
analyze: {preprocess: $OUT/look.wasm, detect: $OUT/look.wasm}
outputs:
  json_lines: {path: $OUT/found.jsonl}
",
    );
    modules::build("look", job.folder.path());
    modules::build("moody", job.folder.path());
    let command = job.start();
    wait_until("the quarantine", PATIENCE, || states(&job, "gate").contains(&"degraded".to_owned()));
    wait_until("the recovery", PATIENCE, || {
        states(&job, "gate").last().is_some_and(|state| state == "running")
    });
    let recovered = story(&job, "gate").len();
    wait_until("frames after it", PATIENCE, || {
        story(&job, "gate")[recovered - 1..].contains(&"status ok".to_owned())
    });
    let output = command.interrupt();
    assert!(output.status.success(), "{}", stderr(&output));

    assert_eq!(states(&job, "gate"), ["opening", "running", "degraded", "running", "ended"]);
    assert_eq!(states(&job, "calm"), ["opening", "running", "ended"]);
    let gate = story(&job, "gate");
    let first =
        |word: &str| gate.iter().position(|found| found == word).unwrap_or_else(|| panic!("{gate:?}"));
    assert!(first("status ok") < first("status trapped"), "{gate:?}");
    assert!(first("status trapped") < first("status quarantined"), "{gate:?}");
    assert!(!story(&job, "calm").iter().any(|word| word.contains("trapped") || word.contains("quarantined")));
    let reason = records::lines(&job.file("found.jsonl"))
        .into_iter()
        .find(|line| line["state"] == "degraded")
        .and_then(|line| line["reason"].as_str().map(str::to_owned))
        .unwrap();
    assert!(reason.contains("the modules are quarantined") && reason.contains("unreachable"), "{reason}");
    let told = stderr(&output);
    for words in
        ["goes on without detections", "goes on at once: the modules are quarantined", "have recovered"]
    {
        assert!(told.contains(words), "`{words}` is missing in {told}");
    }
}
