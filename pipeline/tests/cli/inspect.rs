//! `edgevision inspect`.

use std::path::{Path, PathBuf};

use crate::workshop::{module, run, workshop};

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
fn a_real_model_is_described() {
    let media =
        std::env::var_os("EDGEVISION_MEDIA").map_or_else(|| "../../shared/media".into(), PathBuf::from);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join(media).join("models/yolox_nano_416.onnx");
    if !model.exists() {
        assert!(std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_none(), "{} is missing", model.display());
        return println!("skipped: {} is missing", model.display());
    }
    let found = run(&workshop(), &["inspect", model.to_str().unwrap()]);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    for part in [
        "sha256     695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14",
        "size       3 660 092 bytes",
        "inputs     images f32",
        "outputs    output f32",
        "runs on    rten",
    ] {
        assert!(found.stdout.contains(part), "{part}: {}", found.stdout);
    }
}
