//! One run over borrowed tensors: inputs are read where they lie, outputs of known size are written where they are
//! wanted.

use std::ptr;

use openvino_sys as ov;

use super::{
    handle::{Owned, check, failed},
    ports::{dtype, element_type},
};
use crate::nn::{
    DType, NnError, OutputBuf, TensorInfo, TensorView,
    tensor::{self, Deliveries},
};

pub(super) type Request = Owned<ov::ov_infer_request_t>;
type Tensor = Owned<ov::ov_tensor_t>;

/// Runs the model. Lengths, types, shapes and alignment of `inputs` have been checked, and outputs of known size have
/// room; `lent` is what [`can_be_lent`] says. The bytes of outputs that had to be copied are added to `copied`.
pub(super) fn run(
    request: &Request,
    inputs: &[TensorView<'_>],
    outputs: &mut [OutputBuf<'_>],
    lent: &[bool],
    copied: &mut u64,
) -> Result<(), NnError> {
    // The tensors only point to borrowed memory; they are held until the run is over.
    let mut held = Vec::with_capacity(inputs.len() + outputs.len());
    for (index, view) in inputs.iter().enumerate() {
        // SAFETY: the library only reads inputs, so the cast to mutable is never used.
        let tensor = unsafe { over(view.data.as_ptr().cast_mut(), view.dtype, view.shape) }?;
        // SAFETY: request and tensor live.
        check(unsafe { ov::ov_infer_request_set_input_tensor_by_index(request.ptr(), index, tensor.ptr()) })?;
        held.push(tensor);
    }
    for (index, buffer) in outputs.iter_mut().enumerate().filter(|(index, _)| lent[*index]) {
        // Known beforehand, and described.
        let room = &mut buffer.data[..buffer.len];
        // SAFETY: `room` has the bytes that type and shape need; `outputs` borrows it mutably until the run is over.
        let tensor = unsafe { over(room.as_mut_ptr(), buffer.dtype, &buffer.shape) }?;
        // SAFETY: request and tensor live.
        check(unsafe {
            ov::ov_infer_request_set_output_tensor_by_index(request.ptr(), index, tensor.ptr())
        })?;
        held.push(tensor);
    }
    // Not `infer`: OpenVINO does not cancel that (measured with 2026.4). Waiting costs no more.
    // SAFETY: all tensors that the request was given live until it is over: a request that was lent more outputs in an
    // earlier run is not used for this one.
    check(unsafe { ov::ov_infer_request_start_async(request.ptr()) })?;
    // SAFETY: the request lives. When this returns, also with an error, the run is over and touches no tensor.
    check(unsafe { ov::ov_infer_request_wait(request.ptr()) })?;
    drop(held);
    let mut deliveries = Deliveries::default();
    for (index, buffer) in outputs.iter_mut().enumerate().filter(|(index, _)| !lent[*index]) {
        deliveries.add(deliver(request, index, buffer));
    }
    deliveries.end(copied)
}

/// For each output whether this run may write it where it is wanted: its size is known, and it could not be an input
/// handed on, perhaps in another shape. The library gives such an input and output one memory, and if that is the
/// output's it reads the input from there (OpenVINO 2026.4).
pub(super) fn can_be_lent(inputs: &[TensorView<'_>], outputs: &[TensorInfo]) -> Vec<bool> {
    let handed_on =
        |info: &TensorInfo, len| inputs.iter().any(|view| view.dtype == info.dtype && view.data.len() == len);
    outputs.iter().map(|info| info.byte_len().is_some_and(|len| !handed_on(info, len))).collect()
}

/// # Safety
/// `data` is valid for as many bytes as type and shape need, for writes if the tensor becomes an output, until the
/// tensor's last run is over.
unsafe fn over(data: *mut u8, dtype: DType, shape: &[usize]) -> Result<Tensor, NnError> {
    let dims = shape.iter().map(|&dim| i64::try_from(dim)).collect::<Result<Vec<_>, _>>();
    let mut dims = dims.map_err(|_| NnError::Input("a dimension is too large".into()))?;
    let rank = i64::try_from(dims.len()).map_err(|_| NnError::Input("too many dimensions".into()))?;
    let shape = ov::ov_shape_t { rank, dims: dims.as_mut_ptr() };
    // SAFETY: the dimensions are read during the call only.
    Owned::new(ov::ov_tensor_free, |place| unsafe {
        ov::ov_tensor_create_from_host_ptr(element_type(dtype), shape, data.cast(), place)
    })
}

/// Copies an output whose size only the run has told.
fn deliver(request: &Request, index: usize, buffer: &mut OutputBuf<'_>) -> Result<u64, NnError> {
    // SAFETY: the request lives.
    let tensor = Owned::new(ov::ov_tensor_free, |place| unsafe {
        ov::ov_infer_request_get_output_tensor_by_index(request.ptr(), index, place)
    })?;
    let mut kind = ov::ov_element_type_e::DYNAMIC;
    let mut len = 0;
    let mut data = ptr::null_mut();
    // SAFETY: the tensor lives.
    check(unsafe { ov::ov_tensor_get_element_type(tensor.ptr(), &mut kind) })?;
    // SAFETY: the tensor lives.
    check(unsafe { ov::ov_tensor_get_byte_size(tensor.ptr(), &mut len) })?;
    // SAFETY: the tensor lives.
    check(unsafe { ov::ov_tensor_data(tensor.ptr(), &mut data) })?;
    let dtype = dtype(kind).ok_or_else(|| failed(&format!("output {index} is of type {kind:?}")))?;
    let shape = shape(&tensor)?;
    if tensor::byte_len(dtype, &shape) != Some(len) || (data.is_null() && len > 0) {
        return Err(failed(&format!("output {index} contradicts its shape")));
    }
    tensor::deliver(index, buffer, dtype, shape, |out| {
        if !out.is_empty() {
            // SAFETY: the tensor has `len` bytes, which is what `out` has; memory of two owners does not overlap.
            unsafe { ptr::copy_nonoverlapping(data.cast::<u8>(), out.as_mut_ptr(), out.len()) };
        }
    })
}

fn shape(tensor: &Tensor) -> Result<Vec<usize>, NnError> {
    let mut shape = ov::ov_shape_t { rank: 0, dims: ptr::null_mut() };
    // SAFETY: the tensor lives.
    check(unsafe { ov::ov_tensor_get_shape(tensor.ptr(), &mut shape) })?;
    let rank = usize::try_from(shape.rank).unwrap_or(0);
    let dims = match shape.dims.is_null() {
        true => Vec::new(),
        // SAFETY: the library has put `rank` dimensions there.
        false => unsafe { std::slice::from_raw_parts(shape.dims, rank) }.to_vec(),
    };
    // SAFETY: freed once, after the last use.
    check(unsafe { ov::ov_shape_free(&mut shape) })?;
    dims.into_iter().map(|dim| usize::try_from(dim).map_err(|_| failed("a dimension is negative"))).collect()
}
