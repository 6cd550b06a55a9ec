//! From a model's bytes to a compiled model.

use std::ptr;

use openvino_sys::{self as ov, ov_element_type_e as Type};

use super::{
    handle::{Owned, check, failed, words_of},
    settings,
};
use crate::nn::{LoadOptions, NnError};

pub(super) type Compiled = Owned<ov::ov_compiled_model_t>;

/// Compiles the model for `options.sessions` runs at a time of `options.threads` threads each.
pub(super) fn compile(
    bytes: &[u8],
    weights: Option<&[u8]>,
    options: &LoadOptions,
) -> Result<Compiled, NnError> {
    // SAFETY: the library is loaded; the core owns nothing of ours.
    let core = Owned::new(ov::ov_core_free, |place| unsafe { ov::ov_core_create(place) })?;
    let device = settings::apply(&core, options)?;
    let model = read(&core, bytes, weights).map_err(|error| unloadable(&error))?;
    // SAFETY: core and model live; no properties are passed.
    let compiled = Owned::new(ov::ov_compiled_model_free, |place| unsafe {
        ov::ov_core_compile_model(core.ptr(), model.ptr(), device.as_ptr(), 0, place)
    });
    let compiled = compiled.map_err(|error| settings::explain(&core, options, unloadable(&error)))?;
    settings::check_precision(&compiled, options)?;
    Ok(compiled)
}

fn unloadable(error: &NnError) -> NnError {
    NnError::Unsupported(format!("the engine {} cannot load the model: {}", super::NAME, words_of(error)))
}

fn read(
    core: &Owned<ov::ov_core_t>,
    bytes: &[u8],
    weights: Option<&[u8]>,
) -> Result<Owned<ov::ov_model_t>, NnError> {
    let weights = weights.map(weights_tensor).transpose()?;
    let tensor = weights.as_ref().map_or(ptr::null(), |tensor| tensor.ptr().cast_const());
    // SAFETY: pointer and length of the model belong together; the model shares the weights' tensor by counting.
    Owned::new(ov::ov_model_free, |place| unsafe {
        ov::ov_core_read_model_from_memory_buffer(
            core.ptr(),
            bytes.as_ptr().cast(),
            bytes.len(),
            tensor,
            place,
        )
    })
}

/// The library's own memory, because models share it for as long as they live.
fn weights_tensor(weights: &[u8]) -> Result<Owned<ov::ov_tensor_t>, NnError> {
    let len = i64::try_from(weights.len()).map_err(|_| failed("the weights are too large"))?;
    let mut dims = [len];
    let shape = ov::ov_shape_t { rank: 1, dims: dims.as_mut_ptr() };
    // SAFETY: the shape's one dimension is read during the call only.
    let tensor =
        Owned::new(ov::ov_tensor_free, |place| unsafe { ov::ov_tensor_create(Type::U8, shape, place) })?;
    let mut data = ptr::null_mut();
    // SAFETY: the tensor lives.
    check(unsafe { ov::ov_tensor_data(tensor.ptr(), &mut data) })?;
    if data.is_null() && !weights.is_empty() {
        return Err(failed("it gave no memory for the weights"));
    }
    // SAFETY: the tensor has exactly `weights.len()` bytes, and it is new, so nothing overlaps.
    unsafe { ptr::copy_nonoverlapping(weights.as_ptr(), data.cast::<u8>(), weights.len()) };
    Ok(tensor)
}
