//! `edgevision.landmarks`, `attribute` and `tensor`: what belongs to detections that were emitted in this call.
//!
//! As with `emit`, whatever is refused spoils the frame even when the guest goes on: something would be missing without
//! anybody knowing.

use edgevision_abi::{Attribute, FRAME, Landmark, MAX_LABEL_BYTES, MAX_NAME_BYTES, NnTensor, status};
use wasmtime::Caller;

use super::guest_memory;
use crate::{
    abi::{BadAddress, GuestMemory, Span, shape},
    extras::{
        Tensor,
        reported::{RawAttribute, Refused, Reported, attribute_label, attribute_name, tensor_name},
    },
    instance::HostState,
    module::Role,
};

type Guest<'a> = Caller<'a, HostState>;

/// `count` points of a detection; once for each detection.
pub(super) fn landmarks(mut caller: Guest<'_>, detection: i32, address: u32, count: u32) -> i32 {
    report(&mut caller, |caller| {
        let detection = emitted(caller, detection)?;
        claim(caller, count as usize, 0)?;
        let points = memory(caller)?.read_many::<Landmark>(address, count);
        let points = points.map_err(|error| unreadable("landmarks", address, error))?;
        reported(caller).landmarks(detection, points)
    })
}

/// One attribute of a detection.
pub(super) fn attribute(mut caller: Guest<'_>, detection: i32, address: u32) -> i32 {
    report(&mut caller, |caller| {
        let detection = emitted(caller, detection)?;
        let raw = memory(caller)?.read::<Attribute>(address);
        let raw = raw.map_err(|error| unreadable("an attribute", address, error))?;
        claim(caller, 1, raw.name_len as usize + raw.label_len as usize)?;
        let guest = memory(caller)?;
        let name = attribute_name(text(&guest, raw.name, raw.name_len, MAX_NAME_BYTES)?)?;
        let label = text(&guest, raw.label, raw.label_len, MAX_LABEL_BYTES)?;
        let label = attribute_label(label, raw.class_id)?;
        let attribute = RawAttribute { name, label, class_id: raw.class_id, confidence: raw.confidence };
        reported(caller).attribute(detection, attribute)
    })
}

/// One raw tensor of a detection, or of the frame. Its elements are copied: they outlive the call.
pub(super) fn tensor(mut caller: Guest<'_>, detection: i32, name: u32, name_len: u32, address: u32) -> i32 {
    report(&mut caller, |caller| {
        let detection = if detection == FRAME { None } else { Some(emitted(caller, detection)?) };
        let raw = memory(caller)?.read::<NnTensor>(address);
        let raw = raw.map_err(|error| unreadable("a tensor", address, error))?;
        claim(caller, 1, name_len as usize + raw.len as usize)?;
        let guest = memory(caller)?;
        let name = tensor_name(text(&guest, name, name_len, MAX_NAME_BYTES)?)?;
        let tensor = copied(&guest, &raw, &name)?;
        caller.data_mut().call.bytes_copied += u64::from(raw.len);
        reported(caller).tensor(detection, tensor)
    })
}

/// Runs a report: only while detecting, and with what is refused left for the user.
fn report(caller: &mut Guest<'_>, work: impl FnOnce(&mut Guest<'_>) -> Result<(), Refused>) -> i32 {
    if caller.data().call.role != Some(Role::Detect) {
        return status::DENIED;
    }
    match work(caller) {
        Ok(()) => status::OK,
        Err(Refused { status, text }) => {
            caller.data_mut().call.violation.get_or_insert(text);
            status
        }
    }
}

/// The number of a detection that was emitted before.
fn emitted(caller: &Guest<'_>, detection: i32) -> Result<usize, Refused> {
    let emitted = caller.data().call.reported.len();
    let known = usize::try_from(detection).ok().filter(|detection| *detection < emitted);
    known.ok_or_else(|| {
        invalid(format!("reported something of detection {detection}, but has emitted {emitted} detections"))
    })
}

fn claim(caller: &mut Guest<'_>, items: usize, bytes: usize) -> Result<(), Refused> {
    let call = &mut caller.data_mut().call;
    call.extras.claim(items, bytes, call.max_extras)
}

fn reported<'c>(caller: &'c mut Guest<'_>) -> &'c mut Reported {
    &mut caller.data_mut().call.extras
}

fn memory<'s>(caller: &'s mut Guest<'_>) -> Result<GuestMemory<'s>, Refused> {
    guest_memory(caller).ok_or_else(|| invalid("reported something without having a memory".into()))
}

/// Text of at most `most` bytes and one more, so that the caller sees that it is too long.
fn text<'m>(memory: &'m GuestMemory<'_>, address: u32, len: u32, most: usize) -> Result<&'m [u8], Refused> {
    let shown = usize::try_from(len).map_or(most + 1, |len| len.min(most + 1));
    let span = Span::bytes(address, u32::try_from(shown).unwrap_or(len));
    memory.bytes(span).map_err(|error| unreadable("a name", address, error))
}

fn copied(memory: &GuestMemory<'_>, raw: &NnTensor, name: &std::sync::Arc<str>) -> Result<Tensor, Refused> {
    let dtype = shape::dtype_of(raw.dtype);
    let dtype = dtype
        .ok_or_else(|| invalid(format!("reported tensor `{name}` of the unknown dtype {}", raw.dtype)))?;
    let dims = shape::dims_of(raw.rank, &raw.dims);
    let dims =
        dims.ok_or_else(|| invalid(format!("reported tensor `{name}` with {} dimensions", raw.rank)))?;
    if shape::byte_len(dtype, &dims) != Some(raw.len) {
        let len = raw.len;
        return Err(invalid(format!(
            "reported tensor `{name}` with {len} bytes, {dtype} {dims:?} needs others"
        )));
    }
    let span = Span { address: raw.address, len: raw.len, align: shape::align_of(dtype) };
    let bytes = memory.bytes(span).map_err(|error| unreadable("a tensor", raw.address, error))?;
    Ok(Tensor { name: name.clone(), dtype, dims: dims.into(), data: bytes.into() })
}

fn unreadable(what: &str, address: u32, error: BadAddress) -> Refused {
    invalid(format!("reported {what} at address {address:#x}, which {error}"))
}

fn invalid(text: String) -> Refused {
    Refused { status: status::INVALID, text }
}
