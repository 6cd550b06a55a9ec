//! What a guest has reported in one call: within its caps, but with values that nobody has looked at yet.

use std::{collections::BTreeMap, sync::Arc};

use edgevision_abi::{self as abi, MAX_LABEL_BYTES, MAX_NAME_BYTES, RESERVED_NAMES, status};

use super::{Attribute, Extras, Landmark, LandmarkScheme, Landmarks, Tensor};
use crate::text;

/// Most attributes, and most tensors, of one detection, and most tensors of a frame.
const MOST_OF_A_KIND: usize = 32;

/// Why something is refused: what the guest learns, and what the user does ("reported …").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: i32,
    pub(crate) text: String,
}

fn invalid(text: String) -> Refused {
    Refused { status: status::INVALID, text }
}

fn limit(text: String) -> Refused {
    Refused { status: status::LIMIT, text }
}

/// A value that no correct module reports for a detection that counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadExtra {
    /// A point that is nowhere.
    #[error("landmark {0} has a value that is not a finite number")]
    Landmark(usize),
    /// An infinite confidence.
    #[error("attribute `{0}` has a confidence that is not a finite number")]
    Attribute(String),
    /// NaN or infinity in a tensor.
    #[error("tensor `{0}` has elements that are not finite numbers")]
    Tensor(Arc<str>),
}

/// What belongs to one detection, as reported.
#[derive(Debug, Default)]
struct Raw {
    landmarks: Vec<abi::Landmark>,
    attributes: Vec<RawAttribute>,
    tensors: Vec<Tensor>,
}

#[derive(Debug)]
pub(crate) struct RawAttribute {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) class_id: u32,
    pub(crate) confidence: f32,
}

/// Everything of one call.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    of_detections: BTreeMap<usize, Raw>,
    of_frame: Vec<Tensor>,
    items: usize,
    bytes: usize,
}

/// Caps of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    /// Points, attributes and tensors together.
    pub(crate) items: usize,
    /// Texts and elements of tensors together.
    pub(crate) bytes: usize,
}

impl Reported {
    /// Room for so much more, or why there is none. Asked before anything is read from the guest.
    pub(crate) fn claim(&mut self, items: usize, bytes: usize, caps: Caps) -> Result<(), Refused> {
        let items = self.items.saturating_add(items);
        if items > caps.items {
            let most = caps.items;
            return Err(limit(format!("reported more than {most} landmarks, attributes and tensors")));
        }
        let bytes = self.bytes.saturating_add(bytes);
        if bytes > caps.bytes {
            return Err(limit(format!("reported attributes and tensors of more than {} bytes", caps.bytes)));
        }
        (self.items, self.bytes) = (items, bytes);
        Ok(())
    }

    pub(crate) fn landmarks(&mut self, detection: usize, points: Vec<abi::Landmark>) -> Result<(), Refused> {
        let raw = self.of_detections.entry(detection).or_default();
        if !raw.landmarks.is_empty() {
            return Err(invalid(format!("reported landmarks of detection {detection} twice")));
        }
        raw.landmarks = points;
        Ok(())
    }

    pub(crate) fn attribute(&mut self, detection: usize, attribute: RawAttribute) -> Result<(), Refused> {
        let raw = self.of_detections.entry(detection).or_default();
        let name = &attribute.name;
        if raw.attributes.iter().any(|known| known.name == *name) {
            return Err(invalid(format!("reported attribute `{name}` of detection {detection} twice")));
        }
        if raw.attributes.len() == MOST_OF_A_KIND {
            return Err(limit(format!("reported more than {MOST_OF_A_KIND} attributes of a detection")));
        }
        raw.attributes.push(attribute);
        Ok(())
    }

    /// `None` is the frame.
    pub(crate) fn tensor(&mut self, detection: Option<usize>, tensor: Tensor) -> Result<(), Refused> {
        let tensors = match detection {
            Some(detection) => &mut self.of_detections.entry(detection).or_default().tensors,
            None => &mut self.of_frame,
        };
        if tensors.len() == MOST_OF_A_KIND {
            return Err(limit(format!(
                "reported more than {MOST_OF_A_KIND} tensors of a detection or frame"
            )));
        }
        tensors.push(tensor);
        Ok(())
    }

