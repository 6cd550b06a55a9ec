//! Which engine runs a model, as `check` tells it. Engines are hidden by naming libraries that are not there.

use std::path::{Path, PathBuf};

use edgevision_wasm_host::nn::engine_names;
use tempfile::TempDir;

use crate::workshop::{Outcome, command, finish, workshop, write};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/line3.onnx")
}

/// `edgevision check` with this model section, on a machine where no native engine is installed.
fn check(folder: &TempDir, cameras: usize, model: &str) -> Outcome {
    let cameras: Vec<_> = (0..cameras).map(|n| format!("{{name: c{n}, source: 'test://ball'}}")).collect();
    let yaml = format!(
        "cameras: [{}]\nanalyze:\n  preprocess: look\n  detect: look\n  model: {{path: {}, {model}}}\n",
        cameras.join(", "),
        sample().display()
    );
    write(folder, "line3.yaml", yaml.as_bytes());
    let mut command = command(folder, &["check", "line3.yaml"]);
    for engine in engine_names() {
        command.env(format!("EDGEVISION_{}_LIB", engine.to_uppercase()), "/nowhere/lib.so");
    }
    finish(&mut command)
}

#[test]
fn auto_says_which_engine_and_what_was_passed_over() {
    let found = check(&workshop(), 1, "labels: null");
    assert_eq!((found.code, &*found.stderr), (0, ""));
    let line = found.stdout.lines().find(|line| line.starts_with("  engine ")).unwrap();
    assert!(
        line.starts_with(
            "  engine      rten, the quickest engine here that runs this model \
             (onnxruntime: EDGEVISION_ONNXRUNTIME_LIB names /nowhere/lib.so, which is not a file; openvino: "
        ),
        "{line}"
    );
    let cores = std::thread::available_parallelism().unwrap();
    let share = if cores.get() == 1 { "1 worker".into() } else { format!("{cores} workers") };
    assert!(line.ends_with(&format!("; {share} x 1 thread")), "{line}");
}

#[test]
fn latency_is_one_worker_with_all_cores_for_all_cameras() {
    let found = check(&workshop(), 3, "performance: latency, engine: rten");
    let cores = std::thread::available_parallelism().unwrap();
    let plural = if cores.get() == 1 { "" } else { "s" };
    let line = format!("  engine      rten, as asked for; 1 worker x {cores} thread{plural}");
    assert_eq!(found.stdout.lines().filter(|found| **found == line).count(), 3, "{}", found.stdout);
}

#[test]
fn an_engine_that_is_asked_for_and_absent_is_no_mistake_of_the_file() {
    let found = check(&workshop(), 1, "engine: onnxruntime");
    assert_eq!(found.code, 69, "{}", found.stderr);
    let line = found.stderr.lines().next().unwrap();
    assert!(line.starts_with("line3.yaml:5:"), "{line}");
    assert!(line.contains("analyze.model.engine: ") && line.contains("libonnxruntime.so"), "{line}");
    // Together with a mistake in the file it is one.
    let found = check(&workshop(), 1, "engine: onnxruntime, labels: []");
    assert_eq!(found.code, 78, "{}", found.stderr);
}

/// Checking, and two cameras with workers of their own: all of them share what was loaded first.
#[test]
fn two_cameras_with_the_same_model_load_it_once() {
    let folder = workshop();
    let cameras = "{name: a, source: 'test://ball'}, {name: b, source: 'test://smpte'}";
    let yaml = format!(
        "cameras: [{cameras}]\nanalyze: {{preprocess: look, detect: look, model: {{path: {}, engine: rten}}}}\n",
        sample().display()
    );
    write(&folder, "line3.yaml", yaml.as_bytes());
    let found = finish(&mut command(&folder, &["--config", "line3.yaml", "--duration", "1s"]));
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert_eq!(found.stderr.matches("model loaded").count(), 1, "{}", found.stderr);
    for camera in ["a", "b"] {
        let record = format!("{{\"camera\":\"{camera}\",\"seq\":");
        let line = found.stdout.lines().find(|line| line.starts_with(&record));
        assert!(line.is_some_and(|line| line.contains(r#","engine":"rten","#)), "{line:?}\n{}", found.stderr);
    }
}
