//! What a good config means: short forms, common sections, relative paths.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::{Path, PathBuf};

use edgevision::config::{self, Config, Labels, Location, OverlayEffect, Secret, UserName, units::FrameRate};

fn parse(yaml: &str) -> Config {
    config::parse(yaml.as_bytes(), Path::new("plant/line3.yaml")).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_cameras_own_keys_win_over_the_common_ones_whole() {
    let config = parse(
        "cameras:
  - {name: a, source: a.mp4}
  - {name: b, source: b.mp4, analyze: {threshold: 0.7, detect: other.wasm}}
analyze:
  threshold: 0.5
  every: 3
  detect: {module: ./mine.wasm, params: {iou: 0.4}}
",
    );
    let [a, b] = [&config.cameras[0].analyze, &config.cameras[1].analyze];
    assert_eq!((a.threshold, a.every, a.detect.params.len()), (0.5, 3, 1));
    assert_eq!((b.threshold, b.every, b.detect.params.len()), (0.7, 3, 0));
    assert_eq!(a.detect.path, Path::new("plant/./mine.wasm"));
    assert_eq!(b.detect.path, Path::new("plant/other.wasm"));
    assert_eq!(b.queue, config::Analyze::default().queue);
}

#[test]
fn overlays_are_switched_off_for_one_camera_or_for_all() {
    let config = parse(
        "cameras:
  - {name: a, source: a.mp4, overlay: false}
  - {name: b, source: b.mp4, overlay: {time: false}, rtsp: false}
  - {name: c, source: c.mp4, overlay: true, rtsp: {path: hall/c}}
overlay: {confidence: false}
",
    );
    let [a, b, c] = [0, 1, 2].map(|i| &config.cameras[i]);
    assert_eq!((a.overlay.enabled, a.overlay.confidence), (false, false));
    assert_eq!((b.overlay.enabled, b.overlay.time, b.overlay.confidence), (true, false, false));
    assert_eq!((c.overlay.enabled, c.overlay.confidence), (true, false));
    assert_eq!((a.rtsp.enabled, b.rtsp.enabled), (true, false));
    assert_eq!((a.stream_path(), c.stream_path()), ("a", "hall/c"));
    let off = parse("cameras: [{name: a, source: a.mp4}]\noverlay: false\n");
    assert!(!off.cameras[0].overlay.enabled);
}

#[test]
fn input_paths_are_relative_to_the_file_and_output_paths_are_not() {
    let config = parse(
        "cameras:
  - name: a
    source: {uri: 'rtsps://h/x', user: {file: user.txt}, password: {file: /run/secret}}
    analyze: {model: {path: m.onnx, labels: l.txt}}
  - {name: b, source: shots/}
outputs: {json_lines: out/found.jsonl}
",
    );
    let source = &config.cameras[0].source;
    assert_eq!(source.user, Some(UserName::Kept(Secret::File("plant/user.txt".into()))));
    assert_eq!(source.password, Some(Secret::File("/run/secret".into())));
    let model = config.cameras[0].analyze.model.as_ref().unwrap();
    assert_eq!(model.path, Path::new("plant/m.onnx"));
    assert_eq!(model.labels, Some(Labels::File("plant/l.txt".into())));
    assert_eq!(config.cameras[1].source.uri, Location::Images("plant/shots/".into()));
    assert_eq!(config.outputs.json_lines.unwrap().path, Path::new("out/found.jsonl"));
}

#[test]
fn a_place_tells_its_kind() {
    let kind = |uri: &str| uri.parse::<Location>().unwrap();
    assert_eq!(kind("clip.mp4"), Location::File("clip.mp4".into()));
    assert_eq!(kind("file:///data/clip.mp4"), Location::File("/data/clip.mp4".into()));
    assert_eq!(kind("shot.JPG"), Location::Images("shot.JPG".into()));
    assert_eq!(kind("shots/*.png"), Location::Images("shots/*.png".into()));
    assert_eq!(kind("v4l2:///dev/video0"), Location::V4l2("/dev/video0".into()));
    assert_eq!(kind("test://"), Location::Pattern("smpte".into()));
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!("cameras: [{{name: a, source: {}}}]", folder.path().display());
    assert_eq!(parse(&yaml).cameras[0].source.uri, Location::Images(folder.path().into()));
}

#[test]
fn real_time_is_for_live_and_looped_sources() {
    let in_real_time = |source: &str| {
        parse(&format!("cameras: [{{name: a, source: {source}}}]")).cameras[0].source.in_real_time()
    };
    assert!(!in_real_time("x.mp4"));
    assert!(in_real_time("{uri: x.mp4, loop: true}"));
    assert!(in_real_time("{uri: x.mp4, pace: realtime}"));
    assert!(!in_real_time("{uri: x.mp4, loop: true, pace: fast}"));
    assert!(in_real_time("'test://'"));
}

#[test]
fn outputs_are_on_off_or_short() {
    let outputs =
        |yaml: &str| parse(&format!("cameras: [{{name: a, source: x.mp4}}]\noutputs: {yaml}\n")).outputs;
    assert!(outputs("{}").json_lines.unwrap().to_stdout());
    assert_eq!(outputs("{json_lines: null}").json_lines, None);
    assert_eq!(outputs("{json_lines: x.jsonl}").json_lines.unwrap().path, PathBuf::from("x.jsonl"));
    assert_eq!(outputs("{}").rtsp, None);
    assert_eq!(outputs("{rtsp: {}}").rtsp, Some(config::RtspOut::default()));
}

#[test]
fn frame_rates_are_exact() {
    let rate = |text: &str| {
        let yaml = format!("cameras: [{{name: a, source: {{uri: 'test://', framerate: {text}}}}}]");
        parse(&yaml).cameras[0].source.framerate.unwrap()
    };
    assert_eq!(rate("25"), FrameRate { numer: 25, denom: 1 });
    assert_eq!(rate("12.5"), FrameRate { numer: 12_500, denom: 1000 });
    assert_eq!(rate("30000/1001"), FrameRate { numer: 30_000, denom: 1001 });
}

#[test]
fn secrets_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "hunter2\nsecond line\n").unwrap();
    let secret = Secret::File(path).read().unwrap();
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap()), "*** *** \"***\"");
}

#[test]
fn sections_can_be_shared_with_anchors() {
    let config = parse(
        "cameras:
  - {name: a, source: &cam {uri: 'rtsp://h/x', latency: 50ms}}
  - {name: b, source: {<<: *cam, uri: 'rtsp://h/y'}}
",
    );
    let b = &config.cameras[1].source;
    assert_eq!(b.uri, Location::Rtsp("rtsp://h/y".into()));
    assert_eq!(b.latency, config.cameras[0].source.latency);
}

#[test]
fn cameras_hide_what_the_common_overlay_hides() {
    let config = parse(
        "
cameras:
  - {name: a, source: a.mp4, overlay: {effect_labels: [person, face]}}
  - {name: b, source: b.mp4, overlay: {effect: none, hold: 2s}}
overlay: {effect: blur, cover_unanalysed: true, only: [-person]}
",
    );
    let [a, b] = &config.cameras[..] else { panic!("two cameras") };
    assert_eq!((a.overlay.effect, a.overlay.effect_labels.len()), (OverlayEffect::Blur, 2));
    assert_eq!((b.overlay.effect, b.overlay.cover_unanalysed), (OverlayEffect::None, true));
    assert_eq!(b.overlay.only, ["-person"]);
    assert_eq!(b.overlay.hold.get(), std::time::Duration::from_secs(2));
}
