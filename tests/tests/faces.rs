//! Faces with landmarks and classes of whole pictures, from the file to the record, against independent references.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use edgevision_tests::{
    command::{Job, stderr, yaml},
    compare::iou,
    media::media,
    records,
};
use serde_json::Value;

/// How far a landmark may be off, in pixels of the source: another resize and another JPEG decoder have looked.
const NEAR: f64 = 2.0;

const YUNET: (&str, &str, &str) =
    ("face_yunet_n_320", "{module: letterbox, params: {color: bgr, align: top_left, pad: 0}}", "yunet");
const MOBILENET: (&str, &str, &str) = (
    "mobilenet_v2_224_int8",
    "{module: letterbox, params: {mode: stretch}}",
    "{module: classify, params: {top_k: 5}}",
);

/// The records of a source; `None` without media.
fn analyse(
    (model, preprocess, detect): (&str, &str, &str),
    labels: &str,
    threshold: f32,
    source: &str,
) -> Option<Vec<Value>> {
    let (source, labels) = (media(source)?, media(labels)?);
    let model = media(&format!("models/{model}.onnx"))?;
    let job = Job::new(&format!(
        "cameras:
  - name: pictures
    source: {source}
    analyze:
      preprocess: {preprocess}
      detect: {detect}
      model: {{path: {model}, labels: {labels}}}
      threshold: {threshold}
      deadline: 60s
outputs:
  json_lines: $OUT/found.jsonl
",
        source = yaml(&source),
        model = yaml(&model),
        labels = yaml(&labels),
    ));
    let output = job.run(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = records::lines(&job.file("found.jsonl"));
    Some(lines.into_iter().filter(|line| line.get("objects").is_some()).collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Box and points of an object in pixels.
fn face(object: &Value, resolution: &Value) -> ([f64; 4], Vec<[f64; 2]>) {
    let (width, height) = (number(&resolution["width"]), number(&resolution["height"]));
    let bounds = &object["detection"]["bounding_box"];
    let edge = |key: &str, size: f64| number(&bounds[key]) * size;
    let point = |point: &Value| [number(&point["x"]) * width, number(&point["y"]) * height];
    let points = list(&object["landmarks"]).iter().map(point).collect();
    ([edge("x_min", width), edge("y_min", height), edge("x_max", width), edge("y_max", height)], points)
}

/// Every face of the reference is there and no other; the largest distance of a landmark.
fn hold(record: &Value, reference: &Value) -> f64 {
    let (ours, theirs) = (list(&record["objects"]), list(&reference["detections"]));
    assert_eq!(ours.len(), theirs.len(), "{record} {reference}");
    let faces: Vec<_> = ours.iter().map(|object| face(object, &record["resolution"])).collect();
    let mut largest: f64 = 0.0;
    for their in theirs {
        let bounds = [0, 1, 2, 3].map(|edge| number(&their["box"][edge]));
        let best = faces.iter().max_by(|a, b| iou(a.0, bounds).total_cmp(&iou(b.0, bounds))).unwrap();
        assert!(iou(best.0, bounds) >= 0.75, "{bounds:?} {:?}", best.0);
        assert_eq!(best.1.len(), list(&their["keypoints"]).len());
        for (ours, theirs) in best.1.iter().zip(list(&their["keypoints"])) {
            let distance = (ours[0] - number(&theirs[0])).hypot(ours[1] - number(&theirs[1]));
            largest = largest.max(distance);
        }
    }
    largest
}

#[test]
fn yunet_on_stills() {
    let Some(records) = analyse(YUNET, "labels/face.txt", 0.4, "images") else { return };
    let reference = std::fs::read(media("reference/images__face_yunet_n_320.json").unwrap()).unwrap();
    let reference: Vec<Value> = serde_json::from_slice(&reference).unwrap();
    assert_eq!(records.len(), reference.len());
    let largest = records.iter().zip(&reference).map(|(ours, theirs)| hold(ours, theirs)).fold(0.0, f64::max);
    println!("largest distance of a landmark: {largest:.2} px");
    assert!(largest <= NEAR, "{largest}");

    let face = &records[2]["objects"][0];
    let names: Vec<_> =
        list(&face["landmarks"]).iter().map(|point| point["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner"]);
    let keypoints = &face["tensors"][0];
    assert_eq!((&keypoints["format"], &keypoints["dims"]), (&"keypoints".into(), &vec![5, 2].into()));
    assert!(list(&keypoints["data"]).iter().all(|share| (0.0..=1.0).contains(&number(share))), "{keypoints}");
}

#[test]
fn yunet_on_the_sign_clip() {
    let Some(records) = analyse(YUNET, "labels/face.txt", 0.4, "clips/sign-640x480-fullrange.mkv") else {
        return;
    };
    let reference =
        records::lines(&media("reference/face_yunet_n_320__sign-640x480-fullrange.jsonl").unwrap());
    assert_eq!(records.len(), reference.len());
    let largest = records.iter().zip(&reference).map(|(ours, theirs)| hold(ours, theirs)).fold(0.0, f64::max);
    println!("largest distance of a landmark: {largest:.2} px");
    assert!(largest <= NEAR, "{largest}");
}

#[test]
fn the_classifier_names_the_stills() {
    let Some(records) = analyse(MOBILENET, "labels/imagenet1001.txt", 0.0, "images") else { return };
    let reference = std::fs::read(media("reference/images__mobilenet_v2_224_int8.json").unwrap()).unwrap();
    let reference: Vec<Value> = serde_json::from_slice(&reference).unwrap();
    assert_eq!(records.len(), reference.len());
    for (record, reference) in records.iter().zip(&reference) {
        let found: Vec<_> = list(&record["objects"]).iter().map(|object| &object["detection"]).collect();
        let (first, expected) = (found[0], &reference["top5"][0]);
        println!("{}: {} {}", reference["image"], first["label"], first["confidence"]);
        let (x, y) = (&record["objects"][0]["x"], &record["objects"][0]["y"]);
        assert_eq!(
            (x, y, &record["objects"][0]["w"]),
            (&0.into(), &0.into(), &record["resolution"]["width"])
        );
        // A classifier that is sure of nothing may change its mind over a pixel.
        if number(&expected["score"]) >= 0.3 {
            assert_eq!((&first["label"], &first["label_id"]), (&expected["label"], &expected["class_id"]));
            assert!((number(&first["confidence"]) - number(&expected["score"])).abs() < 0.1);
        }
        assert!(found.iter().any(|class| class["label"] == expected["label"]), "{found:?}");
    }
}
