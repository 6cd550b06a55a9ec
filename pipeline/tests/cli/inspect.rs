//! `edgevision inspect`.

use std::path::{Path, PathBuf};

use crate::workshop::{DETECT, HEAD, Outcome, command, finish, module, run, workshop, write};

#[test]
fn a_module_is_described_without_being_run() {
    let folder = workshop();
    let found = run(&folder, &["inspect", "modules/look.wasm"]);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    let row = |word: &str| {
        let line = found.stdout.lines().find(|line| line.split_whitespace().next() == Some(word));
        line.unwrap_or_else(|| panic!("{word}: {}", found.stdout))[word.len()..].trim_start().to_owned()
    };
    assert_eq!(row("module"), "look");
    assert_eq!(row("version"), "1.2.3");
    assert_eq!(row("description"), "Looks at nothing.");
    assert_eq!(row("ABI"), "1");
    assert_eq!(row("roles"), "preprocess, detect");
    assert_eq!(row("state"), "none");
    assert_eq!(row("memory"), "at least 64 KiB, no limit of its own");
    assert_eq!(row("imports"), "edgevision.fail");
    assert_eq!(row("parameters"), "size: integer = 320");
    assert_eq!(row("sha256").len(), 64);
}

#[test]
fn a_module_is_described_as_json() {
    let found = run(&workshop(), &["inspect", "--json", "modules/only_detect.wasm"]);
    let json: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(
        (found.code, &json["kind"], &json["roles"]),
        (0, &"module".into(), &serde_json::json!(["detect"]))
    );
    assert_eq!(json["params_schema"]["properties"]["size"]["default"], 320);
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn a_component_is_described_without_being_run() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/guests/yolo-component.wasm");
    let found = run(&workshop(), &["inspect", shipped]);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    for part in [
        "component    edgevision:detector@0.1.0",
        "roles        detect",
        "wasi:nn/inference@0.2.0-rc-2024-10-28",
        "nms_iou: number",
    ] {
        assert!(found.stdout.contains(part), "{part}: {}", found.stdout);
    }
}

#[test]
fn a_module_that_would_be_refused_is_described_with_the_reason() {
    let folder = workshop();
    module(&folder, "idle", "(module (memory (export \"memory\") 1))");
    let found = run(&folder, &["inspect", "modules/idle.wasm"]);
    assert_eq!(found.code, 65);
    assert!(found.stdout.contains("roles        none"), "{}", found.stdout);
    assert!(found.stderr.lines().all(|line| line.starts_with("modules/idle.wasm: ")), "{}", found.stderr);
    assert!(!found.stderr.is_empty());
}

#[test]
fn a_module_is_found_by_its_name() {
    let folder = workshop();
    for name in ["look", "look.wasm"] {
        let found = run(&folder, &["inspect", name]);
        assert_eq!((found.code, &*found.stderr), (0, ""));
        assert!(found.stdout.contains("roles        preprocess, detect"), "{}", found.stdout);
    }
    let found = run(&folder, &["inspect", "loook"]);
    assert_eq!(found.code, 66);
    assert!(
        found.stderr.starts_with("unknown module `loook`; did you mean `look`? searched "),
        "{}",
        found.stderr
    );
}

#[test]
fn what_is_neither_module_nor_model_is_refused() {
    let folder = workshop();
    let found = run(&folder, &["inspect", "text.onnx"]);
    assert_eq!((found.code, &*found.stdout), (65, ""));
    assert!(found.stderr.starts_with("text.onnx: "), "{}", found.stderr);
    let found = run(&folder, &["inspect", "none.onnx"]);
    let expected = "none.onnx cannot be read: No such file or directory (os error 2)\n";
    assert_eq!((found.code, &*found.stderr), (66, expected));
}

#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let folder = workshop();
    let pipe = folder.path().join("pipe.onnx");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let found = run(&folder, &["inspect", "pipe.onnx"]);
    let expected = "pipe.onnx cannot be read: it is not a regular file\n";
    assert_eq!((found.code, &*found.stderr), (66, expected));
    let config =
        "cameras: [{name: a, source: test://ball}]\nanalyze: {model: {path: pipe.onnx, labels: pipe.onnx}}\n";
    write(&folder, "pipe.yaml", config.as_bytes());
    let found = run(&folder, &["check", "pipe.yaml"]);
    let model = "analyze.model.path: pipe.onnx is a pipe or a device; give a file\n";
    let labels = "analyze.model.labels: the labels pipe.onnx cannot be read: it is a pipe or a device; give a text file\n";
    assert!(found.stderr.contains(model) && found.stderr.contains(labels), "{}", found.stderr);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Models of the shared media; none if they are not there.
