//! `edgevision.infer`: one inference on borrowed tensors. The engine reads inputs where they lie (guest memory or the
//! tensor window) and writes outputs straight into guest memory; what an engine copies nevertheless it counts.

use std::time::{Duration, Instant};

use edgevision_abi::{NnTensor, status};
use wasmtime::Caller;

use super::{guest_memory, in_time};
use crate::{
    abi::{BadAddress, GuestMemory, Span, shape},
    instance::{HostState, Inference, Refusal},
    nn::{self, DType, Model, NnError, OutputBuf, Session, TensorView},
};

/// Most tensors of one call, inputs and outputs counted apart.
const MAX_TENSORS: u32 = 64;

/// The length of an output before a session has said what it is.
const UNTOLD: usize = usize::MAX;

/// Where the guest's descriptors are.
#[derive(Clone, Copy)]
struct Tables {
    inputs: u32,
    n_inputs: u32,
    outputs: u32,
    n_outputs: u32,
}

pub(super) fn infer(
    mut caller: Caller<'_, HostState>,
    inputs: u32,
    n_inputs: u32,
    outputs: u32,
    n_outputs: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    let tables = Tables { inputs, n_inputs, outputs, n_outputs };
    let result = with_session(
        &mut caller,
        |state| Some(&mut state.nn),
        |caller, runner| in_place(caller, runner, tables),
    );
    // A run that was stopped because the call's time is up ends the call.
    in_time(&caller)?;
    Ok(match result {
        Ok(()) => status::OK,
        Err(refusal) => {
            let code = refusal.status;
            caller.data_mut().call.refusal = Some(refusal);
            code
        }
    })
}

/// A model, a session of it, and how long they may run.
pub(super) struct Runner<'a> {
    pub(super) model: &'a dyn Model,
    session: &'a mut dyn Session,
    deadline: Option<Instant>,
    /// Time that runs have taken.
    spent: Duration,
}

impl Runner<'_> {
    /// Runs the engine and adds the time to the call's. A run that the engine can stop ends with the call's time.
    pub(super) fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        outputs: &mut [OutputBuf<'_>],
    ) -> Result<(), NnError> {
        let start = Instant::now();
        let result = nn::run_until(self.deadline, self.session, inputs, outputs);
        self.spent += start.elapsed();
        result
    }
}

