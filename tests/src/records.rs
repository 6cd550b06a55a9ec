//! Reads detection records, ours and those of the references.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::compare::Found;

/// What a test needs of one of our records.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    /// The camera's name.
    pub camera: String,
    /// Number of the frame.
    pub seq: u64,
    /// Stream time in nanoseconds.
    pub timestamp: Option<u64>,
    /// Size of the source frame.
    pub resolution: Resolution,
    /// `ok`, `skipped`, …
    pub status: String,
    /// How the frame reached the modules.
    pub transfer: Option<String>,
    /// What was found.
    pub objects: Vec<Object>,
}

/// Size of a frame in pixels.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Resolution {
    /// Pixels.
    pub width: f64,
    /// Lines.
    pub height: f64,
}

/// One object of a record.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Object {
    /// Where and what.
    pub detection: Detection,
}

/// The detection of an object.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Detection {
    /// 0..=1 of the frame.
    pub bounding_box: BoundingBox,
    /// 0..=1.
    pub confidence: f64,
    /// Name of the class.
    pub label: String,
    /// Class id.
    pub label_id: u64,
}

/// Corners relative to the frame.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct BoundingBox {
    /// Left.
    pub x_min: f64,
    /// Top.
    pub y_min: f64,
    /// Right.
    pub x_max: f64,
    /// Bottom.
    pub y_max: f64,
}

impl Record {
    /// The objects in pixels.
    #[must_use]
    pub fn found(&self) -> Vec<Found> {
        let (w, h) = (self.resolution.width, self.resolution.height);
        let pixels = |b: BoundingBox| [b.x_min * w, b.y_min * h, b.x_max * w, b.y_max * h];
        let one = |d: &Detection| Found {
            class_id: d.label_id,
            score: d.confidence,
            corners: pixels(d.bounding_box),
        };
        self.objects.iter().map(|object| one(&object.detection)).collect()
    }
}

/// Reads our records; lines that are no detection records (camera states) are left out.
///
/// # Panics
/// When the file cannot be read or a line is no JSON: a test cannot go on without it.
#[must_use]
pub fn ours(path: &Path) -> Vec<Record> {
    lines(path)
        .into_iter()
        .filter(|line| line.get("objects").is_some())
        .map(|line| parse(line, path))
        .collect()
}

/// A reference: the detections of each frame by its time in nanoseconds.
///
/// # Panics
/// When the file cannot be read or is not of the form that `media/README.md` describes.
#[must_use]
pub fn reference(path: &Path) -> BTreeMap<u64, Vec<Found>> {
    #[derive(Deserialize, Serialize)]
    struct Line {
        pts_ns: u64,
        detections: Vec<Reference>,
    }
    #[derive(Deserialize, Serialize)]
    struct Reference {
        class_id: u64,
        score: f64,
        r#box: [f64; 4],
    }
    let found = |r: Reference| Found { class_id: r.class_id, score: r.score, corners: r.r#box };
    let entry = |line: Line| (line.pts_ns, line.detections.into_iter().map(found).collect());
    lines(path).into_iter().map(|line| entry(parse(line, path))).collect()
}

/// Every line of a JSON Lines file.
///
/// # Panics
/// When the file cannot be read or a line is no JSON.
#[must_use]
pub fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parse = |line| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()))
    };
    text.lines().map(parse).collect()
}

fn parse<T: serde::de::DeserializeOwned>(line: serde_json::Value, path: &Path) -> T {
    serde_json::from_value(line).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
