//! `set_input` and `get_output`: tensors are copied, as the standard says.

use wasmtime::Caller;

use super::{
    errno::{self, Outcome},
    memory,
    table::{model, room},
};
use crate::{
    abi::{GuestMemory, Span, WasiTensor, shape},
    instance::HostState,
    nn::{self, DType, TensorView},
};

/// A tensor in host memory.
pub(super) struct Tensor {
    pub(super) dtype: DType,
    pub(super) dims: Vec<usize>,
    pub(super) bytes: AlignedBytes,
}

impl Tensor {
    pub(super) fn byte_len(&self) -> usize {
        self.bytes.len
    }

    pub(super) fn view(&self) -> TensorView<'_> {
        TensorView { dtype: self.dtype, shape: &self.dims, data: self.bytes.as_slice() }
    }
}

/// Bytes that start at a multiple of 64, as engines want their tensors.
pub(super) struct AlignedBytes {
    room: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBytes {
    const ALIGN: usize = 64;

    pub(super) fn zeroed(len: usize) -> Self {
        let room = vec![0; len + Self::ALIGN];
        let start = room.as_ptr().align_offset(Self::ALIGN).min(Self::ALIGN);
        Self { room, start, len }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.room.get(self.start..self.start + self.len).unwrap_or_default()
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.room.get_mut(self.start..self.start + self.len).unwrap_or_default()
    }
}

pub(super) fn copy_in(caller: &mut Caller<'_, HostState>, context: u32, index: u32, address: u32) -> Outcome {
    let index = index as usize;
    let found = caller.data_mut().wasi_nn.context(context)?;
    let replaced = found.inputs.get(index).ok_or(errno::INVALID_ARGUMENT)?.as_ref();
    let (graph, replaced) = (found.graph, replaced.map_or(0, Tensor::byte_len));
    let room = room(caller.data()).saturating_add(replaced);
    let tensor = read_tensor(&memory(caller)?, address, room)?;
    let model = model(caller.data_mut(), graph)?;
    let wanted = model.inputs().get(index).ok_or(errno::INVALID_ARGUMENT)?;
    nn::check_input(&tensor.view(), wanted).map_err(|_| errno::INVALID_ARGUMENT)?;
    let state = caller.data_mut();
    state.call.bytes_copied += tensor.byte_len() as u64;
    let place = state.wasi_nn.context(context)?.inputs.get_mut(index);
    *place.ok_or(errno::INVALID_ARGUMENT)? = Some(tensor);
    Ok(())
}

/// Copies a tensor of at most `room` bytes out of guest memory.
fn read_tensor(memory: &GuestMemory<'_>, address: u32, room: usize) -> Outcome<Tensor> {
    let invalid = |_| errno::INVALID_ARGUMENT;
    let raw = memory.read::<WasiTensor>(address).map_err(invalid)?;
    let dtype = dtype_of(raw.dtype & 0xff).ok_or(errno::INVALID_ARGUMENT)?;
    if raw.dims_len as usize > edgevision_abi::MAX_DIMS {
        return Err(errno::INVALID_ARGUMENT);
    }
    let dims = memory.read_many::<u32>(raw.dims_address, raw.dims_len).map_err(invalid)?;
    let dims: Vec<usize> = dims.into_iter().map(|dim| dim as usize).collect();
    if shape::byte_len(dtype, &dims) != Some(raw.data_len) {
        return Err(errno::INVALID_ARGUMENT);
    }
    let data = memory.bytes(Span::bytes(raw.data_address, raw.data_len)).map_err(invalid)?;
    if data.len() > room {
        return Err(errno::TOO_LARGE);
    }
    let mut bytes = AlignedBytes::zeroed(data.len());
    bytes.as_mut_slice().copy_from_slice(data);
    Ok(Tensor { dtype, dims, bytes })
}

/// The standard's `tensor_type`: f16, f32, f64, u8, i32, i64. No engine here takes f64.
fn dtype_of(code: u32) -> Option<DType> {
    [Some(DType::F16), Some(DType::F32), None, Some(DType::U8), Some(DType::I32), Some(DType::I64)]
        .get(code as usize)
        .copied()
        .flatten()
}

/// Room for an output, and where to say how much of it was used.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) address: u32,
    pub(super) capacity: u32,
    pub(super) written: u32,
}

pub(super) fn copy_out(
    caller: &mut Caller<'_, HostState>,
    context: u32,
    index: u32,
    place: Place,
) -> Outcome {
    // Taken out for the copy, because guest memory borrows the caller's state.
    let outputs = std::mem::take(&mut caller.data_mut().wasi_nn.context(context)?.outputs);
    let result = match outputs.get(index as usize) {
        Some(tensor) if tensor.byte_len() > place.capacity as usize => Err(errno::TOO_LARGE),
        Some(tensor) => write_output(caller, tensor.bytes.as_slice(), place),
        None => Err(errno::INVALID_ARGUMENT),
    };
    caller.data_mut().wasi_nn.context(context)?.outputs = outputs;
    result
}

/// Nothing is written unless both places are good.
fn write_output(caller: &mut Caller<'_, HostState>, bytes: &[u8], place: Place) -> Outcome {
    let invalid = |_| errno::INVALID_ARGUMENT;
    let len = u32::try_from(bytes.len()).map_err(|_| errno::TOO_LARGE)?;
    let mut memory = memory(caller)?;
    let written = Span { address: place.written, len: 4, align: 4 };
    memory.borrow(&[], &[Span::bytes(place.address, len), written]).map_err(invalid)?;
    memory.write_bytes(place.address, bytes).map_err(invalid)?;
    memory.write(place.written, &len).map_err(invalid)?;
    caller.data_mut().call.bytes_copied += u64::from(len);
    Ok(())
}
