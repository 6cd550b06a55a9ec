//! The command as a user types it: texts, exit codes, and where they go.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod bench;
mod check;
mod engines;
mod extract;
mod inspect;
mod workshop;

use std::process::Stdio;

use workshop::{command, run, workshop};

#[test]
fn the_version_states_the_build() {
    let found = run(&workshop(), &["--version"]);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    let first = format!("edgevision {}\n", env!("CARGO_PKG_VERSION"));
    assert!(found.stdout.starts_with(&first), "{}", found.stdout);
    for fact in [
        "commit:    ",
        "rustc:     rustc 1.",
        "target:    ",
        "gstreamer: GStreamer 1.",
        "engines:   onnxruntime, ",
    ] {
        assert!(found.stdout.contains(fact), "{fact}: {}", found.stdout);
    }
}

#[test]
fn the_help_is_on_the_standard_output_and_wrong_words_are_not() {
    let folder = workshop();
    let found = run(&folder, &["--help"]);
    assert_eq!(found.code, 0);
    assert!(
        found.stdout.contains("edgevision --config configs/line3.yaml")
            && found.stdout.contains("Exit codes:")
    );
    let found = run(&folder, &["--confg", "x"]);
    assert_eq!((found.code, &*found.stdout), (64, ""));
    assert!(found.stderr.contains("--config"), "{}", found.stderr);
    let found = run(&folder, &["--config", "x.yaml", "--duration", "5"]);
    assert_eq!(found.code, 64);
    assert!(found.stderr.contains("`5` is no duration; write a number and a unit, such as 500ms, 10s or 2m"));
    assert_eq!(run(&folder, &[]).code, 64);
    assert_eq!(run(&folder, &["--once"]).code, 64);
}

#[test]
fn the_variable_for_the_duration_does_not_disturb_the_other_commands() {
    let folder = workshop();
    let output = command(&folder, &["inspect", "modules/look.wasm"])
        .env("EDGEVISION_DURATION", "4s")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = workshop();
    let mut child = command(&folder, &["inspect", "modules/look.wasm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}
