//! The detectors that ship, from a picture to boxes in its pixels, against the reference detections of the shared
//! media. The reference decodes JPEG with another library (up to 6 grey levels apart): what lies at the threshold may
//! fall on either side, so boxes clear of it are looked for among all, both ways. Raw outputs to boxes is held to the
//! last box by the detectors' own tests.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;
#[path = "../../tests/src/compare.rs"]
#[allow(dead_code, unreachable_pub, reason = "its other part is used elsewhere")]
mod compare;
mod pictures;

use std::{path::Path, time::Duration};

use common::{golden, on_every_engine};
use compare::{Found, Share, found_again};
use edgevision_wasm_host::{
    analysis::{Analyzer, AnalyzerFactory, Status},
    detection::Thresholds,
    job::{Job, JobSpec, Limits, Stage},
};
use pictures::{guest, rgb_frame};
use serde_json::{Value, json};

const LEAST_IOU: f64 = 0.75;
/// Boxes from here on are looked for: just above the thresholds of YOLOX and of the faces.
const YOLOX: f64 = 0.28;
const FACES: f64 = 0.53;
/// FastestDet gives two neighbouring cells nearly the same score below 0.5, and quantised below 0.65, which is the
/// threshold of its authors: which one NMS keeps then depends on the JPEG decoder.
const FASTESTDET: f64 = 0.5;
const FASTESTDET_INT8: f64 = 0.65;

/// A model, how it is fed and decoded, and the share of boxes that must be found again.
struct Kind {
    model: &'static str,
    detector: &'static str,
    classes: usize,
    preprocess: Value,
    params: Value,
    from: f64,
    least: f64,
}

fn detectors(kind: &Kind, media: &Path, engine: &str, threshold: f64) -> Box<dyn Analyzer> {
    #[expect(clippy::cast_possible_truncation, reason = "a score")]
    let threshold = threshold as f32;
    let spec = JobSpec {
        preprocess: Stage { module: guest("letterbox"), params: kind.preprocess.clone() },
        detect: Stage { module: guest(kind.detector), params: kind.params.clone() },
        model: Some(golden::load(media, kind.model, engine)),
        labels: (0..kind.classes).map(|class| class.to_string()).collect(),
        thresholds: Thresholds::all(threshold),
        // Enough for an engine on a machine with other work.
        limits: Limits { deadline: Duration::from_secs(60), ..Limits::default() },
    };
    Job::new(spec).unwrap().build().unwrap()
}

fn ours(analyzer: &mut dyn Analyzer, picture: &Path) -> Vec<Found> {
    let picture = image::open(picture).unwrap().into_rgb8();
    let frame = rgb_frame(picture.width(), picture.height(), picture.as_raw());
    let analysis = analyzer.analyze(&frame);
    assert_eq!((analysis.status, analysis.message.as_deref()), (Status::Ok, None));
    let found = |d: &edgevision_wasm_host::detection::Detection| Found {
        class_id: u64::from(d.class_id),
        score: f64::from(d.score),
        corners: [d.x0, d.y0, d.x1, d.y1].map(f64::from),
    };
    analysis.detections.iter().map(found).collect()
}

fn theirs(still: &Value) -> Vec<Found> {
    let found = |d: &Value| Found {
        class_id: d["class_id"].as_u64().unwrap(),
        score: d["score"].as_f64().unwrap(),
        corners: [0, 1, 2, 3].map(|edge| d["box"][edge].as_f64().unwrap()),
    };
    still["detections"].as_array().unwrap().iter().map(found).collect()
}

fn holds(engine: &str, kind: &Kind) {
    let Some(media) = golden::media() else { return };
    let reference = media.join(format!("reference/images__{}.json", kind.model));
    let stills: Value = serde_json::from_slice(&std::fs::read(reference).unwrap()).unwrap();
    let stills = stills.as_array().unwrap();
    let threshold = stills[0]["score_threshold"].as_f64().unwrap();
    let mut analyzer = detectors(kind, &media, engine, threshold);
    let (mut recall, mut precision) = (Share::default(), Share::default());
    for still in stills {
        let ours = ours(&mut *analyzer, &media.join("images").join(still["image"].as_str().unwrap()));
        let theirs = theirs(still);
        recall.add(found_again(&theirs, &ours, kind.from, LEAST_IOU));
        precision.add(found_again(&ours, &theirs, kind.from, LEAST_IOU));
    }
    println!("{} on {engine}: {recall:?}, {precision:?}", kind.model);
    assert!(recall.of > 3 && recall.ratio() >= kind.least, "{} on {engine}: {recall:?}", kind.model);
    assert!(precision.ratio() >= kind.least, "{} on {engine}: {precision:?}", kind.model);
}

fn yolox(engine: &str) {
    let preprocess = json!({ "color": "bgr", "align": "top_left" });
    let (model, detector) = ("yolox_nano_416", "yolo");
    holds(
        engine,
        &Kind { model, detector, classes: 80, preprocess, params: json!({}), from: YOLOX, least: 0.99 },
    );
}

fn v8_layout(engine: &str) {
    let preprocess = json!({ "std": 255 });
    let (model, detector) = ("yolox_nano_416_v8layout", "yolo");
    holds(
        engine,
        &Kind { model, detector, classes: 80, preprocess, params: json!({}), from: YOLOX, least: 0.99 },
    );
}

fn fastestdet_float(engine: &str) {
    fastestdet(engine, "fastestdet_352", FASTESTDET, 0.99);
}

fn fastestdet_quantised(engine: &str) {
    fastestdet(engine, "fastestdet_352_int8", FASTESTDET_INT8, 0.97);
}

fn fastestdet(engine: &str, model: &'static str, from: f64, least: f64) {
    let preprocess = json!({ "color": "bgr", "mode": "stretch", "std": 255 });
    let detector = "fastestdet";
    holds(engine, &Kind { model, detector, classes: 80, preprocess, params: json!({}), from, least });
}

fn faces(engine: &str) {
    let preprocess = json!({ "mode": "stretch", "mean": 127, "std": 128 });
    let (model, detector, params) = ("face_rfb_320", "ssd", json!({ "nms_iou": 0.3 }));
    holds(engine, &Kind { model, detector, classes: 1, preprocess, params, from: FACES, least: 0.99 });
}

on_every_engine! {
    yolox_nano: yolox;
    yolox_nano_in_the_layout_of_yolov8: v8_layout;
    fastestdet_352: fastestdet_float;
    fastestdet_352_int8: fastestdet_quantised;
    face_rfb_320: faces;
}
