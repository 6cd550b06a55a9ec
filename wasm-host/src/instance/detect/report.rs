//! What a component has found, brought into the form in which core modules report it: the caps and the checks are the
//! same. Every error continues "`detect` of frame 7 …".

use std::sync::Arc;

use edgevision_abi::{self as abi, NO_CLASS};
use wasmtime_wasi_nn::Tensor;

use super::world::{Attribute, FoundByGuest, Landmark, RawTensor, Reported};
use crate::{
    abi::shape,
    extras::{
        self,
        reported::{RawAttribute, Refused, attribute_label, attribute_name, tensor_name},
    },
    imports::dtype_of,
    instance::HostState,
};

/// The detections; what belongs to them goes into the state of the call.
pub(super) fn take(found: FoundByGuest, state: &mut HostState) -> Result<Vec<abi::Detection>, String> {
    let most = state.call.max_detections;
    if found.detections.len() > most {
        return Err(format!("reported more than {most} detections"));
    }
    let raw = found.detections.iter().map(plain).collect();
    let outcome = found.detections.into_iter().enumerate().try_for_each(|(i, one)| extras_of(i, one, state));
    let outcome =
        outcome.and_then(|()| found.tensors.into_iter().try_for_each(|one| tensor(None, one, state)));
    outcome.map(|()| raw).map_err(|refused| refused.text)
}

fn plain(d: &Reported) -> abi::Detection {
    abi::Detection { x0: d.x0, y0: d.y0, x1: d.x1, y1: d.y1, score: d.score, class_id: d.class_id }
}

fn extras_of(index: usize, detection: Reported, state: &mut HostState) -> Result<(), Refused> {
    let Reported { landmarks, attributes, tensors, .. } = detection;
    if !landmarks.is_empty() {
        claim(state, landmarks.len(), 0)?;
        state.call.extras.landmarks(index, landmarks.iter().map(landmark).collect())?;
    }
    attributes.into_iter().try_for_each(|one| attribute(index, &one, state))?;
    tensors.into_iter().try_for_each(|one| tensor(Some(index), one, state))
}

fn landmark(point: &Landmark) -> abi::Landmark {
    abi::Landmark { x: point.x, y: point.y, confidence: point.confidence.unwrap_or(f32::NAN) }
}

fn attribute(index: usize, one: &Attribute, state: &mut HostState) -> Result<(), Refused> {
    claim(state, 1, one.name.len() + one.label.len())?;
    let class_id = one.class_id.unwrap_or(NO_CLASS);
    let name = attribute_name(one.name.as_bytes())?;
    let label = attribute_label(one.label.as_bytes(), class_id)?;
    let confidence = one.confidence.unwrap_or(f32::NAN);
    state.call.extras.attribute(index, RawAttribute { name, label, class_id, confidence })
}

/// Takes the tensor from the guest: its bytes are not copied.
fn tensor(index: Option<usize>, one: RawTensor, state: &mut HostState) -> Result<(), Refused> {
    let RawTensor { name, tensor } = one;
    let components = &mut state.components;
    let taken =
        components.table.delete(tensor).map_err(|error| invalid(format!("reported a tensor: {error}")))?;
    components.desk.release(taken.data.len());
    claim(state, 1, name.len() + taken.data.len())?;
    let name = tensor_name(name.as_bytes())?;
    let tensor = checked(&name, taken)?;
    state.call.extras.tensor(index, tensor)
}

fn checked(name: &Arc<str>, tensor: Tensor) -> Result<extras::Tensor, Refused> {
    let Tensor { dimensions, ty, data } = tensor;
    let dtype = dtype_of(ty);
    let dtype =
        dtype.ok_or_else(|| invalid(format!("reported tensor `{name}` of a type that records lack")))?;
    let dims: Arc<[usize]> = dimensions.iter().map(|&dim| dim as usize).collect();
    let needed = shape::byte_len(dtype, &dims).and_then(|len| usize::try_from(len).ok());
    if needed != Some(data.len()) {
        let len = data.len();
        return Err(invalid(format!(
            "reported tensor `{name}` with {len} bytes, {dtype} {dims:?} needs others"
        )));
    }
    Ok(extras::Tensor { name: name.clone(), dtype, dims, data: data.into() })
}

fn claim(state: &mut HostState, items: usize, bytes: usize) -> Result<(), Refused> {
    state.call.extras.claim(items, bytes, state.call.max_extras)
}

fn invalid(text: String) -> Refused {
    Refused { status: abi::status::INVALID, text }
}
