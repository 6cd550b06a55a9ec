//! What a compiled model says about its inputs and outputs.

use std::ptr;

use openvino_sys::{self as ov, ov_element_type_e as Type};

use super::{
    compile::Compiled,
    handle::{Owned, check, take_text},
};
use crate::{
    nn::{DType, NnError, TensorInfo},
    text,
};

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
