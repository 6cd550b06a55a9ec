//! What is said about a wrong config: name → YAML → exact text.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;

use edgevision::config::{self, Config};

fn parse(yaml: &[u8]) -> Result<Config, String> {
    config::parse(yaml, Path::new("line3.yaml")).map_err(|errors| errors.to_string())
}

/// Rows: name, YAML, errors one a line.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "misspelt key",
        "cameras:\n  - name: a\n    sorce: x.mp4\n",
        "line3.yaml:2:5: cameras[0].source: this key is missing and has no default\n\
         line3.yaml:3:5: cameras[0].sorce: unknown key; did you mean `source`? allowed: analyze, name, overlay, rtsp, source",
    ),
    (
        "key that is far from any",
        "cameras: [{name: a, source: x.mp4}]\nfrobnicate: 1\n",
        "line3.yaml:2:1: frobnicate: unknown key; allowed: analyze, cameras, outputs, overlay, workers",
    ),
    (
        "key of another level",
        "cameras: [{name: a, source: x.mp4, threshold: 0.5}]\n",
        "line3.yaml:1:36: cameras[0].threshold: unknown key; allowed: analyze, name, overlay, rtsp, source",
    ),
    (
        "key there twice",
        "cameras: [{name: a, source: x.mp4}]\nworkers: 1\nworkers: 2\n",
        "line3.yaml:3:1: workers: this key is there twice; the first is in line 2",
    ),
    ("no cameras", "workers: 1\n", "line3.yaml:1:1: cameras: this key is missing and has no default"),
    (
        "empty list of cameras",
        "cameras: []\n",
        "line3.yaml:1:10: cameras: expected at least one entry, found an empty list",
    ),
    ("cameras without a value", "cameras:\n", "line3.yaml:1:1: cameras: expected a list, found nothing"),
    (
        "cameras as a mapping",
        "cameras: {name: a}\n",
        "line3.yaml:1:10: cameras: expected a list, found a mapping",
    ),
    ("empty file", "", "line3.yaml:1:1: the file is empty; a config begins with `cameras:`"),
    ("only comments", "# later\n", "line3.yaml:1:1: the file is empty; a config begins with `cameras:`"),
    ("a list as the whole file", "- a\n", "line3.yaml:1:1: expected a mapping, found a list"),
    (
        "two documents",
        "cameras: [{name: a, source: x.mp4}]\n---\ncameras: []\n",
        "line3.yaml:2:1: a second document begins here; a config file holds one",
    ),
    (
        "tab in the indentation",
        "cameras:\n\t- name: a\n",
        "line3.yaml:2:1: a tab in the indentation; YAML wants spaces there",
    ),
    (
        "bracket that is not closed",
        "cameras: [{name: a, source: x.mp4}\nworkers: 1\n",
        "line3.yaml:2:1: this is not YAML: invalid indentation in flow construct; is a bracket or brace before it not closed?",
    ),
    (
        "number as a name",
        "cameras: [{name: 3, source: x.mp4}]\n",
        "line3.yaml:1:18: cameras[0].name: expected a text, found the number 3; put it in quotes",
    ),
    (
        "name with a space and a capital",
        "cameras: [{name: Line 3, source: x.mp4}]\n",
        "line3.yaml:1:18: cameras[0].name: `Line 3` is not allowed as a name; write 1 to 64 of a-z, 0-9, `-` and `_`",
    ),
    (
        "name there twice",
        "cameras:\n  - {name: a, source: x.mp4}\n  - {name: a, source: y.mp4}\n",
        "line3.yaml:3:12: cameras[1].name: the name `a` is taken by cameras[0]; give each camera its own",
    ),
    (
        "stream path there twice",
        "cameras:\n  - {name: a, source: x.mp4}\n  - {name: b, source: y.mp4, rtsp: {path: a}}\n",
        "line3.yaml:3:43: cameras[1].rtsp.path: the path `a` is taken by cameras[0]",
    ),
    (
        "word instead of a number",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {every: often}\n",
        "line3.yaml:2:18: analyze.every: expected a whole number, found the text `often`",
    ),
    (
        "number in quotes",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {threshold: '0.5'}\n",
        "line3.yaml:2:22: analyze.threshold: expected a number, found the text `0.5`; remove the quotes",
    ),
    (
        "fraction instead of a whole number",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {every: 1.5}\n",
        "line3.yaml:2:18: analyze.every: expected a whole number, found the number 1.5",
    ),
    (
        "threshold out of range",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {threshold: 25}\n",
        "line3.yaml:2:22: analyze.threshold: expected 0 to 1, found 25",
    ),
    (
        "threshold that is no number",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {threshold: .nan}\n",
        "line3.yaml:2:22: analyze.threshold: expected a number, found the number NaN",
    ),
    (
        "class threshold out of range",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {class_thresholds: {good: -0.1}}\n",
        "line3.yaml:2:36: analyze.class_thresholds.good: expected 0 to 1, found -0.1",
    ),
    (
        "class threshold for a label that is not there",
        "cameras: [{name: a, source: x.mp4}]\nanalyze:\n  model: {path: m.onnx, labels: [good, missing_cap]}\n  class_thresholds: {misssing_cap: 0.4}\n",
        "line3.yaml:4:36: analyze.class_thresholds.misssing_cap: no label of this name; did you mean `missing_cap`? the labels are: good, missing_cap",
    ),
    (
        "every is zero",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {every: 0}\n",
        "line3.yaml:2:18: analyze.every: expected 1 to 1000, found 0",
    ),
    (
        "no workers",
        "cameras: [{name: a, source: x.mp4}]\nworkers: 0\n",
        "line3.yaml:2:10: workers: expected 1 to 256, found 0",
    ),
    (
        "misspelt auto",
        "cameras: [{name: a, source: x.mp4}]\nworkers: atuo\n",
        "line3.yaml:2:10: workers: `atuo` is not allowed; did you mean `auto`? allowed: auto",
    ),
    (
        "list of workers",
        "cameras: [{name: a, source: x.mp4}]\nworkers: [1]\n",
        "line3.yaml:2:10: workers: expected `auto` or a whole number, found a list",
    ),
    (
        "unknown word",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {policy: newst}\n",
        "line3.yaml:2:19: analyze.policy: `newst` is not allowed; did you mean `newest`? allowed: auto, newest, every",
    ),
    (
        "unknown engine",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, engine: tensorrt}}\n",
        "line3.yaml:2:41: analyze.model.engine: `tensorrt` is not allowed; allowed: auto, ENGINES",
    ),
    (
        "engine with a typo",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, engine: openvin}}\n",
        "line3.yaml:2:41: analyze.model.engine: `openvin` is not allowed; did you mean `openvino`? allowed: auto, ENGINES",
    ),
    (
        "unknown precision",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, precision: fp16}}\n",
        "line3.yaml:2:44: analyze.model.precision: `fp16` is not allowed; did you mean `f16`? allowed: f32, f16, bf16, auto",
    ),
    (
        "unknown performance",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, performance: speed}}\n",
        "line3.yaml:2:46: analyze.model.performance: `speed` is not allowed; allowed: throughput, latency",
    ),
    (
        "no threads",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, threads: 0}}\n",
        "line3.yaml:2:42: analyze.model.threads: expected 1 to 256, found 0",
    ),
    (
        "number in the place of a device",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, device: 1}}\n",
        "line3.yaml:2:41: analyze.model.device: expected a text, found the number 1; put it in quotes",
    ),
    (
        "list in the place of an option's value",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, engine: rten, options: {a: [1]}}}\n",
        "line3.yaml:2:60: analyze.model.options.a: expected a text, a number or true or false, found a list",
    ),
    (
        "options without an engine",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, options: {a: 1}}}\n",
        "line3.yaml:2:42: analyze.model.options: options belong to one engine; name it in `engine` instead of auto: ENGINES",
    ),
    (
        "yes instead of true",
        "cameras: [{name: a, source: {uri: x.mp4, loop: yes}}]\n",
        "line3.yaml:1:48: cameras[0].source.loop: expected true or false, found the text `yes`",
    ),
    (
        "duration without a unit",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {deadline: 500}\n",
        "line3.yaml:2:21: analyze.deadline: expected a text, found the number 500; write a number and a unit, such as 500ms, 10s or 2m",
    ),
    (
        "duration with an unknown unit",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {deadline: 5 apples}\n",
        "line3.yaml:2:21: analyze.deadline: `5 apples` is no duration; write a number and a unit, such as 500ms, 10s or 2m",
    ),
    (
        "duration out of range",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {deadline: 2h}\n",
        "line3.yaml:2:21: analyze.deadline: expected 1ms to 1m, found 2h",
    ),
    (
        "size without a unit",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {memory: 64}\n",
        "line3.yaml:2:19: analyze.memory: expected a text, found the number 64; write a number and a unit, such as 64MiB, 500kB or 0B",
    ),
    (
        "size with half a unit",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {memory: 64M}\n",
        "line3.yaml:2:19: analyze.memory: `64M` is no size; write a number and a unit, such as 64MiB, 500kB or 0B",
    ),
    (
        "bit rate in bytes",
        "cameras: [{name: a, source: x.mp4}]\noutputs: {rtsp: {bitrate: 2MB/s}}\n",
        "line3.yaml:2:27: outputs.rtsp.bitrate: `2MB/s` is no bit rate; write a number and a unit, such as 2Mbit/s or 800kbit/s",
    ),
    (
        "port without an address",
        "cameras: [{name: a, source: x.mp4}]\noutputs: {rtsp: {listen: ':8554'}}\n",
        "line3.yaml:2:26: outputs.rtsp.listen: `:8554` is no address with a port; write it as 127.0.0.1:8554 or [::1]:8554",
    ),
    (
        "frame size in words",
        "cameras: [{name: a, source: {uri: 'test://', size: 720p}}]\n",
        "line3.yaml:1:52: cameras[0].source.size: `720p` is no frame size; write width x height, each 16 to 16384, such as 1280x720",
    ),
    (
        "frame rate of zero",
        "cameras: [{name: a, source: {uri: 'test://', framerate: 0}}]\n",
        "line3.yaml:1:57: cameras[0].source.framerate: expected 0.01 to 240, found 0",
    ),
    (
        "unknown scheme",
        "cameras: [{name: a, source: 'rstp://host/x'}]\n",
        "line3.yaml:1:29: cameras[0].source: unknown scheme `rstp://`; did you mean `rtsp`? allowed: a path, file://, rtsp://, rtsps://, test://, v4l2://",
    ),
    (
        "unknown test pattern",
        "cameras: [{name: a, source: 'test://bal'}]\n",
        "line3.yaml:1:29: cameras[0].source: unknown test pattern `bal`; did you mean `ball`? allowed: ball, bar, black, blink, blue, checkers-1, checkers-2, checkers-4, checkers-8, chroma-zone-plate, circular, colors, gamut, gradient, green, pinwheel, red, smpte, smpte-rp-219, smpte100, smpte75, snow, solid-color, spokes, white, zone-plate",
    ),
    (
        "camera without a host",
        "cameras: [{name: a, source: 'rtsp:///x'}]\n",
        "line3.yaml:1:29: cameras[0].source: `rtsp:///x` names no host; write it as rtsp://host:554/path",
    ),
    (
        "credentials in the URI",
        "cameras: [{name: a, source: 'rtsp://root:hunter2@192.0.2.1/x'}]\n",
        "line3.yaml:1:29: cameras[0].source: credentials do not belong in the URI; remove them and write `user: NAME` and `password: {env: NAME}` beside `uri`",
    ),
    (
        "password in the file",
        "cameras: [{name: a, source: {uri: 'rtsp://h/x', user: root, password: hunter2}}]\n",
        "line3.yaml:1:71: cameras[0].source.password: a password does not belong in the config file; put it into an environment variable and write `{env: NAME}`, or into a file and write `{file: PATH}`",
    ),
    (
        "password from nowhere",
        "cameras: [{name: a, source: {uri: 'rtsp://h/x', user: root, password: {}}}]\n",
        "line3.yaml:1:71: cameras[0].source.password: expected one key, `env` or `file`, found 0",
    ),
    (
        "password without a user",
        "cameras: [{name: a, source: {uri: 'rtsp://h/x', password: {env: P}}}]\n",
        "line3.yaml:1:59: cameras[0].source.password: a password needs a `user` beside it",
    ),
    (
        "key of another kind of source",
        "cameras: [{name: a, source: {uri: 'rtsp://h/x', loop: true}}]\n",
        "line3.yaml:1:55: cameras[0].source.loop: `loop` applies to video files and pictures, but `rtsp://h/x` belongs to RTSP cameras; remove it",
    ),
    (
        "first wait longer than the longest",
        "cameras: [{name: a, source: {uri: 'rtsp://h/x', reconnect: {initial: 1m, max: 30s}}}]\n",
        "line3.yaml:1:70: cameras[0].source.reconnect.initial: `initial` is 1m, more than `max`, which is 30s",
    ),
    (
        "source without a place",
        "cameras: [{name: a, source: {loop: true}}]\n",
        "line3.yaml:1:29: cameras[0].source.uri: this key is missing and has no default",
    ),
    (
        "source as a list",
        "cameras: [{name: a, source: [x.mp4]}]\n",
        "line3.yaml:1:29: cameras[0].source: expected a text or a mapping, found a list",
    ),
    (
        "empty path",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: ''}}\n",
        "line3.yaml:2:25: analyze.model.path: expected a text, found an empty one",
    ),
    (
        "labels with a number",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {model: {path: m.onnx, labels: [good, 2]}}\n",
        "line3.yaml:2:48: analyze.model.labels[1]: expected a text, found the number 2; put it in quotes",
    ),
    (
        "parameters as a text",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {detect: {module: yolo, params: fast}}\n",
        "line3.yaml:2:42: analyze.detect.params: expected a mapping, found the text `fast`",
    ),
    (
        "parameter that is no number",
        "cameras: [{name: a, source: x.mp4}]\nanalyze: {detect: {module: yolo, params: {nms_iou: .nan, a: [1, -.inf], b: {c: .inf}}}}\n",
        "line3.yaml:2:52: analyze.detect.params.nms_iou: expected a finite number, found NaN\n\
         line3.yaml:2:65: analyze.detect.params.a: expected a finite number, found -inf\n\
         line3.yaml:2:80: analyze.detect.params.b.c: expected a finite number, found inf",
    ),
    (
        "list as a key",
        "cameras: [{name: a, source: x.mp4}]\n? [a]\n: 1\n",
        "line3.yaml:2:3: a key must be a text, found a list",
    ),
    (
        "encoder with a capital",
        "cameras: [{name: a, source: x.mp4}]\noutputs: {rtsp: {encoder: X264}}\n",
        "line3.yaml:2:27: outputs.rtsp.encoder: `X264` is no name of a GStreamer element; write `auto` or a name such as x264enc",
    ),
    (
        "several at once, in the order of the text",
        "workrs: 2\ncameras:\n  - name: Line\n    source: {uri: 'test://x'}\n    analyze: {every: 0, queue: many}\n",
        "line3.yaml:1:1: workrs: unknown key; did you mean `workers`? allowed: analyze, cameras, outputs, overlay, workers\n\
         line3.yaml:3:11: cameras[0].name: `Line` is not allowed as a name; write 1 to 64 of a-z, 0-9, `-` and `_`\n\
         line3.yaml:4:19: cameras[0].source.uri: unknown test pattern `x`; allowed: ball, bar, black, blink, blue, checkers-1, checkers-2, checkers-4, checkers-8, chroma-zone-plate, circular, colors, gamut, gradient, green, pinwheel, red, smpte, smpte-rp-219, smpte100, smpte75, snow, solid-color, spokes, white, zone-plate\n\
         line3.yaml:5:22: cameras[0].analyze.every: expected 1 to 1000, found 0\n\
         line3.yaml:5:32: cameras[0].analyze.queue: expected a whole number, found the text `many`",
    ),
];

