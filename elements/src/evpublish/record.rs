//! The detection record: one JSON object for one frame. Pure.
//!
//! A superset of what Intel DL Streamer's `gvametaconvert` writes, so that its consumers read ours. Field order is
//! the order below; what is unknown is null; `message` is only there when the frame was not analysed, `id` only when
//! there is a tracker.

use std::{sync::Arc, time::Duration};

use edgevision_wasm_host::{
    analysis::{Status, Timings},
    detection::Detection,
    frame::Transfer,
};
use serde::Serialize;

use super::extras::{self, ObjectExtras, TensorRecord};
use crate::detectionmeta::{FrameReport, pixel_rect};

/// Decimals of fractions of the frame: finer than a hundredth of a pixel in 8K.
pub(super) const FRACTION_DECIMALS: i32 = 6;
const CONFIDENCE_DECIMALS: i32 = 4;
/// Decimals of milliseconds.
const LATENCY_DECIMALS: i32 = 3;

/// What is known about one frame.
#[derive(Serialize)]
pub struct Record<'a> {
    pub camera: &'a str,
    pub seq: u64,
    /// Stream time, nanoseconds.
    pub timestamp: Option<u64>,
    pub system_timestamp: String,
    pub resolution: Option<Resolution>,
    pub status: Status,
    pub objects: Vec<Object>,
    pub latency_ms: Option<Latency>,
    pub model: Option<Arc<str>>,
    pub engine: Option<&'a str>,
    pub modules: &'a [String],
    pub transfer: Option<Transfer>,
    /// Of the frame as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tensors: Vec<TensorRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
}

/// Size of the frame in pixels.
#[derive(Clone, Copy, Serialize)]
pub struct Resolution {
    pub width: u32,
    pub height: u32,
}

impl Resolution {
    /// The size that caps tell, raw or encoded.
    pub fn of_caps(caps: &gst::Caps) -> Option<Self> {
        let structure = caps.structure(0)?;
        let size = |field| u32::try_from(structure.get::<i32>(field).ok()?).ok();
        Some(Self { width: size("width")?, height: size("height")? })
    }
}

/// One detection. `x y w h` are whole pixels. Each attribute is a key of its own, as with DL Streamer.
#[derive(Serialize)]
pub struct Object {
    pub detection: ObjectDetection,
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
    pub roi_type: String,
    /// Number that a tracker gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i32>,
    #[serde(flatten)]
    pub extras: ObjectExtras,
}

#[derive(Serialize)]
pub struct ObjectDetection {
    pub bounding_box: Option<BoundingBox>,
    pub confidence: Option<f64>,
    pub label: String,
    pub label_id: Option<u32>,
}

/// Fractions of the frame, 0..=1.
#[derive(Serialize)]
pub struct BoundingBox {
    pub x_min: f64,
    pub y_min: f64,
    pub x_max: f64,
    pub y_max: f64,
}

/// Milliseconds.
#[derive(Serialize)]
pub struct Latency {
    pub preprocess: f64,
    pub inference: f64,
    pub postprocess: f64,
    pub total: f64,
}

impl<'a> Record<'a> {
    /// The record of a frame that `evdetect` has seen.
    pub fn of_report(report: &'a FrameReport) -> Self {
        let analysis = &report.analysis;
        Self {
            camera: &report.camera,
            seq: report.seq,
            timestamp: report.timestamp_ns,
            system_timestamp: rfc3339(report.system_time_ns),
            resolution: Some(Resolution { width: report.width, height: report.height }),
            status: analysis.status,
            objects: analysis.detections.iter().map(|detection| object(detection, report)).collect(),
            latency_ms: Some(latency(&analysis.timings)),
            model: report.model.clone(),
            engine: report.engine,
            modules: &report.modules,
            transfer: report.transfer,
            tensors: extras::frame_tensors(report),
            message: analysis.message.as_deref().filter(|_| analysis.status != Status::Ok),
        }
    }