/// Runs `work` with the model and session at `place`. A session that panicked is not used again.
pub(super) fn with_session(
    caller: &mut Caller<'_, HostState>,
    place: impl Fn(&mut HostState) -> Option<&mut Inference>,
    work: impl FnOnce(&mut Caller<'_, HostState>, &mut Runner<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let none = || Refusal::new(status::DENIED, "this job has no model".into());
    let inference = place(caller.data_mut()).ok_or_else(none)?;
    let model = inference.model.clone().ok_or_else(none)?;
    let mut session = inference.take_session()?;
    let deadline = caller.data().call.ends();
    let mut runner = Runner { model: &*model, session: &mut *session, deadline, spent: Duration::ZERO };
    let work = std::panic::AssertUnwindSafe(|| work(caller, &mut runner));
    let result = std::panic::catch_unwind(work);
    caller.data_mut().call.inference += runner.spent;
    match result {
        Ok(result) => {
            caller.data_mut().call.bytes_copied += session.take_bytes_copied();
            if let Some(inference) = place(caller.data_mut()) {
                inference.session = Some(session);
            }
            result
        }
        Err(_) => Err(Refusal::new(status::ENGINE, "the inference engine panicked".into())),
    }
}

fn in_place(
    caller: &mut Caller<'_, HostState>,
    runner: &mut Runner<'_>,
    tables: Tables,
) -> Result<(), Refusal> {
    let mut memory = guest_memory(caller).ok_or_else(|| invalid("the module has no memory".into()))?;
    run(&mut memory, runner, tables)
}

fn run(memory: &mut GuestMemory<'_>, runner: &mut Runner<'_>, tables: Tables) -> Result<(), Refusal> {
    check_counts(runner.model, tables)?;
    let inputs = read_table(memory, "input", tables.inputs, tables.n_inputs)?;
    let mut outputs = read_table(memory, "output", tables.outputs, tables.n_outputs)?;
    if !fits(runner.model, &mut outputs) {
        write_table(memory, tables.outputs, &outputs)?;
        return Err(Refusal::new(
            status::TOO_SMALL,
            "an output buffer is smaller than the model's output".into(),
        ));
    }
    let result = borrow_and_run(memory, runner, &inputs, &mut outputs, tables);
    match result {
        Ok(()) => write_table(memory, tables.outputs, &outputs),
        Err(refusal) => {
            // The sizes that are needed, for a guest that asks again with more room.
            if refusal.status == status::TOO_SMALL {
                write_table(memory, tables.outputs, &outputs)?;
            }
            Err(refusal)
        }
    }
}

fn check_counts(model: &dyn Model, tables: Tables) -> Result<(), Refusal> {
    let (wanted, most) = (model.inputs().len(), model.outputs().len());
    let Tables { n_inputs, n_outputs, .. } = tables;
    if n_inputs > MAX_TENSORS || n_outputs > MAX_TENSORS {
        return Err(invalid(format!(
            "{n_inputs} inputs and {n_outputs} outputs, at most {MAX_TENSORS} are allowed"
        )));
    }
    if n_inputs as usize != wanted || n_outputs as usize > most || n_outputs == 0 {
        return Err(invalid(format!(
            "{n_inputs} inputs and {n_outputs} outputs, the model has {wanted} and {most}"
        )));
    }
    Ok(())
}

fn read_table(memory: &GuestMemory<'_>, what: &str, address: u32, n: u32) -> Result<Vec<NnTensor>, Refusal> {
    memory
        .read_many(address, n)
        .map_err(|error| invalid(format!("the table of {what}s at {address:#x} {error}")))
}

fn write_table(memory: &mut GuestMemory<'_>, address: u32, table: &[NnTensor]) -> Result<(), Refusal> {
    let size = size_of::<NnTensor>();
    for (i, tensor) in table.iter().enumerate() {
        let at = u32::try_from(i * size).ok().and_then(|offset| address.checked_add(offset));
        let at = at.ok_or_else(|| bad("the table of outputs", BadAddress::OutOfBounds))?;
        memory.write(at, tensor).map_err(|error| bad("the table of outputs", error))?;
    }
    Ok(())
}

/// Compares the room with outputs whose size is known beforehand, so that no inference is wasted on finding out.
fn fits(model: &dyn Model, outputs: &mut [NnTensor]) -> bool {
    let mut all = true;
    for (tensor, info) in outputs.iter_mut().zip(model.outputs()) {
        let Some(needed) = info.byte_len().and_then(|len| u32::try_from(len).ok()) else { continue };
        tensor.len = needed;
        let dims: Vec<usize> = info.shape.iter().copied().flatten().collect();
        set_shape(tensor, info.dtype, &dims);
        all &= needed <= tensor.capacity;
    }
    all
}

/// False when the shape has more dimensions than the ABI can say.
fn set_shape(tensor: &mut NnTensor, dtype: DType, dims: &[usize]) -> bool {
    let Ok(rank) = u32::try_from(dims.len()) else { return false };
    if dims.len() > tensor.dims.len() {
        return false;
    }
    tensor.dtype = dtype as u32;
    tensor.rank = rank;
    tensor.dims = Default::default();
    for (slot, dim) in tensor.dims.iter_mut().zip(dims) {
        let Ok(dim) = u32::try_from(*dim) else { return false };
        *slot = dim;
    }
    true
}

fn borrow_and_run(
    memory: &mut GuestMemory<'_>,
    runner: &mut Runner<'_>,
    inputs: &[NnTensor],
    outputs: &mut [NnTensor],
    tables: Tables,
) -> Result<(), Refusal> {
    let infos = runner.model.outputs();
    let kinds = inputs.iter().enumerate().map(|(i, tensor)| input_kind(i, tensor));
    let kinds = kinds.collect::<Result<Vec<_>, Refusal>>()?;
    let mut reads: Vec<Span> =
        inputs.iter().zip(&kinds).map(|(tensor, kind)| span_of_input(tensor, kind.0)).collect();
    // Lent like an input, so that no output may overlap the table that describes it.
    reads.push(table_span(tables.outputs, tables.n_outputs));
    let writes: Vec<Span> =
        outputs.iter().zip(infos).map(|(t, info)| span_of_output(t, info.dtype)).collect();
    let (lent_inputs, lent_outputs) =
        memory.borrow(&reads, &writes).map_err(|error| bad("a tensor", error))?;
    let views: Vec<TensorView<'_>> = kinds
        .iter()
        .zip(lent_inputs)
        .map(|((dtype, dims), data)| TensorView { dtype: *dtype, shape: dims, data })
        .collect();
    let mut buffers: Vec<OutputBuf<'_>> = lent_outputs
        .into_iter()
        .zip(infos)
        .map(|(data, info)| OutputBuf { data, dtype: info.dtype, shape: Vec::new(), len: UNTOLD })
        .collect();
    let result = runner.run(&views, &mut buffers);
    if matches!(result, Ok(()) | Err(NnError::OutputTooSmall { .. })) {
        describe(&buffers, outputs)?;
    }
    result.map_err(from_engine)
}

fn input_kind(index: usize, tensor: &NnTensor) -> Result<(DType, Vec<usize>), Refusal> {
    let dtype = shape::dtype_of(tensor.dtype);
    let dtype =
        dtype.ok_or_else(|| invalid(format!("input {index} has the unknown dtype {}", tensor.dtype)))?;
    let dims = shape::dims_of(tensor.rank, &tensor.dims);
    let dims = dims.ok_or_else(|| invalid(format!("input {index} has {} dimensions", tensor.rank)))?;
    let needed = shape::byte_len(dtype, &dims);
    if needed != Some(tensor.len) {
        return Err(invalid(format!(
            "input {index} has {} bytes, {dtype:?} {dims:?} needs others",
            tensor.len
        )));
    }
    Ok((dtype, dims))
}

fn span_of_input(tensor: &NnTensor, dtype: DType) -> Span {
    Span { address: tensor.address, len: tensor.len, align: shape::align_of(dtype) }
}

fn span_of_output(tensor: &NnTensor, dtype: DType) -> Span {
    Span { address: tensor.address, len: tensor.capacity, align: shape::align_of(dtype) }
}

fn table_span(address: u32, n: u32) -> Span {
    // `read_table` has checked it; a span that were too long would only be refused.
    Span::bytes(address, u32::try_from(size_of::<NnTensor>()).unwrap_or(u32::MAX).saturating_mul(n))
}

/// Says in the guest's descriptors what the session wrote, or needs.
fn describe(buffers: &[OutputBuf<'_>], outputs: &mut [NnTensor]) -> Result<(), Refusal> {
    for (i, (buffer, tensor)) in buffers.iter().zip(outputs).enumerate() {
        // An output that an error kept from being looked at has no size; what is known beforehand stands.
        if buffer.len == UNTOLD {
            continue;
        }
        let len = u32::try_from(buffer.len).ok();
        let len = len.ok_or_else(|| engine_error(format!("output {i} has {} bytes", buffer.len)))?;
        tensor.len = len;
        if !set_shape(tensor, buffer.dtype, &buffer.shape) {
            return Err(engine_error(format!("output {i} has the shape {:?}", buffer.shape)));
        }
    }
    Ok(())
}

/// What an error of the engine is to the guest.
pub(super) fn from_engine(error: NnError) -> Refusal {
    let code = match &error {
        NnError::Input(_) => status::INVALID,
        NnError::OutputTooSmall { .. } => status::TOO_SMALL,
        _ => status::ENGINE,
    };
    Refusal::new(code, error.to_string())
}

fn engine_error(text: String) -> Refusal {
    Refusal::new(status::ENGINE, format!("the engine's {text}"))
}

fn invalid(text: String) -> Refusal {
    Refusal::new(status::INVALID, text)
}

fn bad(what: &str, error: BadAddress) -> Refusal {
    invalid(format!("{what} {error}"))
}
