//! `compute`: one inference of an execution context.

use wasmtime::Caller;

use super::{
    super::infer::{Runner, from_engine, with_session},
    errno::{self, Outcome},
    table::{Context, inference, room},
    tensor::{AlignedBytes, Tensor},
};
use crate::{
    instance::{HostState, Refusal},
    nn::{DType, NnError, OutputBuf, TensorInfo, TensorView},
};

pub(super) fn compute(caller: &mut Caller<'_, HostState>, handle: u32) -> Outcome {
    // Taken out while the engine runs, because the session and the context both live in the caller's state.
    let mut context = std::mem::take(caller.data_mut().wasi_nn.context(handle)?);
    let result = match context.inputs.iter().any(Option::is_none) {
        true => Err(errno::INVALID_ARGUMENT),
        false => fill(caller, &mut context),
    };
    *caller.data_mut().wasi_nn.context(handle)? = context;
    result
}

fn fill(caller: &mut Caller<'_, HostState>, context: &mut Context) -> Outcome {
    context.outputs.clear();
    let inputs: usize = context.inputs.iter().flatten().map(Tensor::byte_len).sum();
    let room = room(caller.data()).saturating_sub(inputs);
    let graph = context.graph;
    let result = with_session(
        caller,
        |state| inference(state, graph),
        |_, runner| {
            context.outputs = outputs(runner, &context.inputs, room)?;
            Ok(())
        },
    );
    result.map_err(|refusal| {
        let errno = errno::of_refusal(&refusal);
        caller.data_mut().call.refusal = Some(refusal);
        errno
    })
}

/// Runs the model into buffers of our own, again with larger ones when a shape is known only afterwards.
fn outputs(runner: &mut Runner<'_>, inputs: &[Option<Tensor>], room: usize) -> Result<Vec<Tensor>, Refusal> {
    let views: Vec<TensorView<'_>> = inputs.iter().flatten().map(Tensor::view).collect();
    let infos = runner.model.outputs();
    let mut sizes: Vec<usize> = infos.iter().map(|info| info.byte_len().unwrap_or(0)).collect();
    for last in [false, true] {
        check_room(&sizes, room)?;
        let mut rooms: Vec<AlignedBytes> = sizes.iter().map(|size| AlignedBytes::zeroed(*size)).collect();
        let mut buffers = buffers(&mut rooms, infos);
        match runner.run(&views, &mut buffers) {
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

fn check_room(sizes: &[usize], room: usize) -> Result<(), Refusal> {
    let needed = sizes.iter().fold(0, |sum: usize, size| sum.saturating_add(*size));
    if needed > room {
        let text = format!("the outputs need {needed} bytes, {room} are left");
        return Err(Refusal::new(edgevision_abi::status::LIMIT, text));
    }
    Ok(())
}

fn buffers<'r>(rooms: &'r mut [AlignedBytes], infos: &[TensorInfo]) -> Vec<OutputBuf<'r>> {
    let buffer = |(room, info): (&'r mut AlignedBytes, &TensorInfo)| OutputBuf {
        data: room.as_mut_slice(),
        dtype: info.dtype,
        shape: Vec::new(),
        len: 0,
    };
    rooms.iter_mut().zip(infos).map(buffer).collect()
}

fn tensor((mut bytes, (dtype, dims, len)): (AlignedBytes, (DType, Vec<usize>, usize))) -> Tensor {
    bytes.truncate(len);
    Tensor { dtype, dims, bytes }
}