#[test]
fn every_mistake_has_its_sentence() {
    let mut wrong = Vec::new();
    // The one list of engines that there is.
    let engines = edgevision_wasm_host::nn::engine_names().collect::<Vec<_>>().join(", ");
    for (name, yaml, expected) in TABLE {
        let found = parse(yaml.as_bytes()).err().unwrap_or_else(|| "accepted".into());
        let expected = expected.replace("ENGINES", &engines);
        if found != expected {
            wrong.push(format!("== {name}\n-- expected\n{expected}\n-- found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_secret_is_repeated() {
    for (name, yaml, expected) in TABLE.iter().filter(|(_, yaml, _)| yaml.contains("hunter2")) {
        assert!(!expected.contains("hunter2"), "{name}");
        assert!(!parse(yaml.as_bytes()).unwrap_err().contains("hunter2"), "{name}");
    }
}

#[test]
fn text_in_another_encoding_is_refused_with_its_place() {
    let expected = "line3.yaml:2:9: the byte 0xe4 is not UTF-8; save the file in the encoding UTF-8";
    assert_eq!(parse(b"cameras:\n- name: \xe4\n").unwrap_err(), expected);
}

#[test]
fn a_huge_file_is_refused() {
    let expected = "line3.yaml:1:1: the file is larger than 10 MiB; this is no config file";
    assert_eq!(parse(&vec![b'#'; (10 << 20) + 1]).unwrap_err(), expected);
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    assert!(parse("\u{feff}cameras: [{name: a, source: x.mp4}]".as_bytes()).is_ok());
}

#[test]
fn a_file_that_is_not_there_has_no_line() {
    let error = config::load(Path::new("nowhere/line3.yaml")).unwrap_err().to_string();
    assert_eq!(
        error,
        "nowhere/line3.yaml: the config file cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_file_that_is_not_there_is_found_by_the_environment_at_its_key() {
    let config = parse(b"cameras: [{name: a, source: no/such.mp4}]\n").unwrap();
    let errors = config::environment::validate(&config).to_string();
    let expected = "line3.yaml:1:29: cameras[0].source.uri: no/such.mp4 does not exist, nor does its folder";
    assert!(errors.lines().any(|line| line == expected), "{errors}");
}

#[test]
fn a_secret_that_is_not_there_is_found_by_the_environment() {
    let yaml = "cameras: [{name: a, source: {uri: 'rtsp://h/x', user: u, password: {env: EV_NOT_SET}}}]\n";
    let errors = config::environment::validate(&parse(yaml.as_bytes()).unwrap()).to_string();
    let expected = "line3.yaml:1:68: cameras[0].source.password: the environment variable EV_NOT_SET is not set; export it before the start";
    assert!(errors.lines().any(|line| line == expected), "{errors}");
}

/// Values of all kinds, most of them wrong at most places.
fn values() -> Vec<serde_json::Value> {
    let texts = [
        "",
        "x",
        "auto",
        "-",
        "500ms",
        "9h",
        "64MiB",
        "9999GB",
        "2Mbit/s",
        "1/3",
        "16x16",
        "127.0.0.1:1",
        "é",
    ];
    let mut values: Vec<_> = texts.into_iter().map(serde_json::Value::from).collect();
    values.extend([
        serde_json::json!(null),
        serde_json::json!(true),
        serde_json::json!([]),
        serde_json::json!({}),
    ]);
    values.extend([0.0, -1.0, 0.5, 1e300].map(serde_json::Value::from));
    values.extend([0_u64, 1, 256, 99_999, u64::MAX].map(serde_json::Value::from));
    values.extend([serde_json::json!(["x"]), serde_json::json!([1]), serde_json::json!({ "env": "X" })]);
    values
}

/// JSON pointers of all values in a document.
fn pointers(value: &serde_json::Value, path: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| pointers(value, format!("{path}/{key}"), found));
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| pointers(value, format!("{path}/{i}"), found));
        }
        _ => {}
    }
    found.push(path);
}

/// What the schema lets through, the types can read: nothing is ever reported without its key. JSON is YAML, too.
#[test]
fn schema_and_types_agree_about_every_value_at_every_key() {
    let camera = serde_json::json!({ "name": "a", "source": { "uri": "rtsp://h/x" } });
    let mut whole = serde_json::to_value(Config::default()).unwrap();
    whole["cameras"] = serde_json::json!([camera]);
    whole["cameras"][0]["source"] = serde_json::to_value(config::Source::default()).unwrap();
    whole["analyze"]["model"] =
        serde_json::to_value(config::ModelRef::from(std::path::PathBuf::from("m"))).unwrap();
    whole["outputs"]["rtsp"] = serde_json::to_value(config::RtspOut::default()).unwrap();
    let mut places = Vec::new();
    pointers(&whole, String::new(), &mut places);
    assert!(places.len() > 50, "{}", places.len());
    for place in &places[..places.len() - 1] {
        for value in values() {
            let mut changed = whole.clone();
            *changed.pointer_mut(place).unwrap() = value.clone();
            let Err(errors) = config::parse(changed.to_string().as_bytes(), Path::new("x.yaml")) else {
                continue;
            };
            assert!(errors.0.iter().all(|error| !error.key.is_empty()), "{place} = {value}: {errors}");
        }
    }
}
