//! Landmarks, attributes and tensors in the record. Pure.
//!
//! Attributes and tensors have the form of `gvametaconvert` (with `add-tensor-data`); so have the landmarks, as a tensor
//! of the format `keypoints` relative to the box. `landmarks` is our own and easier to read.

use std::{collections::BTreeMap, sync::Arc};

use edgevision_wasm_host::{
    detection::Detection,
    extras::{Attribute, Extras, Landmark, Landmarks, Numbers, Tensor},
};
use serde::Serialize;

use super::record::{FRACTION_DECIMALS, confidence, fraction, rounded};
use crate::detectionmeta::{FrameReport, precision, relative_points};

/// What an object has beside its box. Absent keys: there is none of it.
#[derive(Default, Serialize)]
pub struct ObjectExtras {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub landmarks: Vec<LandmarkRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tensors: Vec<TensorRecord>,
    #[serde(flatten)]
    pub attributes: BTreeMap<String, AttributeRecord>,
}

/// A point as fractions of the frame.
#[derive(Serialize)]
pub struct LandmarkRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub x: f64,
    pub y: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

#[derive(Serialize)]
pub struct AttributeRecord {
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelRecord>,
}

#[derive(Serialize)]
pub struct ModelRecord {
    pub name: Arc<str>,
}

/// A tensor in DL Streamer's words.
#[derive(Serialize)]
pub struct TensorRecord {
    pub name: Arc<str>,
    pub precision: &'static str,
    pub layout: &'static str,
    pub dims: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_name: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<&'static str>,
    pub data: Numbers,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub point_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub point_connections: Vec<String>,
}

impl ObjectExtras {
    /// Those of a detection.
    pub fn of(detection: &Detection, report: &FrameReport) -> Self {
        let Some(extras) = detection.extras.as_deref() else { return Self::default() };
        let landmarks = extras.landmarks.iter().flat_map(|landmarks| points(landmarks, report)).collect();
        let attributes =
            extras.attributes.iter().map(|attribute| (attribute.name.clone(), of(attribute, report)));
        Self { landmarks, tensors: tensors(extras, detection, report), attributes: attributes.collect() }
    }
}

/// Those of the frame.
pub fn frame_tensors(report: &FrameReport) -> Vec<TensorRecord> {
    report.analysis.tensors.iter().map(|found| tensor(found, report)).collect()
}

fn points(landmarks: &Landmarks, report: &FrameReport) -> Vec<LandmarkRecord> {
    let record = |(index, point): (usize, &Landmark)| LandmarkRecord {
        name: landmarks.scheme.name(index).map(str::to_owned),
        x: fraction(point.x.into(), report.width),
        y: fraction(point.y.into(), report.height),
        confidence: point.confidence.map(|value| confidence(value.into())),
    };
    landmarks.points.iter().enumerate().map(record).collect()
}

fn of(attribute: &Attribute, report: &FrameReport) -> AttributeRecord {
    AttributeRecord {
        label: attribute.label.clone(),
        label_id: attribute.label_id,
        confidence: attribute.confidence.map(|value| confidence(value.into())),
        model: report.model.clone().map(|name| ModelRecord { name }),
    }
}

fn tensors(extras: &Extras, detection: &Detection, report: &FrameReport) -> Vec<TensorRecord> {
    let keypoints = extras.landmarks.iter().map(|landmarks| keypoints(landmarks, detection, report));
    keypoints.chain(extras.tensors.iter().map(|found| tensor(found, report))).collect()
}

fn tensor(found: &Tensor, report: &FrameReport) -> TensorRecord {
    TensorRecord {
        name: found.name.clone(),
        precision: precision(found.dtype).0,
        layout: "ANY",
        dims: found.dims.to_vec(),
        model_name: report.model.clone(),
        format: None,
        data: found.numbers(),
        point_names: Vec::new(),
        point_connections: Vec::new(),
    }
}

fn keypoints(landmarks: &Landmarks, detection: &Detection, report: &FrameReport) -> TensorRecord {
    let name = |point: u16| landmarks.scheme.name(point.into()).unwrap_or_default().to_owned();
    let data = relative_points(landmarks, detection).into_iter().map(short).collect();
    TensorRecord {
        name: "keypoints".into(),
        precision: "FP32",
        layout: "ANY",
        dims: vec![landmarks.points.len(), 2],
        model_name: report.model.clone(),
        format: Some("keypoints"),
        data: Numbers::Floats(data),
        point_names: landmarks.scheme.names.clone(),
        point_connections: landmarks.scheme.edges.iter().flatten().map(|point| name(*point)).collect(),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a number that was f32 before it was rounded")]
fn short(value: f32) -> f32 {
    rounded(value.into(), FRACTION_DECIMALS) as f32
}
