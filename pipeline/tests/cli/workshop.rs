//! The command, and a folder for it to stumble in.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// What a run of the command left.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgevision"));
    // The modules of the test are found by name; those of a build or an installation are not.
    command
        .args(arguments)
        .current_dir(folder.path())
        .env("EDGEVISION_MODULE_PATH", folder.path().join("modules"));
    command
        .env("XDG_DATA_HOME", folder.path().join("data"))
        .env("XDG_DATA_DIRS", folder.path().join("system"));
    command.env_remove("EDGEVISION_DURATION").stdin(Stdio::null());
    command
}

pub fn run(folder: &TempDir, arguments: &[&str]) -> Outcome {
    finish(&mut command(folder, arguments))
}

/// Runs it to its end.
pub fn finish(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    // Nobody ever gets to see a debug dump or a panic.
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked") && !stderr.contains("Error {"), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    Outcome { code: output.status.code().unwrap(), stdout, stderr }
}

/// A folder with good modules (`look` is both, `only_detect` detects), a labels file, and files to stumble over.
pub fn workshop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("modules")).unwrap();
    module(&folder, "look", &format!("{HEAD}{PREPROCESS}{DETECT})"));
    module(&folder, "only_detect", &format!("{HEAD}{DETECT})"));
    write(&folder, "labels.txt", b"good\nmissing_cap\n");
    write(&folder, "empty.mp4", b"");
    write(&folder, "text.onnx", b"this is no model");
    folder
}

pub const HEAD: &str = r#"(module
    (@custom "edgevision.module" "{\"name\":\"look\",\"version\":\"1.2.3\",\"description\":\"Looks at nothing.\"}")
    (@custom "edgevision.params" "{\"properties\":{\"size\":{\"type\":\"integer\",\"default\":320}}}")
    (import "edgevision" "fail" (func $fail (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "edgevision_abi_version") (result i32) (i32.const 1))
    (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 1024))
    (func (export "edgevision_init") (result i32) (i32.const 0))"#;
pub const PREPROCESS: &str = r#"(func (export "preprocess_tensor_bytes") (result i32) (i32.const 64))
    (func (export "preprocess") (param i32 i32) (result i32) (i32.const 0))"#;
pub const DETECT: &str = r#"(func (export "detect") (param i32) (result i32) (i32.const 0))"#;

pub fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub fn module(folder: &TempDir, name: &str, wat: &str) -> PathBuf {
    write(folder, &format!("modules/{name}.wasm"), &wat::parse_str(wat).unwrap())
}

/// `edgevision check` on this text.
pub fn check(folder: &TempDir, yaml: &str) -> Outcome {
    write(folder, "line3.yaml", yaml.as_bytes());
    run(folder, &["check", "line3.yaml"])
}

/// The shortest good config over the modules of [`workshop`], with more lines.
pub fn config(more: &str) -> String {
    format!(
        "cameras: [{{name: a, source: 'test://ball'}}]\nanalyze: {{preprocess: look, detect: look}}\n{more}"
    )
}
