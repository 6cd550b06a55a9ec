//! Raw outputs of published models and the boxes that a reference implementation decoded from them.
//!
//! A folder holds one `.f32` file (little-endian) for each output, and `meta.json`: `outputs` (name, file, shape),
//! `input.shape_hwc`, `box_mapping` (scale and offset) and `decoded` (class_id, score, box in source pixels).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{FixedModel, context, find};
use crate::{Context, Detect, Detection, Geometry, Landmark};

/// Largest difference of a score.
const SCORE: f64 = 1e-4;
/// Largest difference of an edge in pixels of the source.
const EDGE: f64 = 0.02;

/// One folder.
#[derive(Debug)]
pub struct Golden {
    folder: PathBuf,
    meta: Value,
}

impl Golden {
    /// The tensors of a model in the media folder (`EDGEVISION_MEDIA`, else `default`); None after a message when
    /// there is no such folder. Panics if it is required (`EDGEVISION_REQUIRE_MEDIA=1`) or not readable.
    pub fn open(model: &str, default: &str) -> Option<Self> {
        let media = std::env::var_os("EDGEVISION_MEDIA").map_or_else(|| default.into(), PathBuf::from);
        let folder = media.join("reference/tensors").join(model);
        if !folder.is_dir() {
            let required = std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_some_and(|value| value == "1");
            assert!(!required, "EDGEVISION_REQUIRE_MEDIA=1, but {} is no folder", folder.display());
            println!("skipped: no media folder at {}; set EDGEVISION_MEDIA", media.display());
            return None;
        }
        let meta = serde_json::from_slice(&read(&folder.join("meta.json"))).expect("meta.json is JSON");
        Some(Self { folder, meta })
    }

    /// A job with this model and so many labels. Its threshold is the reference's.
    pub fn context(&self, labels: usize, score_threshold: f32) -> Context {
        let size = |i: usize| self.meta["input"]["shape_hwc"][i].as_i64().expect("a size");
        let outputs: Vec<(&str, Vec<i64>)> = self.outputs().map(|(name, shape, _)| (name, shape)).collect();
        let outputs: Vec<(&str, &[i64])> = outputs.iter().map(|(name, shape)| (*name, &shape[..])).collect();
        Context { labels, score_threshold, ..context(&[1, 3, size(0), size(1)], &outputs) }
    }

    /// The module must report all boxes of the reference, with their points, and no other, in its order. `frame` is the
    /// size of the picture that was fed; what has no box in the reference fills it.
    pub fn holds(&self, module: &mut impl Detect, frame: (u32, u32)) {
        let found = find(module, self.model(), self.geometry(), frame).expect("an answer");
        let expected = self.meta["decoded"].as_array().expect("a list");
        assert_eq!(found.detections().len(), expected.len(), "{found:?}");
        for (number, (ours, theirs)) in found.detections().iter().zip(expected).enumerate() {
            same(ours, theirs, frame);
            same_points(found.landmarks_of(number), &theirs["keypoints"]);
        }
    }

    fn model(&self) -> FixedModel {
        let outputs = self.outputs().map(|(_, shape, file)| {
            let values = read(&self.folder.join(file));
            let values = values.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            (shape.iter().map(|&d| u32::try_from(d).expect("a fixed shape")).collect(), values)
        });
        FixedModel(outputs.collect())
    }

    fn outputs(&self) -> impl Iterator<Item = (&str, Vec<i64>, &str)> {
        self.meta["outputs"].as_array().into_iter().flatten().map(|output| {
            let shape = output["shape"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
            (output["name"].as_str().expect("a name"), shape, output["file"].as_str().expect("a file"))
        })
    }

    #[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is meant")]
    fn geometry(&self) -> Geometry {
        let mapping = |key: &str| self.meta["box_mapping"][key].as_f64().expect("a number") as f32;
        let size = |i: usize| self.meta["input"]["shape_hwc"][i].as_u64().and_then(|v| u32::try_from(v).ok());
        Geometry {
            scale_x: mapping("scale_x"),
            scale_y: mapping("scale_y"),
            offset_x: mapping("offset_x"),
            offset_y: mapping("offset_y"),
            input_width: size(1).expect("a width"),
            input_height: size(0).expect("a height"),
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[allow(clippy::cast_precision_loss, reason = "pictures are smaller than 2^24 pixels wide")]
fn same(ours: &Detection, theirs: &Value, frame: (u32, u32)) {
    assert_eq!(Some(u64::from(ours.class_id)), theirs["class_id"].as_u64());
    let score = theirs["score"].as_f64().expect("a score");
    assert!((f64::from(ours.score) - score).abs() <= SCORE, "{ours:?} {theirs}");
    let whole = [0.0, 0.0, f64::from(frame.0), f64::from(frame.1)];
    for (edge, ours) in [ours.x0, ours.y0, ours.x1, ours.y1].into_iter().enumerate() {
        let theirs = theirs["box"][edge].as_f64().unwrap_or(whole[edge]);
        assert!((f64::from(ours) - theirs).abs() <= EDGE, "{ours} {theirs}");
    }
}

fn same_points(ours: &[Landmark], theirs: &Value) {
    let theirs = theirs.as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        let near = |ours: f32, axis: usize| {
            (f64::from(ours) - theirs[axis].as_f64().expect("a number")).abs() <= EDGE
        };
        assert!(near(ours.x, 0) && near(ours.y, 1), "{ours:?} {theirs}");
    }
}