    /// One line of JSON, without a line end.
    pub fn to_json(&self) -> String {
        // Strings, numbers and sequences only: nothing here can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Unix time in nanoseconds as RFC 3339 in UTC with milliseconds (cut, not rounded: never a time to come).
pub fn rfc3339(unix_ns: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

fn object(detection: &Detection, report: &FrameReport) -> Object {
    let label = report.label(detection.class_id);
    let (x, y, w, h) = pixel_rect(detection, report.width, report.height);
    Object {
        detection: ObjectDetection {
            bounding_box: Some(bounding_box(detection, report.width, report.height)),
            confidence: Some(confidence(f64::from(detection.score))),
            label: label.clone(),
            label_id: Some(detection.class_id),
        },
        x,
        y,
        w,
        h,
        roi_type: label,
        id: None,
        extras: ObjectExtras::of(detection, report),
    }
}

/// A confidence as it is written.
pub(super) fn confidence(value: f64) -> f64 {
    rounded(value, CONFIDENCE_DECIMALS)
}

/// An edge as a fraction of the frame, as it is written.
pub(super) fn fraction(pixels: f64, size: u32) -> f64 {
    rounded((pixels / f64::from(size.max(1))).clamp(0.0, 1.0), FRACTION_DECIMALS)
}

fn bounding_box(detection: &Detection, width: u32, height: u32) -> BoundingBox {
    BoundingBox {
        x_min: fraction(detection.x0.into(), width),
        y_min: fraction(detection.y0.into(), height),
        x_max: fraction(detection.x1.into(), width),
        y_max: fraction(detection.y1.into(), height),
    }
}

fn latency(timings: &Timings) -> Latency {
    let ms = |time: Duration| rounded(time.as_secs_f64() * 1e3, LATENCY_DECIMALS);
    Latency {
        preprocess: ms(timings.preprocess),
        inference: ms(timings.inference),
        postprocess: ms(timings.postprocess),
        total: ms(timings.total),
    }
}

pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use edgevision_wasm_host::{
        analysis::Analysis,
        extras::{Attribute, Extras, Landmark, LandmarkScheme, Landmarks, Tensor},
        nn::DType,
    };

    use super::*;

    fn report(status: Status, detections: Vec<Detection>) -> FrameReport {
        FrameReport {
            camera: "line3".into(),
            seq: 41,
            timestamp_ns: Some(1_640_000_000),
            system_time_ns: 1_795_341_600_123_999_999,
            width: 640,
            height: 360,
            analysis: Analysis {
                status,
                detections,
                tensors: Vec::new(),
                timings: Timings {
                    queue: Duration::from_micros(2000),
                    preprocess: Duration::from_micros(600),
                    inference: Duration::from_nanos(15_100_400),
                    postprocess: Duration::from_micros(200),
                    total: Duration::from_micros(17_900),
                },
                bytes_copied: 0,
                message: Some("letterbox ran longer than 500 ms".to_owned()),
            },
            transfer: Some(Transfer::InPlace),
            labels: vec!["bottle".to_owned(), "tipped \"over\"".to_owned()].into(),
            model: Some("yolox-nano@695e750a".into()),
            engine: Some("onnxruntime"),
            modules: vec!["letterbox@1f3c0000".to_owned(), "yolo@88ab0000".to_owned()].into(),
        }
    }

    fn detection(x0: f32, y0: f32, x1: f32, y1: f32, score: f32, class_id: u32) -> Detection {
        Detection { x0, y0, x1, y1, score, class_id, extras: None }
    }

    fn record(report: &FrameReport) -> String {
        Record::of_report(report).to_json()
    }

    const HEAD: &str = r#"{"camera":"line3","seq":41,"timestamp":1640000000,"system_timestamp":"2026-11-22T10:00:00.123Z","resolution":{"width":640,"height":360},"#;
    const TAIL: &str = r#""latency_ms":{"preprocess":0.6,"inference":15.1,"postprocess":0.2,"total":17.9},"model":"yolox-nano@695e750a","engine":"onnxruntime","modules":["letterbox@1f3c0000","yolo@88ab0000"],"transfer":"in_place""#;

    #[test]
    fn exact_text() {
        for (name, frame, middle, end) in [
            ("nothing found", report(Status::Ok, vec![]), r#""status":"ok","objects":[],"#, "}"),
            (
                "a box",
                report(Status::Ok, vec![detection(508.8, 105.5, 570.5, 317.25, 0.925, 0)]),
                r#""status":"ok","objects":[{"detection":{"bounding_box":{"x_min":0.795,"y_min":0.293056,"x_max":0.891406,"y_max":0.88125},"confidence":0.925,"label":"bottle","label_id":0},"x":509,"y":106,"w":62,"h":211,"roi_type":"bottle"}],"#,
                "}",
            ),
            (
                "at the edges, with quotes in the label",
                report(Status::Ok, vec![detection(0.0, 0.0, 640.0, 360.0, 1.0, 1)]),
                r#""status":"ok","objects":[{"detection":{"bounding_box":{"x_min":0.0,"y_min":0.0,"x_max":1.0,"y_max":1.0},"confidence":1.0,"label":"tipped \"over\"","label_id":1},"x":0,"y":0,"w":640,"h":360,"roi_type":"tipped \"over\""}],"#,
                "}",
            ),
            (
                "class without a name, thinner than a pixel",
                report(Status::Ok, vec![detection(639.9, 10.0, 640.0, 10.1, 0.25, 7)]),
                r#""status":"ok","objects":[{"detection":{"bounding_box":{"x_min":0.999844,"y_min":0.027778,"x_max":1.0,"y_max":0.028056},"confidence":0.25,"label":"7","label_id":7},"x":639,"y":10,"w":1,"h":1,"roi_type":"7"}],"#,
                "}",
            ),
            (
                "not analysed",
                report(Status::Timeout, vec![]),
                r#""status":"timeout","objects":[],"#,
                r#","message":"letterbox ran longer than 500 ms"}"#,
            ),
        ] {
            assert_eq!(record(&frame), format!("{HEAD}{middle}{TAIL}{end}"), "{name}");
        }
    }

    #[test]
    fn extras_have_the_form_of_dl_streamer() {
        let landmark = |x, y, confidence| Landmark { x, y, confidence };
        let scheme = LandmarkScheme { names: vec!["tip".into(), "base".into()], edges: vec![[0, 1]] };
        let tensor = |dtype, dims: &[usize], data: &[u8]| Tensor {
            name: "embedding".into(),
            dtype,
            dims: dims.into(),
            data: data.into(),
        };
        let extras = Extras {
            landmarks: Some(Landmarks {
                points: vec![landmark(64.0, 36.0, None), landmark(320.0, 180.0, Some(0.5))],
                scheme: scheme.into(),
            }),
            attributes: vec![Attribute {
                name: "colour".into(),
                label: "red".into(),
                label_id: Some(2),
                confidence: Some(0.75),
            }],
            tensors: vec![tensor(DType::F32, &[1, 2], &[0, 0, 128, 63, 0, 0, 0, 192])],
        };
        let mut found = detection(64.0, 36.0, 192.0, 108.0, 0.5, 0);
        found.extras = Some(extras.into());
        let mut frame = report(Status::Ok, vec![found]);
        frame.analysis.tensors = vec![tensor(DType::U8, &[3], &[7, 0, 255])];
        let value: serde_json::Value = serde_json::from_str(&record(&frame)).unwrap();
        let object = &value["objects"][0];
        assert_eq!(
            object["landmarks"],
            serde_json::json!([
                { "name": "tip", "x": 0.1, "y": 0.1 },
                { "name": "base", "x": 0.5, "y": 0.5, "confidence": 0.5 },
            ])
        );
        let model = "yolox-nano@695e750a";
        assert_eq!(
            object["colour"],
            serde_json::json!({ "label": "red", "label_id": 2, "confidence": 0.75, "model": { "name": model } })
        );
        assert_eq!(
            object["tensors"],
            serde_json::json!([
                {
                    "name": "keypoints", "precision": "FP32", "layout": "ANY", "dims": [2, 2], "model_name": model,
                    "format": "keypoints", "data": [0.0, 0.0, 2.0, 2.0], "point_names": ["tip", "base"],
                    "point_connections": ["tip", "base"],
                },
                {
                    "name": "embedding", "precision": "FP32", "layout": "ANY", "dims": [1, 2], "model_name": model,
                    "data": [1.0, -2.0],
                },
            ])
        );
        assert_eq!(
            value["tensors"],
            serde_json::json!([{
                "name": "embedding", "precision": "U8", "layout": "ANY", "dims": [3], "model_name": model,
                "data": [7, 0, 255],
            }])
        );
        assert_eq!(object["detection"]["label"], "bottle", "and the rest is there");
    }

    #[test]
    fn what_is_unknown_is_null() {
        let mut frame = report(Status::Skipped, vec![]);
        (frame.timestamp_ns, frame.transfer, frame.model, frame.analysis.message) = (None, None, None, None);
        frame.analysis.timings = Timings::default();
        frame.engine = None;
        frame.modules = Arc::new([]);
        assert_eq!(
            record(&frame),
            r#"{"camera":"line3","seq":41,"timestamp":null,"system_timestamp":"2026-11-22T10:00:00.123Z","resolution":{"width":640,"height":360},"status":"skipped","objects":[],"latency_ms":{"preprocess":0.0,"inference":0.0,"postprocess":0.0,"total":0.0},"model":null,"engine":null,"modules":[],"transfer":null}"#
        );
    }

    #[test]
    fn every_record_reads_back() {
        for status in [Status::Ok, Status::Skipped, Status::Timeout, Status::Trapped, Status::Quarantined] {
            let text = record(&report(status, vec![detection(1.0, 2.0, 3.0, 4.0, 0.5, 0)]));
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["status"], status.as_str());
            assert!(!text.contains('\n'));
        }
    }

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_999_999_999), "1970-01-01T00:00:01.999Z");
    }
}
