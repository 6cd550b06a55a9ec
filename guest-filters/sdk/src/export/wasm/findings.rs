//! Telling the host what was found.

use edgevision_abi::{Attribute, FRAME, status};

use super::{borrowed, host};
use crate::Findings;

/// Detections first: what belongs to them follows by their numbers.
pub(super) fn tell(found: &Findings) -> Result<(), String> {
    let detections = found.detections();
    // SAFETY: the host reads that many detections from the slice and keeps nothing.
    let code = unsafe { host::emit(detections.as_ptr(), detections.len()) };
    taken(code, || format!("{} detections", detections.len()))?;
    for (detection, number) in (0..detections.len()).zip(0..) {
        tell_landmarks(found, detection, number)?;
        tell_attributes(found, detection, number)?;
        tell_tensors(found, Some(detection), number)?;
    }
    tell_tensors(found, None, FRAME)
}

fn tell_landmarks(found: &Findings, detection: usize, number: i32) -> Result<(), String> {
    let points = found.landmarks_of(detection);
    if points.is_empty() {
        return Ok(());
    }
    // SAFETY: the host reads that many landmarks from the slice and keeps nothing.
    let code = unsafe { host::landmarks(number, points.as_ptr(), points.len()) };
    taken(code, || format!("{} landmarks of detection {detection}", points.len()))
}

fn tell_attributes(found: &Findings, detection: usize, number: i32) -> Result<(), String> {
    for attribute in found.attributes_of(detection) {
        let described = Attribute {
            name: attribute.name.as_ptr() as u32,
            name_len: attribute.name.len() as u32,
            label: attribute.label.as_ptr() as u32,
            label_len: attribute.label.len() as u32,
            class_id: attribute.class_id,
            confidence: attribute.confidence,
        };
        // SAFETY: the host reads one description and the two texts, which outlive the call, and keeps nothing.
        let code = unsafe { host::attribute(number, &described) };
        taken(code, || format!("attribute `{}` of detection {detection}", attribute.name))?;
    }
    Ok(())
}

fn tell_tensors(found: &Findings, detection: Option<usize>, number: i32) -> Result<(), String> {
    for (name, tensor) in found.tensors_of(detection) {
        let described = borrowed(&tensor);
        // SAFETY: the host copies the name and the elements, which outlive the call.
        let code = unsafe { host::tensor(number, name.as_ptr(), name.len(), &described) };
        taken(code, || format!("tensor `{name}`"))?;
    }
    Ok(())
}

fn taken(code: i32, what: impl Fn() -> String) -> Result<(), String> {
    match code {
        code if code >= 0 => Ok(()),
        status::LIMIT => Err(format!("{} in one frame are more than the host allows", what())),
        code => Err(format!("the host did not take {} (status {code})", what())),
    }
}
