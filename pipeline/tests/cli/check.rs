//! `edgevision check`, and what a wrong config does to a run.

use std::{net::TcpListener, path::Path};

use crate::workshop::{DETECT, HEAD, PREPROCESS, check, config, module, run, workshop, write};

#[test]
fn five_mistakes_are_five_errors() {
    let yaml = "cameras:
  - name: Line 3
    source: {uri: 'test://ball', lop: true}
    analyze: {every: 0, deadline: 500}
workers: many
";
    let found = check(&workshop(), yaml);
    let expected = "line3.yaml:2:11: cameras[0].name: `Line 3` is not allowed as a name; write 1 to 64 of a-z, 0-9, `-` and `_`
line3.yaml:3:34: cameras[0].source.lop: unknown key; did you mean `loop`? allowed: framerate, latency, loop, pace, password, reconnect, size, stall_timeout, transport, uri, user
line3.yaml:4:22: cameras[0].analyze.every: expected 1 to 1000, found 0
line3.yaml:4:35: cameras[0].analyze.deadline: expected a text, found the number 500; write a number and a unit, such as 500ms, 10s or 2m
line3.yaml:5:10: workers: `many` is not allowed; allowed: auto
5 errors in line3.yaml
";
    assert_eq!((found.code, &*found.stdout, &*found.stderr), (78, "", expected));
}

