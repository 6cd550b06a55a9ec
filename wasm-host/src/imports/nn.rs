//! `wasi_ephemeral_nn`: the WASI-NN core functions over our own engines.
//!
//! Signatures, error numbers and the order of tensor types are those of the standard's witx file as wasmtime has it
//! (`crates/wasi-nn/witx/wasi-nn.witx`). As the standard says, `set_input` copies and `get_output` copies; a module
//! that minds uses `edgevision.infer`. `load` is refused: models come from the host's registry, by name.

use wasmtime::Caller;

use super::{
    guest_memory, in_time,
    infer::{from_engine, timed_run, with_session},
};
use crate::{
    abi::{GuestMemory, Span, WasiTensor, shape},
    instance::{HostState, Refusal},
    nn::{DType, Model, NnError, OutputBuf, Session, TensorInfo, TensorView},
};

mod errno {
    pub(super) const SUCCESS: i32 = 0;
    pub(super) const INVALID_ARGUMENT: i32 = 1;
    pub(super) const MISSING_MEMORY: i32 = 3;
    pub(super) const BUSY: i32 = 4;
    pub(super) const RUNTIME_ERROR: i32 = 5;
    pub(super) const UNSUPPORTED_OPERATION: i32 = 6;
    pub(super) const TOO_LARGE: i32 = 7;
    pub(super) const NOT_FOUND: i32 = 8;
}

/// Most execution contexts of one instance; the standard has no way to close one.
const MAX_CONTEXTS: usize = 8;
/// The one graph that a job has.
const GRAPH: u32 = 0;
/// The name under which a module can load the job's model without knowing which it is.
const MODEL_ALIAS: &[u8] = b"model";
/// Longest model name that is looked at.
const MAX_NAME: u32 = 256;

/// The execution contexts of one instance.
#[derive(Default)]
pub(crate) struct WasiNn {
    contexts: Vec<Context>,
}

/// Inputs that were set and outputs that were computed.
#[derive(Default)]
struct Context {
    inputs: Vec<Option<Tensor>>,
    outputs: Vec<Tensor>,
}

struct Tensor {
    dtype: DType,
    dims: Vec<usize>,
    bytes: AlignedBytes,
}

impl WasiNn {
    /// Host memory that the guest has filled.
    fn byte_len(&self) -> usize {
        let of = |context: &Context| -> usize {
            let inputs = context.inputs.iter().flatten();
            inputs.chain(&context.outputs).map(|tensor| tensor.bytes.as_slice().len()).sum()
        };
        self.contexts.iter().map(of).sum()
    }
}

