//! What belongs to a detection beside its box: landmarks, attributes, raw tensors; and raw tensors of the frame.
//!
//! A module reports them after the detection ([`reported`]); [`crate::detection::accept`] checks those of the detections
//! that it keeps. A detection without any costs one null pointer.

mod numbers;
pub(crate) mod reported;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use reported::BadExtra;

use crate::nn::DType;

/// What belongs to one detection. Guaranteed: all numbers finite, points inside the frame, confidences 0..=1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// Points, if the module reported any.
    pub landmarks: Option<Landmarks>,
    /// What classifiers have found, each name once, in the module's order.
    pub attributes: Vec<Attribute>,
    /// Raw outputs, in the module's order.
    pub tensors: Vec<Tensor>,
}

/// The points of one detection.
#[derive(Clone, Debug, PartialEq)]
pub struct Landmarks {
    /// At least one, in the module's order.
    pub points: Vec<Landmark>,
    /// What the points are called and which belong together, if the module says so.
    pub scheme: Arc<LandmarkScheme>,
}

/// A point in pixels of the source frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landmark {
    /// Pixels from the left edge, 0..=width.
    pub x: f32,
    /// Pixels from the upper edge, 0..=height.
    pub y: f32,
    /// 0..=1, if the model tells one.
    pub confidence: Option<f32>,
}

/// What a module says about its points, from its description.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LandmarkScheme {
    /// Names in the order of the points; may be fewer than there are points.
    #[serde(rename = "landmarks")]
    pub names: Vec<String>,
    /// Pairs of points that a line joins; may speak of points that a detection does not have.
    #[serde(rename = "skeleton")]
    pub edges: Vec<[u16; 2]>,
}

/// A property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Letters a-z, digits and underscores; never a key of an object in the record.
    pub name: String,
    /// The value's name; its number as text when it has none.
    pub label: String,
    /// The value's number, if it has one.
    pub label_id: Option<u32>,
    /// 0..=1, if the model tells one.
    pub confidence: Option<f32>,
}

/// A raw tensor. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// As the module calls it; may be empty.
    pub name: Arc<str>,
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub dims: Arc<[usize]>,
    /// Elements, row-major, little-endian.
    pub data: Arc<[u8]>,
}

/// The elements of a tensor as numbers: JSON knows two kinds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Numbers {
    /// Of `f32` and `f16`.
    Floats(Vec<f32>),
    /// Of the integer types.
    Integers(Vec<i64>),
}

impl LandmarkScheme {
    /// The name of a point, if it has one.
    pub fn name(&self, point: usize) -> Option<&str> {
        self.names.get(point).map(String::as_str)
    }
}

impl Landmarks {
    /// The lines of the skeleton, as far as both ends are there.
    pub fn lines(&self) -> impl Iterator<Item = (Landmark, Landmark)> {
        let point = |index: u16| self.points.get(usize::from(index)).copied();
        self.scheme.edges.iter().filter_map(move |[from, to]| Some((point(*from)?, point(*to)?)))
    }
}

impl Extras {
    /// Moves every point: the frame was scaled or moved.
    pub fn move_points(&mut self, place: impl Fn(f32, f32) -> (f32, f32)) {
        for point in self.landmarks.iter_mut().flat_map(|landmarks| &mut landmarks.points) {
            (point.x, point.y) = place(point.x, point.y);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.landmarks.is_none() && self.attributes.is_empty() && self.tensors.is_empty()
    }
}
