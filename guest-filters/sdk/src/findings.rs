//! What a detector finds beside boxes: landmarks, attributes, raw tensors.

use std::ops::Range;

pub use edgevision_abi::Landmark;
use edgevision_abi::{Detection, NO_CLASS};

use crate::TensorRef;

/// What is on one frame. [`Detect::find`](crate::Detect::find) fills it.
///
/// ```
/// use edgevision_sdk::{Detection, Findings, Landmark};
/// let mut found = Findings::default();
/// let face = Detection { x0: 10.0, y0: 10.0, x1: 50.0, y1: 60.0, score: 0.9, class_id: 0 };
/// found.report(face).landmarks(&[Landmark::at(20.0, 30.0)]).attribute("mood", "glad", 0.8);
/// assert_eq!(found.landmarks_of(0)[0].y, 30.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Findings {
    detections: Vec<Detection>,
    points: Vec<Landmark>,
    /// Detection, and which of the points are its own.
    landmarks: Vec<(usize, Range<usize>)>,
    attributes: Vec<(usize, Attribute)>,
    tensors: Vec<(Option<usize>, String, OwnedTensor)>,
}

/// A property of a detection.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// A letter a-z, then a-z, 0-9 and underscores, at most 64 bytes; no key of an object in the record.
    pub name: String,
    /// The value's name, at most 256 bytes; may be empty when there is a number.
    pub label: String,
    /// The value's number; [`Attribute::NO_CLASS`] when there is only a name.
    pub class_id: u32,
    /// 0..=1; NaN when the model tells none.
    pub confidence: f32,
}

impl Attribute {
    /// No number.
    pub const NO_CLASS: u32 = NO_CLASS;
}

/// A tensor that outlives the model's output it was taken from.
#[derive(Clone, Debug)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a host reads all of it"))]
pub(crate) struct OwnedTensor {
    pub(crate) output: crate::Output,
}

/// A detection that was just reported: what belongs to it is added here.
#[derive(Debug)]
pub struct Reported<'f> {
    findings: &'f mut Findings,
    detection: usize,
}

impl Findings {
    /// Reports a detection. Those below the threshold are dropped by the host, with all that belongs to them.
    pub fn report(&mut self, detection: Detection) -> Reported<'_> {
        self.detections.push(detection);
        let detection = self.detections.len() - 1;
        Reported { findings: self, detection }
    }

    /// Reports a raw tensor of the frame as a whole: an embedding, a mask. Its elements are copied, finite, and few:
    /// the host allows 1 MiB a frame.
    pub fn tensor(&mut self, name: &str, tensor: &TensorRef) -> Result<(), String> {
        self.tensors.push((None, name.to_owned(), OwnedTensor::copy(tensor)?));
        Ok(())
    }

    /// The detections, in the order of their reports.
    pub fn detections(&self) -> &[Detection] {
        &self.detections
    }

    /// The points of the detection with this number.
    pub fn landmarks_of(&self, detection: usize) -> &[Landmark] {
        let own = self.landmarks.iter().find(|(of, _)| *of == detection);
        own.and_then(|(_, range)| self.points.get(range.clone())).unwrap_or_default()
    }

    /// The attributes of the detection with this number.
    pub fn attributes_of(&self, detection: usize) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(move |(of, _)| *of == detection).map(|(_, attribute)| attribute)
    }

    /// Names and elements of the tensors of a detection, or of the frame (`None`).
    pub fn tensors_of(&self, detection: Option<usize>) -> impl Iterator<Item = (&str, TensorRef<'_>)> {
        let own = self.tensors.iter().filter(move |(of, ..)| *of == detection);
        own.map(|(_, name, tensor)| (name.as_str(), tensor.view()))
    }
}

impl Reported<'_> {
    /// Its points, in the order of the names that the module gives in [`describe!`](crate::describe). Once.
    pub fn landmarks(self, points: &[Landmark]) -> Self {
        let start = self.findings.points.len();
        self.findings.points.extend_from_slice(points);
        self.findings.landmarks.push((self.detection, start..self.findings.points.len()));
        self
    }

    /// One of its properties, by the name of the value. Each name once.
    pub fn attribute(self, name: &str, label: &str, confidence: f32) -> Self {
        let (name, label) = (name.to_owned(), label.to_owned());
        self.has(Attribute { name, label, class_id: NO_CLASS, confidence })
    }

    /// One of its properties. Each name once.
    pub fn has(self, attribute: Attribute) -> Self {
        self.findings.attributes.push((self.detection, attribute));
        self
    }

    /// A raw tensor that belongs to it; see [`Findings::tensor`].
    pub fn tensor(self, name: &str, tensor: &TensorRef) -> Result<Self, String> {
        let entry = (Some(self.detection), name.to_owned(), OwnedTensor::copy(tensor)?);
        self.findings.tensors.push(entry);
        Ok(self)
    }
}

impl OwnedTensor {
    fn copy(tensor: &TensorRef) -> Result<Self, String> {
        let bytes = tensor.data.bytes();
        let mut output = crate::Output::with_capacity(bytes.len());
        output.room()[..bytes.len()].copy_from_slice(bytes);
        output.set(tensor.data.dtype(), tensor.dims)?;
        Ok(Self { output })
    }

    pub(crate) fn view(&self) -> TensorRef<'_> {
        TensorRef { data: self.output.data(), dims: self.output.dims(), geometry: Default::default() }
    }
}

/// For [`Detect::run`](crate::Detect::run) of a detector that implements [`find`](crate::Detect::find): the boxes alone.
pub fn boxes_alone(
    find: impl FnOnce(&mut Findings) -> Result<(), String>,
    report: &mut dyn FnMut(Detection),
) -> Result<(), String> {
    let mut found = Findings::default();
    find(&mut found)?;
    found.detections.into_iter().for_each(report);
    Ok(())
}

#[cfg(test)]
mod tests {
    use edgevision_abi::Geometry;

    use super::*;
    use crate::TensorData;

    #[test]
    fn everything_stays_with_its_detection() {
        let mut found = Findings::default();
        let values = [1.5, 2.5];
        let tensor = TensorRef { data: TensorData::F32(&values), dims: &[2], geometry: Geometry::default() };
        found.report(Detection::default());
        let second = found.report(Detection { score: 0.5, ..Detection::default() });
        let second = second.landmarks(&[Landmark::at(1.0, 2.0)]).attribute("colour", "red", 0.5);
        second.tensor("embedding", &tensor).unwrap();
        found.report(Detection::default()).landmarks(&[Landmark::at(3.0, 4.0)]);
        found.tensor("mask", &tensor).unwrap();

        assert_eq!((found.landmarks_of(0), found.landmarks_of(9)), (&[][..], &[][..]));
        assert_eq!((found.landmarks_of(1)[0].x, found.landmarks_of(2)[0].x), (1.0, 3.0));
        assert_eq!(found.attributes_of(1).next().unwrap().label, "red");
        assert_eq!(found.attributes_of(2).count(), 0);
        let (name, copied) = found.tensors_of(Some(1)).next().unwrap();
        assert_eq!((name, copied.data, copied.dims), ("embedding", tensor.data, tensor.dims));
        assert_eq!(found.tensors_of(None).map(|(name, _)| name).collect::<Vec<_>>(), ["mask"]);
    }
}
