//! From a model's bytes to a compiled model and what it says about its tensors.

use std::ptr;

use openvino_sys::{self as ov, ov_element_type_e as Type};

use super::handle::{Owned, c_string, check, failed, take_text};
use crate::{
    nn::{DType, LoadOptions, NnError, TensorInfo},
    text,
};

pub(super) type Compiled = Owned<ov::ov_compiled_model_t>;

/// The processor; other devices come with a `device` option.
const DEVICE: &std::ffi::CStr = c"CPU";

/// Compiles the model for `options.sessions` runs at a time of `options.threads` threads each.
pub(super) fn compile(
    bytes: &[u8],
    weights: Option<&[u8]>,
    options: &LoadOptions,
) -> Result<Compiled, NnError> {
    // SAFETY: the library is loaded; the core owns nothing of ours.
    let core = Owned::new(ov::ov_core_free, |place| unsafe { ov::ov_core_create(place) })?;
    for (key, value) in properties(options) {
        let (key, value) = (c_string(key)?, c_string(&value)?);
        // SAFETY: C strings that live during the call.
        check(unsafe {
            ov::ov_core_set_property(core.ptr(), DEVICE.as_ptr(), key.as_ptr(), value.as_ptr())
        })?;
    }
    let model = read(&core, bytes, weights)?;
    // SAFETY: core and model live; no properties are passed.
    Owned::new(ov::ov_compiled_model_free, |place| unsafe {
        ov::ov_core_compile_model(core.ptr(), model.ptr(), DEVICE.as_ptr(), 0, place)
    })
}

/// f32 is computed as f32: the default on processors with AMX or AVX-512-BF16 is bf16, without a word.
fn properties(options: &LoadOptions) -> [(&'static str, String); 3] {
    let (threads, sessions) = (options.threads.max(1), options.sessions.max(1));
    [
        ("INFERENCE_PRECISION_HINT", "f32".to_owned()),
        ("INFERENCE_NUM_THREADS", threads.saturating_mul(sessions).to_string()),
        ("NUM_STREAMS", sessions.to_string()),
    ]
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

/// Inputs of the model, in order.
pub(super) fn inputs(model: &Compiled) -> Result<Vec<TensorInfo>, NnError> {
    let mut count = 0;
    // SAFETY: the model lives.
    check(unsafe { ov::ov_compiled_model_inputs_size(model.ptr(), &mut count) })?;
    (0..count)
        .map(|index| {
            // SAFETY: the model lives, and `index` is one of its own.
            describe(index, "input", |place| unsafe {
                ov::ov_compiled_model_input_by_index(model.ptr(), index, place)
            })
        })
        .collect()
}

/// Outputs of the model, in order.
pub(super) fn outputs(model: &Compiled) -> Result<Vec<TensorInfo>, NnError> {
    let mut count = 0;
    // SAFETY: the model lives.
    check(unsafe { ov::ov_compiled_model_outputs_size(model.ptr(), &mut count) })?;
    (0..count)
        .map(|index| {
            // SAFETY: the model lives, and `index` is one of its own.
            describe(index, "output", |place| unsafe {
                ov::ov_compiled_model_output_by_index(model.ptr(), index, place)
            })
        })
        .collect()
}

fn describe(
    index: usize,
    what: &str,
    port: impl FnOnce(*mut *mut ov::ov_output_const_port_t) -> ov::ov_status_e,
) -> Result<TensorInfo, NnError> {
    let port = Owned::new(ov::ov_output_const_port_free, port)?;
    let mut raw = ptr::null_mut();
    // SAFETY: the port lives. A tensor without a name is no error of the model.
    let named = unsafe { ov::ov_port_get_any_name(port.ptr(), &mut raw) } == ov::ov_status_e::OK;
    let name = named.then(|| take_text(raw)).flatten().unwrap_or_else(|| format!("{what}{index}"));
    let mut kind = Type::DYNAMIC;
    // SAFETY: the port lives.
    check(unsafe { ov::ov_port_get_element_type(port.ptr(), &mut kind) })?;
    let dtype = dtype(kind).ok_or_else(|| {
        NnError::Unsupported(format!(
            "its {what} `{}` is of type {kind:?}; modules can be given f32, f16, u8, i8, i32 and i64",
            text::clean(name.as_bytes())
        ))
    })?;
    Ok(TensorInfo { name, dtype, shape: shape(&port)? })
}

fn shape(port: &Owned<ov::ov_output_const_port_t>) -> Result<Vec<Option<usize>>, NnError> {
    let unknown = ov::ov_dimension_t { min: 0, max: -1 };
    let mut shape = ov::ov_partial_shape_t { rank: unknown, dims: ptr::null_mut() };
    // SAFETY: the port lives.
    check(unsafe { ov::ov_port_get_partial_shape(port.ptr(), &mut shape) })?;
    let rank = fixed(&shape.rank).filter(|_| !shape.dims.is_null());
    let dims = match rank {
        // SAFETY: the library has put as many dimensions there as it says.
        Some(rank) => unsafe { std::slice::from_raw_parts(shape.dims, rank) }.iter().map(fixed).collect(),
        // Without a known rank: one unknown dimension, as for ONNX inputs without a shape.
        None if fixed(&shape.rank) == Some(0) => Vec::new(),
        None => vec![None],
    };
    // SAFETY: freed once, after the last use.
    unsafe { ov::ov_partial_shape_free(&mut shape) };
    Ok(dims)
}

fn fixed(dimension: &ov::ov_dimension_t) -> Option<usize> {
    (dimension.min == dimension.max).then(|| usize::try_from(dimension.min).ok()).flatten()
}

const TYPES: [(DType, Type); 6] = [
    (DType::F32, Type::F32),
    (DType::F16, Type::F16),
    (DType::U8, Type::U8),
    (DType::I8, Type::I8),
    (DType::I32, Type::I32),
    (DType::I64, Type::I64),
];

/// The library's name of a type.
pub(super) fn element_type(dtype: DType) -> Type {
    TYPES.iter().find(|(ours, _)| *ours == dtype).map_or(Type::DYNAMIC, |(_, theirs)| *theirs)
}

/// The type behind the library's name.
pub(super) fn dtype(kind: Type) -> Option<DType> {
    TYPES.iter().find(|(_, theirs)| *theirs == kind).map(|(ours, _)| *ours)
}