/// Rows: name, what is wrong in the config, the error behind its place.
#[test]
fn what_is_missing_around_a_config_has_its_sentence() {
    let folder = workshop();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let rtsp = format!("outputs: {{rtsp: {{listen: '127.0.0.1:{port}'}}}}\n");
    let in_use = format!(
        "3:26: outputs.rtsp.listen: port {port} of 127.0.0.1 is in use by another program; end it (`ss -ltnp 'sport = :{port}'` shows it) or choose another port"
    );
    let here = folder.path().display();
    let analyze =
        |section: &str| format!("cameras: [{{name: a, source: 'test://ball'}}]\nanalyze: {section}\n");
    let source = |source: &str| {
        format!("cameras: [{{name: a, source: {source}}}]\nanalyze: {{preprocess: look, detect: look}}\n")
    };
    let table = [
        ("clip that is not there", source("clip.mp4"), "1:29: cameras[0].source.uri: clip.mp4 does not exist".to_owned()),
        ("clip without a byte", source("empty.mp4"), "1:29: cameras[0].source.uri: empty.mp4 is empty (0 bytes)".to_owned()),
        (
            "folder without pictures",
            source("modules"),
            "1:29: cameras[0].source.uri: modules: no pictures found; JPEG (.jpg, .jpeg) and PNG (.png) are read".to_owned(),
        ),
        (
            "camera that is not plugged in",
            source("'v4l2:///dev/video99'"),
            "1:29: cameras[0].source.uri: /dev/video99 cannot be opened: No such file or directory (os error 2); `v4l2-ctl --list-devices` lists the cameras".to_owned(),
        ),
        (
            "password that is not set",
            source("{uri: 'rtsp://h/x', user: u, password: {env: EV_NOT_SET}}"),
            "1:68: cameras[0].source.password: the environment variable EV_NOT_SET is not set; export it before the start".to_owned(),
        ),
        ("port that is in use", config(&rtsp), in_use),
        (
            "encoder that is not installed",
            config("outputs: {rtsp: {listen: '127.0.0.1:0', encoder: nvh999enc}}\n"),
            "3:50: outputs.rtsp.encoder: the GStreamer element `nvh999enc` is missing; on Debian install the plugin that brings it, or write `auto`".to_owned(),
        ),
        (
            "folder for the records that is not there",
            config("outputs: {json_lines: no/such/found.jsonl}\n"),
            "3:23: outputs.json_lines.path: the folder no/such does not exist; create it, or give another path".to_owned(),
        ),
        (
            "folder as the file for the records",
            config("outputs: {json_lines: {path: modules}}\n"),
            "3:30: outputs.json_lines.path: modules is a folder; give the name of a file".to_owned(),
        ),
        (
            "misspelt module",
            analyze("{preprocess: loook, detect: look}"),
            format!(
                "2:23: analyze.preprocess.module: unknown module `loook`; did you mean `look`? searched ., {here}/modules, {here}/data/edgevision/modules, {here}/system/edgevision/modules…"
            ),
        ),
        (
            "module file that is not there",
            analyze("{preprocess: ./modules/lok.wasm, detect: look}"),
            "2:23: analyze.preprocess.module: ./modules/lok.wasm does not exist; did you mean ./modules/look.wasm?".to_owned(),
        ),
        (
            "labels that are not there",
            analyze("{preprocess: look, detect: look, model: {path: text.onnx, labels: lables.txt}}"),
            "2:76: analyze.model.labels: the labels lables.txt cannot be read: No such file or directory (os error 2)".to_owned(),
        ),
        (
            "model that is not there",
            analyze("{preprocess: look, detect: look, model: test.onnx}"),
            "2:50: analyze.model.path: test.onnx does not exist; did you mean ./text.onnx?".to_owned(),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, yaml, expected) in &table {
        let found = check(&folder, yaml);
        // What a build has put beside the command is searched, too, if it is there.
        let expected = format!("line3.yaml:{expected}");
        // Nothing is wrong with the file itself.
        let lacking = ["port that is in use", "encoder that is not installed"].contains(name);
        if found.code != if lacking { 69 } else { 78 }
            || !found.stderr.lines().any(|line| {
                expected.strip_suffix('…').map_or(line == expected, |known| line.starts_with(known))
            })
        {
            wrong.push(format!(
                "== {name}\n-- expected\n{expected}\n-- found ({})\n{}",
                found.code, found.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The sentences are the sandbox's own; here it counts that they come at the key, with the file and the way out.
#[test]
fn modules_and_models_that_cannot_be_used_are_refused_at_their_key() {
    let folder = workshop();
    let good = format!("{HEAD}{PREPROCESS}{DETECT})");
    module(&folder, "old", &good.replace("(result i32) (i32.const 1))", "(result i32) (i32.const 99))"));
    module(&folder, "idle", "(module (memory (export \"memory\") 1))");
    module(
        &folder,
        "nosy",
        &good.replace("\"edgevision\" \"fail\"", "\"wasi_snapshot_preview1\" \"fd_write\""),
    );
    write(&folder, "modules/torn.wasm", b"\0asm\x01\0\0\0\x01");
    let table = [
        ("{preprocess: old, detect: look}", "2:23: analyze.preprocess.module:", ["modules/old.wasm", "99"]),
        (
            "{preprocess: idle, detect: look}",
            "2:23: analyze.preprocess.module:",
            ["modules/idle.wasm", "export"],
        ),
        (
            "{preprocess: nosy, detect: look}",
            "2:23: analyze.preprocess.module:",
            ["modules/nosy.wasm", "fd_write"],
        ),
        ("{preprocess: look, detect: torn}", "2:37: analyze.detect.module:", ["modules/torn.wasm", ""]),
        (
            "{preprocess: only_detect, detect: look}",
            "2:23: analyze.preprocess.module:",
            ["exports `detect`, not `preprocess`", ""],
        ),
        (
            "{preprocess: look, detect: look, model: text.onnx}",
            "2:50: analyze.model.path:",
            ["text.onnx", "ONNX"],
        ),
    ];
    for (section, place, words) in table {
        let found =
            check(&folder, &format!("cameras: [{{name: a, source: 'test://ball'}}]\nanalyze: {section}\n"));
        let line = found.stderr.lines().next().unwrap_or_default();
        assert_eq!(found.code, 78, "{section}: {}", found.stderr);
        assert!(line.starts_with(&format!("line3.yaml:{place} ")), "{section}: {line}");
        assert!(words.iter().all(|word| line.contains(word)), "{section}: {line}");
    }
}

/// Over the modules that ship and the sample's model.
#[test]
fn labels_and_parameters_must_fit_the_model_and_the_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (guests, model) = (root.join("target/guests"), root.join("samples/line3.onnx"));
    if !guests.join("yolo.wasm").exists() || !model.exists() {
        assert!(std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_none(), "run `cargo xtask guests` first");
        return println!("skipped: the modules are not built");
    }
    let yaml = |labels: &str, params: &str| {
        format!(
            "cameras: [{{name: a, source: 'test://ball'}}]
analyze:
  preprocess: {{module: {guests}/letterbox.wasm, params: {params}}}
  detect: {guests}/yolo.wasm
  model: {{path: {model}, labels: {labels}}}
",
            guests = guests.display(),
            model = model.display(),
        )
    };
    let folder = workshop();
    let good = check(&folder, &yaml("[good, missing_cap, tipped_over]", "{color: bgr}"));
    assert_eq!((good.code, &*good.stderr), (0, ""));
    let found = check(&folder, &yaml("labels.txt", "{}"));
    let line = found.stderr.lines().next().unwrap();
    assert_eq!(found.code, 78);
    assert!(
        line.starts_with("line3.yaml:4:11: analyze.detect: ") && line.contains("2") && line.contains("3"),
        "{line}"
    );
    let found = check(&folder, &yaml("[a, b, c]", "{colour: bgr}"));
    let line = found.stderr.lines().next().unwrap();
    assert_eq!(found.code, 78);
    assert!(line.starts_with("line3.yaml:3:15: analyze.preprocess: ") && line.contains("colour"), "{line}");
}

#[test]
fn an_error_in_the_common_section_is_told_once() {
    let yaml = "cameras: [{name: a, source: 'test://ball'}, {name: b, source: 'test://'}]
analyze: {preprocess: look, detect: look, model: none.onnx}
";
    let found = check(&workshop(), yaml);
    let expected = "line3.yaml:2:50: analyze.model.path: none.onnx does not exist\n1 error in line3.yaml\n";
    assert_eq!((found.code, &*found.stderr), (78, expected));
}

#[test]
fn a_good_config_is_summed_up() {
    let folder = workshop();
    let found =
        check(&folder, &config("outputs: {json_lines: found.jsonl, rtsp: {listen: '127.0.0.1:0'}}\n"));
    let look = "look 1.2.3, sha256 ";
    assert_eq!((found.code, &*found.stderr), (0, ""));
    let lines: Vec<&str> = found.stdout.lines().collect();
    assert_eq!(lines[0], "line3.yaml is good: 1 camera");
    assert_eq!(lines[1], "a");
    assert_eq!(lines[2], "  source      test://ball (test pattern, in real time)");
    assert!(lines[3].starts_with(&format!("  preprocess  {look}")), "{}", lines[3]);
    assert!(lines[4].starts_with(&format!("  detect      {look}")), "{}", lines[4]);
    let rest = [
        "  stream      rtsp://127.0.0.1:0/a",
        "outputs",
        "  json_lines  found.jsonl (up to 64MiB, 5 older kept)",
        "  rtsp        rtsp://127.0.0.1:0, 2Mbit/s while watched",
    ];
    assert_eq!(lines[5..], rest);
    assert!(!folder.path().join("found.jsonl").exists(), "a check writes nothing");
}

#[test]
fn a_config_that_is_not_there_is_missing_input() {
    let folder = workshop();
    let sentence = "none.yaml: the config file cannot be read: No such file or directory (os error 2)\n";
    let found = run(&folder, &["check", "none.yaml"]);
    assert_eq!((found.code, &*found.stderr), (66, &*format!("{sentence}1 error in none.yaml\n")));
    let found = run(&folder, &["--config", "none.yaml"]);
    assert_eq!((found.code, &*found.stderr), (66, sentence));
}

#[test]
fn running_a_wrong_config_ends_like_checking_it() {
    let folder = workshop();
    write(&folder, "line3.yaml", config("workers: 0\n").as_bytes());
    let found = run(&folder, &["--config", "line3.yaml"]);
    assert_eq!((found.code, &*found.stderr), (78, "line3.yaml:3:10: workers: expected 1 to 256, found 0\n"));
    write(&folder, "line3.yaml", config("").replace("test://ball", "clip.mp4").as_bytes());
    let found = run(&folder, &["--config", "line3.yaml"]);
    assert_eq!(
        (found.code, &*found.stderr),
        (66, "line3.yaml:1:29: cameras[0].source.uri: clip.mp4 does not exist\n")
    );
}
