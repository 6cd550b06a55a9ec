//! `gst-launch-1.0` as anyone would type it: pictures with boxes come out, where the detections are.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use edgevision_tests::{
    command::program,
    compare::Found,
    media::{media, shipped},
    records,
};
use gst::prelude::*;
use image::RgbImage;

/// Enough for several bottles to pass.
const FRAMES: u32 = 24;

/// A model with its modules' parameters, and the clip to look at.
struct Scene {
    clip: PathBuf,
    model: PathBuf,
    labels: PathBuf,
    params: &'static str,
}

const YOLOX: &str = r#"{"color":"bgr","align":"top_left"}"#;

fn shipped_scene() -> Scene {
    Scene {
        clip: shipped("samples/line3.mp4"),
        model: shipped("samples/line3.onnx"),
        labels: shipped("samples/line3.labels.txt"),
        params: YOLOX,
    }
}

/// The first frames of a clip, as they are.
fn cut(clip: &Path, into: &Path) {
    gst::init().unwrap();
    let description = format!(
        "filesrc name=from ! qtdemux ! h264parse ! identity eos-after={} ! mp4mux ! filesink name=to",
        FRAMES + 1
    );
    let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.by_name("from").unwrap().set_property("location", clip);
    pipeline.by_name("to").unwrap().set_property("location", into);
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
}

/// Runs a pipeline in the folder, with the plugin on `GST_PLUGIN_PATH`.
fn launch(folder: &Path, pipeline: &[&str]) {
    let mut command = Command::new("gst-launch-1.0");
    command.current_dir(folder).env("GST_PLUGIN_PATH", program("libgstedgevision.so").parent().unwrap());
    let words = pipeline
        .iter()
        .flat_map(|part| if part.contains('{') { vec![*part] } else { part.split(' ').collect() });
    let output = command.args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("WARN"), "{command:?}: {}\n{said}", output.status);
}

fn prepare(scene: &Scene, folder: &Path) {
    cut(&scene.clip, &folder.join("clip.mp4"));
    for module in ["letterbox.wasm", "yolo.wasm"] {
        std::fs::copy(shipped("target/guests").join(module), folder.join(module)).unwrap();
    }
    std::fs::copy(&scene.model, folder.join("model.onnx")).unwrap();
    std::fs::copy(&scene.labels, folder.join("labels.txt")).unwrap();
}

fn picture(folder: &Path, kind: &str, number: usize) -> RgbImage {
    let path = folder.join(format!("{kind}-{number:05}.png"));
    image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8()
}

fn differs(a: &RgbImage, b: &RgbImage, x: u32, y: u32) -> bool {
    let (a, b) = (a.get_pixel(x, y).0, b.get_pixel(x, y).0);
    a.iter().zip(b).any(|(a, b)| a.abs_diff(b) > 24)
}

/// Share of a box's outline near which the picture has changed. The line has a width and lies inside or around the
/// edge, so a few pixels to both sides count.
fn outline_changed(plain: &RgbImage, drawn: &RgbImage, found: &Found) -> f64 {
    let (width, height) = plain.dimensions();
    #[expect(clippy::cast_possible_truncation, reason = "a place in a picture")]
    let at = |value: f64, most: u32| (value.round().max(0.0) as u32).min(most - 1);
    let [x0, y0, x1, y1] = found.corners;
    let (x0, y0, x1, y1) = (at(x0, width), at(y0, height), at(x1, width), at(y1, height));
    let near = |x: u32, y: u32| {
        let around = |v: u32, most: u32| v.saturating_sub(3)..=(v + 3).min(most - 1);
        around(x, width).any(|x| differs(plain, drawn, x, y))
            || around(y, height).any(|y| differs(plain, drawn, x, y))
    };
    let sides = (x0..=x1).flat_map(|x| [(x, y0), (x, y1)]).chain((y0..=y1).flat_map(|y| [(x0, y), (x1, y)]));
    let sides: Vec<bool> = sides.map(|(x, y)| near(x, y)).collect();
    sides.iter().filter(|changed| **changed).count() as f64 / sides.len() as f64
}

/// Share of the picture that has changed although it is far from all boxes. A label stands above or below its box.
fn changed_elsewhere(plain: &RgbImage, drawn: &RgbImage, found: &[Found]) -> f64 {
    let margin = 40.0;
    let far = |x: u32, y: u32| {
        let (x, y) = (f64::from(x), f64::from(y));
        found.iter().all(|Found { corners: [x0, y0, x1, y1], .. }| {
            x < x0 - margin || x > x1 + 4.0 * margin || y < y0 - margin || y > y1 + margin
        })
    };
    let pixels =
        plain.enumerate_pixels().filter(|(x, y, _)| far(*x, *y)).map(|(x, y, _)| differs(plain, drawn, x, y));
    let pixels: Vec<bool> = pixels.collect();
    pixels.iter().filter(|changed| **changed).count() as f64 / pixels.len().max(1) as f64
}

fn boxes_are_where_the_detections_are(scene: &Scene) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(scene, folder);
    let params = format!("preprocess-params={}", scene.params);
    let source = "-q filesrc location=clip.mp4 ! decodebin !";
    let detect = "evdetect preprocess=letterbox.wasm detector=yolo.wasm model=model.onnx labels=labels.txt \
                  deadline=60000000000";
    launch(folder, &[source, "videoconvert ! pngenc ! multifilesink location=plain-%05d.png"]);
    launch(folder, &[source, detect, &params, "! evpublish location=found.jsonl ! fakesink"]);
    launch(
        folder,
        &[
            source,
            detect,
            &params,
            "! evoverlay ! videoconvert ! pngenc ! multifilesink location=drawn-%05d.png",
        ],
    );
    let records = records::ours(&folder.join("found.jsonl"));
    assert!(records.len() >= FRAMES as usize - 4, "{} frames", records.len());
    let mut boxes = 0;
    for (number, record) in records.iter().enumerate() {
        let (plain, drawn) = (picture(folder, "plain", number), picture(folder, "drawn", number));
        assert_eq!(record.status, "ok", "frame {number}");
        let found = record.found();
        for one in &found {
            let share = outline_changed(&plain, &drawn, one);
            assert!(share > 0.9, "frame {number}: {share:.2} of the outline of {one:?} is drawn");
            boxes += 1;
        }
        let elsewhere = changed_elsewhere(&plain, &drawn, &found);
        assert!(elsewhere < 0.001, "frame {number}: {elsewhere:.4} of the rest has changed");
    }
    assert!(boxes >= records.len(), "{boxes} boxes in {} frames", records.len());
    assert!(!folder.join(format!("drawn-{:05}.png", records.len())).exists(), "a picture without a record");
}

#[test]
fn of_the_sample_that_ships() {
    boxes_are_where_the_detections_are(&shipped_scene());
}

#[test]
fn of_a_published_model_and_a_filmed_clip() {
    let files = ["clips/traffic-640x360.mp4", "models/yolox_nano_416.onnx", "labels/coco80.txt"];
    let [Some(clip), Some(model), Some(labels)] = files.map(media) else { return };
    boxes_are_where_the_detections_are(&Scene { clip, model, labels, params: YOLOX });
}