/// Bytes that start at a multiple of 64, as engines want their tensors.
struct AlignedBytes {
    room: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBytes {
    const ALIGN: usize = 64;

    fn zeroed(len: usize) -> Self {
        let room = vec![0; len + Self::ALIGN];
        let start = room.as_ptr().align_offset(Self::ALIGN).min(Self::ALIGN);
        Self { room, start, len }
    }

    fn as_slice(&self) -> &[u8] {
        self.room.get(self.start..self.start + self.len).unwrap_or_default()
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        self.room.get_mut(self.start..self.start + self.len).unwrap_or_default()
    }
}

type Outcome<T = ()> = Result<T, i32>;

fn code(outcome: Outcome) -> i32 {
    outcome.err().unwrap_or(errno::SUCCESS)
}

fn memory<'s>(caller: &'s mut Caller<'_, HostState>) -> Outcome<GuestMemory<'s>> {
    guest_memory(caller).ok_or(errno::MISSING_MEMORY)
}

fn put_u32(caller: &mut Caller<'_, HostState>, address: u32, value: u32) -> Outcome {
    memory(caller)?.write(address, &value).map_err(|_| errno::INVALID_ARGUMENT)
}

/// Guest-supplied model bytes are not granted.
pub(super) fn load(
    _: Caller<'_, HostState>,
    _builder: u32,
    _len: u32,
    _encoding: u32,
    _target: u32,
    _graph: u32,
) -> i32 {
    errno::UNSUPPORTED_OPERATION
}

pub(super) fn load_by_name(mut caller: Caller<'_, HostState>, name: u32, len: u32, graph: u32) -> i32 {
    code(find_model(&mut caller, name, len).and_then(|()| put_u32(&mut caller, graph, GRAPH)))
}

fn find_model(caller: &mut Caller<'_, HostState>, name: u32, len: u32) -> Outcome {
    let model = caller.data().nn.model.clone().ok_or(errno::NOT_FOUND)?;
    if len > MAX_NAME {
        return Err(errno::NOT_FOUND);
    }
    let memory = memory(caller)?;
    let asked = memory.bytes(Span::bytes(name, len)).map_err(|_| errno::INVALID_ARGUMENT)?;
    let known = asked == MODEL_ALIAS || asked == model.identity().name.as_bytes();
    if known { Ok(()) } else { Err(errno::NOT_FOUND) }
}

pub(super) fn init_execution_context(mut caller: Caller<'_, HostState>, graph: u32, context: u32) -> i32 {
    code(open_context(&mut caller, graph, context))
}

fn open_context(caller: &mut Caller<'_, HostState>, graph: u32, address: u32) -> Outcome {
    let model = caller.data().nn.model.clone().filter(|_| graph == GRAPH).ok_or(errno::INVALID_ARGUMENT)?;
    let id = caller.data().wasi_nn.contexts.len();
    if id >= MAX_CONTEXTS {
        return Err(errno::BUSY);
    }
    put_u32(caller, address, u32::try_from(id).map_err(|_| errno::BUSY)?)?;
    let inputs = model.inputs().iter().map(|_| None).collect();
    caller.data_mut().wasi_nn.contexts.push(Context { inputs, outputs: Vec::new() });
    Ok(())
}

pub(super) fn set_input(
    mut caller: Caller<'_, HostState>,
    context: u32,
    index: u32,
    tensor: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    Ok(code(copy_in(&mut caller, context as usize, index as usize, tensor)))
}

fn copy_in(caller: &mut Caller<'_, HostState>, context: usize, index: usize, address: u32) -> Outcome {
    let state = caller.data();
    let place = state.wasi_nn.contexts.get(context).and_then(|context| context.inputs.get(index));
    let replaced = place.ok_or(errno::INVALID_ARGUMENT)?.as_ref().map_or(0, |t| t.bytes.as_slice().len());
    let room = state.limiter.memory_bytes().saturating_sub(state.wasi_nn.byte_len() - replaced);
    let tensor = read_tensor(&memory(caller)?, address, room)?;
    let state = caller.data_mut();
    state.call.bytes_copied += tensor.bytes.as_slice().len() as u64;
    let place = state.wasi_nn.contexts.get_mut(context).and_then(|context| context.inputs.get_mut(index));
    *place.ok_or(errno::INVALID_ARGUMENT)? = Some(tensor);
    Ok(())
}

/// Copies a tensor of at most `room` bytes out of guest memory.
fn read_tensor(memory: &GuestMemory<'_>, address: u32, room: usize) -> Outcome<Tensor> {
    let raw = memory.read::<WasiTensor>(address).map_err(|_| errno::INVALID_ARGUMENT)?;
    let dtype = dtype_of(raw.dtype & 0xff).ok_or(errno::INVALID_ARGUMENT)?;
    if raw.dims_len as usize > edgevision_abi::MAX_DIMS {
        return Err(errno::INVALID_ARGUMENT);
    }
    let dims =
        memory.read_many::<u32>(raw.dims_address, raw.dims_len).map_err(|_| errno::INVALID_ARGUMENT)?;
    let dims: Vec<usize> = dims.into_iter().map(|dim| dim as usize).collect();
    if shape::byte_len(dtype, &dims) != Some(raw.data_len) {
        return Err(errno::INVALID_ARGUMENT);
    }
    let data =
        memory.bytes(Span::bytes(raw.data_address, raw.data_len)).map_err(|_| errno::INVALID_ARGUMENT)?;
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

pub(super) fn compute(mut caller: Caller<'_, HostState>, context: u32) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    let index = context as usize;
    // Taken out while the engine runs, because the session and the context both live in the caller's state.
    let Some(mut context) = caller.data_mut().wasi_nn.contexts.get_mut(index).map(std::mem::take) else {
        return Ok(errno::INVALID_ARGUMENT);
    };
    let result = if context.inputs.iter().any(Option::is_none) {
        Err(errno::INVALID_ARGUMENT)
    } else {
        compute_context(&mut caller, &mut context)
    };
    if let Some(place) = caller.data_mut().wasi_nn.contexts.get_mut(index) {
        *place = context;
    }
    Ok(code(result))
}

fn compute_context(caller: &mut Caller<'_, HostState>, context: &mut Context) -> Outcome {
    let state = caller.data();
    let inputs: usize = context.inputs.iter().flatten().map(|tensor| tensor.bytes.as_slice().len()).sum();
    context.outputs.clear();
    let room = state.limiter.memory_bytes().saturating_sub(state.wasi_nn.byte_len() + inputs);
    let result = with_session(caller, |caller, model, session| {
        let mut spent = std::time::Duration::ZERO;
        let outputs = run(model, session, &context.inputs, room, &mut spent);
        caller.data_mut().call.inference += spent;
        context.outputs = outputs?;
        Ok(())
    });
    result.map_err(|refusal| {
        let errno = errno_of(&refusal);
        caller.data_mut().call.refusal = Some(refusal);
        errno
    })
}

fn errno_of(refusal: &Refusal) -> i32 {
    match refusal.status {
        edgevision_abi::status::INVALID => errno::INVALID_ARGUMENT,
        edgevision_abi::status::LIMIT => errno::TOO_LARGE,
        _ => errno::RUNTIME_ERROR,
    }
}

/// Runs the model into buffers of our own, again with larger ones when a shape is known only afterwards.
fn run(
    model: &dyn Model,
    session: &mut dyn Session,
    inputs: &[Option<Tensor>],
    room: usize,
    spent: &mut std::time::Duration,
) -> Result<Vec<Tensor>, Refusal> {
    let views: Vec<TensorView<'_>> = inputs
        .iter()
        .flatten()
        .map(|tensor| TensorView { dtype: tensor.dtype, shape: &tensor.dims, data: tensor.bytes.as_slice() })
        .collect();
    let known = |info: &TensorInfo| info.byte_len().unwrap_or(0);
    let mut sizes: Vec<usize> = model.outputs().iter().map(known).collect();
    for last in [false, true] {
        if sizes.iter().sum::<usize>() > room {
            let text = format!("the outputs need {} bytes, {room} are left", sizes.iter().sum::<usize>());
            return Err(Refusal::new(edgevision_abi::status::LIMIT, text));
        }
        let mut rooms: Vec<AlignedBytes> = sizes.iter().map(|size| AlignedBytes::zeroed(*size)).collect();
        let mut buffers: Vec<OutputBuf<'_>> = rooms
            .iter_mut()
            .zip(model.outputs())
            .map(|(room, info)| OutputBuf {
                data: room.as_mut_slice(),
                dtype: info.dtype,
                shape: vec![],
                len: 0,
            })
            .collect();
        match timed_run(session, &views, &mut buffers, spent) {
            Ok(()) => {
                let written: Vec<_> = buffers.into_iter().map(|b| (b.dtype, b.shape, b.len)).collect();
                return Ok(rooms.into_iter().zip(written).map(tensor).collect());
            }
            Err(NnError::OutputTooSmall { .. }) if !last => {
                let needed: Vec<usize> = buffers.iter().map(|buffer| buffer.len).collect();
                sizes = sizes.iter().zip(needed).map(|(had, needed)| needed.max(*had)).collect();
            }
            Err(error) => return Err(from_engine(error)),
        }
    }
    Err(Refusal::new(edgevision_abi::status::ENGINE, "the engine's outputs change their size".into()))
}

fn tensor((mut bytes, (dtype, dims, len)): (AlignedBytes, (DType, Vec<usize>, usize))) -> Tensor {
    bytes.len = bytes.len.min(len);
    Tensor { dtype, dims, bytes }
}

pub(super) fn get_output(
    mut caller: Caller<'_, HostState>,
    context: u32,
    index: u32,
    address: u32,
    capacity: u32,
    written: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    Ok(code(copy_out(&mut caller, (context as usize, index as usize), (address, capacity), written)))
}

fn copy_out(
    caller: &mut Caller<'_, HostState>,
    (id, index): (usize, usize),
    (address, capacity): (u32, u32),
    written: u32,
) -> Outcome {
    // Taken out for the copy, because guest memory borrows the caller's state.
    let outputs = |caller: &mut Caller<'_, HostState>| -> Option<Vec<Tensor>> {
        Some(std::mem::take(&mut caller.data_mut().wasi_nn.contexts.get_mut(id)?.outputs))
    };
    let outputs = outputs(caller).ok_or(errno::INVALID_ARGUMENT)?;
    let result = match outputs.get(index) {
        Some(tensor) if tensor.bytes.as_slice().len() > capacity as usize => Err(errno::TOO_LARGE),
        Some(tensor) => write_output(caller, tensor.bytes.as_slice(), address, written),
        None => Err(errno::INVALID_ARGUMENT),
    };
    if let Some(context) = caller.data_mut().wasi_nn.contexts.get_mut(id) {
        context.outputs = outputs;
    }
    result
}

fn write_output(caller: &mut Caller<'_, HostState>, bytes: &[u8], address: u32, written: u32) -> Outcome {
    let len = u32::try_from(bytes.len()).map_err(|_| errno::TOO_LARGE)?;
    let mut memory = memory(caller)?;
    memory.write_bytes(address, bytes).map_err(|_| errno::INVALID_ARGUMENT)?;
    memory.write(written, &len).map_err(|_| errno::INVALID_ARGUMENT)?;
    caller.data_mut().call.bytes_copied += u64::from(len);
    Ok(())
}