    /// What belongs to a detection that counts, checked and clipped to a frame of this size.
    pub(crate) fn take(
        &mut self,
        detection: usize,
        scheme: &Arc<LandmarkScheme>,
        (width, height): (f32, f32),
    ) -> Result<Option<Arc<Extras>>, BadExtra> {
        let Some(raw) = self.of_detections.remove(&detection) else { return Ok(None) };
        let point = |(index, raw): (usize, &abi::Landmark)| landmark(index, raw, (width, height));
        let points = raw.landmarks.iter().enumerate().map(point).collect::<Result<Vec<_>, _>>()?;
        let attributes = raw.attributes.into_iter().map(accepted).collect::<Result<Vec<_>, _>>()?;
        raw.tensors.iter().try_for_each(finite)?;
        let landmarks = (!points.is_empty()).then(|| Landmarks { points, scheme: scheme.clone() });
        let extras = Extras { landmarks, attributes, tensors: raw.tensors };
        Ok((!extras.is_empty()).then(|| Arc::new(extras)))
    }

    /// The frame's own tensors, checked.
    pub(crate) fn take_frame(&mut self) -> Result<Vec<Tensor>, BadExtra> {
        self.of_frame.iter().try_for_each(finite)?;
        Ok(std::mem::take(&mut self.of_frame))
    }
}

fn landmark(index: usize, raw: &abi::Landmark, (width, height): (f32, f32)) -> Result<Landmark, BadExtra> {
    let is_bad = !raw.x.is_finite() || !raw.y.is_finite() || raw.confidence.is_infinite();
    if is_bad {
        return Err(BadExtra::Landmark(index));
    }
    let confidence = share(raw.confidence);
    Ok(Landmark { x: raw.x.clamp(0.0, width), y: raw.y.clamp(0.0, height), confidence })
}

fn accepted(raw: RawAttribute) -> Result<Attribute, BadExtra> {
    if raw.confidence.is_infinite() {
        return Err(BadExtra::Attribute(raw.name));
    }
    let label_id = (raw.class_id != abi::NO_CLASS).then_some(raw.class_id);
    let label = if raw.label.is_empty() { raw.class_id.to_string() } else { raw.label };
    Ok(Attribute { name: raw.name, label, label_id, confidence: share(raw.confidence) })
}

/// NaN is "not told".
fn share(confidence: f32) -> Option<f32> {
    (!confidence.is_nan()).then(|| confidence.clamp(0.0, 1.0))
}

fn finite(tensor: &Tensor) -> Result<(), BadExtra> {
    if tensor.is_finite() { Ok(()) } else { Err(BadExtra::Tensor(tensor.name.clone())) }
}

/// The name of an attribute: it becomes a key of the record.
pub(crate) fn attribute_name(bytes: &[u8]) -> Result<String, Refused> {
    let is_key = bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.len() <= MAX_NAME_BYTES
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_');
    let name = text::clean(bytes);
    if !is_key {
        return Err(invalid(format!(
            "reported an attribute called `{name}`; allowed are a letter a-z, then a-z, 0-9 and _, at most \
             {MAX_NAME_BYTES} bytes"
        )));
    }
    if RESERVED_NAMES.contains(&name.as_str()) {
        return Err(invalid(format!("reported an attribute called `{name}`, which the record needs itself")));
    }
    Ok(name)
}

/// The name of an attribute's value, made fit to be shown.
pub(crate) fn attribute_label(bytes: &[u8], class_id: u32) -> Result<String, Refused> {
    if bytes.len() > MAX_LABEL_BYTES {
        return Err(invalid(format!("reported an attribute with a label of {} bytes", bytes.len())));
    }
    let label = text::clean(bytes);
    if label.is_empty() && class_id == abi::NO_CLASS {
        return Err(invalid("reported an attribute with neither a label nor a number".into()));
    }
    Ok(label)
}

/// The name of a tensor, made fit to be shown; may be empty.
pub(crate) fn tensor_name(bytes: &[u8]) -> Result<Arc<str>, Refused> {
    if bytes.len() > MAX_NAME_BYTES {
        return Err(invalid(format!("reported a tensor with a name of {} bytes", bytes.len())));
    }
    Ok(text::clean(bytes).into())
}