fn media_models() -> Vec<PathBuf> {
    let media =
        std::env::var_os("EDGEVISION_MEDIA").map_or_else(|| "../../shared/media".into(), PathBuf::from);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(media).join("models");
    let entries = folder.read_dir().into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_model = |path: &PathBuf| {
        path.extension().is_some_and(|kind| ["onnx", "xml", "tflite"].iter().any(|known| kind == *known))
    };
    let mut models: Vec<PathBuf> = entries.filter(is_model).collect();
    models.sort();
    if models.is_empty() {
        assert!(std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_none(), "{} has no models", folder.display());
        println!("skipped: {} has no models", folder.display());
    }
    models
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// `inspect` with the modules that ship.
fn inspect(arguments: &[&str], model: &Path) -> Outcome {
    let mut command = command(&workshop(), &[&["inspect"], arguments, &[model.to_str().unwrap()]].concat());
    finish(command.current_dir(root()).env("EDGEVISION_MODULE_PATH", root().join("target/guests")))
}

#[test]
fn a_real_model_is_described() {
    let models = media_models();
    let Some(model) = models.iter().find(|path| stem(path) == "yolox_nano_416") else { return };
    let found = inspect(&[], model);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    for part in [
        "sha256     695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14",
        "size       3 660 092 bytes",
        "inputs     images f32[1,3,416,416]",
        "outputs    output f32[1,3549,85]",
        "rten: runs it",
        "litert: does not read this format",
        "fits       yolo: yolox, 80 classes",
        "params: {align: top_left, color: bgr}",
    ] {
        assert!(found.stdout.contains(part), "{part}: {}", found.stdout);
    }
}

/// What `inspect` prints for a model is a config that `check` accepts, whichever detector made it.
#[test]
fn the_config_for_a_model_is_good_as_it_stands() {
    let folder = workshop();
    let mut fits = Vec::new();
    for model in media_models().into_iter().chain([root().join("samples/line3.onnx")]) {
        let found = inspect(&["--json"], &model);
        let json: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
        for fit in json["fits"].as_array().unwrap() {
            write(&folder, "camera.yaml", fit["config"].as_str().unwrap().as_bytes());
            let mut check = command(&folder, &["check", "camera.yaml"]);
            let checked = finish(check.env("EDGEVISION_MODULE_PATH", root().join("target/guests")));
            assert_eq!((checked.code, &*checked.stderr), (0, ""), "{}: {fit}", model.display());
        }
        fits.push((stem(&model), json["fits"][0]["family"].as_str().unwrap_or("none").to_owned()));
    }
    let family = |model: &str| fits.iter().find(|(name, _)| name == model).map(|(_, family)| family.as_str());
    assert_eq!(family("line3"), Some("yolox"), "{fits:?}");
    for (model, expected) in [("yolox_nano_416", "yolox"), ("yolox_nano_416_v8layout", "yolov8")] {
        assert!([None, Some(expected)].contains(&family(model)), "{fits:?}");
    }
}

#[test]
fn only_the_config_is_printed_when_that_is_asked_for() {
    let sample = root().join("samples/line3.onnx");
    let found = inspect(&["--yaml"], &sample);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    assert!(found.stdout.starts_with("cameras:\n  - name: camera\n"), "{}", found.stdout);
    assert!(inspect(&[], &sample).stdout.ends_with(&found.stdout));
    let found = run(&workshop(), &["inspect", "--yaml", "look"]);
    assert_eq!((found.code, &*found.stdout), (65, ""));
    assert!(found.stderr.contains("no detector here fits"), "{}", found.stderr);
}

/// A new family needs a new module and nothing else.
#[test]
fn a_module_that_nobody_has_heard_of_is_asked_too() {
    let folder = workshop();
    let document = r#"{"family":"novel","specificity":99,"preprocess":{"module":"look"}}"#;
    let escaped = document.replace('"', "\\\"");
    let head = HEAD.replace(
        "(memory",
        r#"(import "edgevision" "suggest" (func $suggest (param i32 i32) (result i32))) (memory"#,
    );
    let text = format!(
        r#"{head}{DETECT}(data (i32.const 0) "{escaped}")
        (func (export "edgevision_suggest") (result i32) (call $suggest (i32.const 0) (i32.const {}))))"#,
        document.len()
    );
    module(&folder, "novel", &text);
    let found = run(&folder, &["inspect", root().join("samples/line3.onnx").to_str().unwrap()]);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    assert!(found.stdout.contains("novel: novel (specificity 99 of 100)"), "{}", found.stdout);
    assert!(found.stdout.contains("module: novel"), "{}", found.stdout);
}

#[test]
fn a_model_that_nothing_runs_says_why_for_each_engine() {
    let folder = workshop();
    write(&folder, "m.tflite", b"\x1c\0\0\0TFL3 this is cut off");
    let found = run(&folder, &["inspect", "m.tflite"]);
    assert_eq!((found.code, &*found.stdout), (65, ""));
    assert!(found.stderr.starts_with("m.tflite: the TensorFlow Lite file is damaged"), "{}", found.stderr);
}
