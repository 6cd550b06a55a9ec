//! The sample that everybody starts with: `configs/line3.yaml` end to end.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{path::PathBuf, process::Output, time::Duration};

use edgevision_tests::{
    command::{edgevision, stderr},
    compare::{Share, found_again},
    media::shipped,
    records::{self, Record},
    rtsp::{free_port, view, wait_until},
};

/// A copy of the shipped config, made to write into `folder` and to listen on `port`.
fn config(folder: &tempfile::TempDir, port: u16) -> PathBuf {
    let text = std::fs::read_to_string(shipped("configs/line3.yaml")).unwrap();
    let samples = shipped("samples").to_string_lossy().into_owned();
    let changed = text.replace("../samples", &samples).replace(":8554", &format!(":{port}"));
    assert!(changed.matches(&samples).count() >= 3 && changed.contains(&port.to_string()));
    let path = folder.path().join("line3.yaml");
    std::fs::write(&path, changed).unwrap();
    path
}

fn play_once() -> (Output, Vec<Record>) {
    play_once_with("yolo")
}

/// The same with another detector.
fn play_once_with(detector: &str) -> (Output, Vec<Record>) {
    let folder = tempfile::tempdir().unwrap();
    let path = config(&folder, free_port());
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replace("module: yolo\n", &format!("module: {detector}\n"));
    assert!(changed.contains(&format!("module: {detector}\n")));
    std::fs::write(&path, changed).unwrap();
    let mut command = edgevision();
    command.current_dir(folder.path()).arg("--config").arg(path).arg("--once");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    (output, records::ours(&folder.path().join("line3-detections.jsonl")))
}

#[test]
fn the_detections_are_those_that_ship() {
    let (_, ours) = play_once();
    let golden = shipped("samples/expected/line3.jsonl");
    if std::env::var_os("EDGEVISION_BLESS").is_some_and(|bless| bless == "1") {
        bless(&ours, &golden);
    }
    let expected = records::ours(&golden);
    assert_eq!((ours.len(), expected.len()), (300, 300), "every frame of the clip, once");
    let (mut recall, mut precision) = (Share::default(), Share::default());
    for (ours, expected) in ours.iter().zip(&expected) {
        assert_eq!((ours.seq, ours.timestamp, &*ours.status), (expected.seq, expected.timestamp, "ok"));
        // Floating point differs between machines; boxes that matter do not.
        recall.add(found_again(&expected.found(), &ours.found(), 0.75, 0.95));
        precision.add(found_again(&ours.found(), &expected.found(), 0.75, 0.95));
    }
    assert!(
        recall.of > 1000 && recall.ratio() >= 0.999 && precision.ratio() >= 0.999,
        "{recall:?} {precision:?}"
    );
}

#[test]
fn the_component_finds_exactly_what_the_core_module_finds() {
    let ((_, core), (_, component)) = (play_once(), play_once_with("yolo-component"));
    assert_eq!((core.len(), component.len()), (300, 300));
    for (core, component) in core.iter().zip(&component) {
        assert_eq!((component.seq, &*component.status), (core.seq, "ok"));
        assert_eq!(component.found(), core.found(), "frame {}", core.seq);
    }
    let boxes: usize = core.iter().map(|record| record.found().len()).sum();
    assert!(boxes > 1000, "{boxes} boxes prove nothing");
}

#[test]
fn the_detections_are_what_is_in_the_picture() {
    let (_, ours) = play_once();
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(shipped("samples/line3.truth.json")).unwrap()).unwrap();
    let frames = truth["truth"].as_array().unwrap();
    let (mut recall, mut precision) = (Share::default(), Share::default());
    for (ours, truth) in ours.iter().zip(frames) {
        let objects = truth["objects"].as_array().unwrap();
        let all: Vec<_> = objects.iter().map(true_box).collect();
        let clear: Vec<_> =
            objects.iter().filter(|o| o["visible"].as_f64().unwrap() >= 0.5).map(true_box).collect();
        recall.add(found_again(&clear, &ours.found(), 0.0, 0.5));
        precision.add(found_again(&ours.found(), &all, 0.0, 0.5));
    }
    println!(
        "found {:.4} of what is there, {:.4} of what was found is there",
        recall.ratio(),
        precision.ratio()
    );
    assert!(
        recall.of > 1000 && recall.ratio() >= 0.97 && precision.ratio() >= 0.97,
        "{recall:?} {precision:?}"
    );
}

fn true_box(object: &serde_json::Value) -> edgevision_tests::compare::Found {
    let labels = std::fs::read_to_string(shipped("samples/line3.labels.txt")).unwrap();
    let class = labels.lines().position(|label| label == object["label"].as_str().unwrap()).unwrap();
    let corner = |i: usize| object["box"][i].as_f64().unwrap();
    edgevision_tests::compare::Found {
        class_id: u64::try_from(class).unwrap(),
        score: 1.0,
        corners: [corner(0), corner(1), corner(2), corner(3)],
    }
}

/// Writes new golden records, without what differs from run to run.
fn bless(ours: &[Record], golden: &std::path::Path) {
    std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
    let lines: String =
        ours.iter().map(|record| format!("{}\n", serde_json::to_string(record).unwrap())).collect();
    std::fs::write(golden, lines).unwrap();
}

#[test]
fn several_players_see_boxes_over_tcp_and_udp() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = edgevision();
    command.current_dir(folder.path()).arg("--config").arg(config(&folder, port));
    let command = edgevision_tests::command::Running::of(command);
    let found = folder.path().join("line3-detections.jsonl");
    wait_until("the first detections", Duration::from_secs(30), || {
        found.exists() && !records::ours(&found).is_empty()
    });
    let url = format!("rtsp://127.0.0.1:{port}/line3");
    let views: Vec<_> = ["tcp", "udp", "tcp"]
        .map(|transport| {
            let url = url.clone();
            std::thread::spawn(move || view(&url, transport, 30))
        })
        .into_iter()
        .map(|view| view.join().unwrap())
        .collect();
    for view in &views {
        let last = view.last().unwrap();
        assert_eq!(last.dimensions(), (640, 360));
        assert!(boxed(last), "no boxes in the picture");
    }
    if let Some(path) = std::env::var_os("EDGEVISION_SNAPSHOT") {
        views[0].last().unwrap().save(PathBuf::from(path)).unwrap();
    }
    let output = command.interrupt();
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Looks for the upright sides of boxes: runs of at least 40 saturated pixels of nearly one colour, one above the
/// other. The bottles' own edges are shorter or not of one colour.
fn boxed(picture: &image::RgbImage) -> bool {
    let saturated = |x: u32, y: u32| {
        let [r, g, b] = picture.get_pixel(x, y).0;
        r.max(g).max(b) - r.min(g).min(b) > 90
    };
    let longest = |x: u32| {
        let mut run = (0, 0);
        for y in 0..picture.height() {
            run.0 = if saturated(x, y) { run.0 + 1 } else { 0 };
            run.1 = run.1.max(run.0);
        }
        run.1
    };
    (0..picture.width()).filter(|x| longest(*x) >= 60).count() >= 4
}
