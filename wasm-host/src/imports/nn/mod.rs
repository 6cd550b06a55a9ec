//! `wasi_ephemeral_nn`: the WASI-NN core functions over our own engines.
//!
//! Signatures, error numbers and the order of tensor types are those of the standard's witx file as wasmtime has it
//! (`crates/wasi-nn/witx/wasi-nn.witx`). As the standard says, `set_input` copies and `get_output` copies; a module
//! that minds uses `edgevision.infer`. Models come from the host's registry, by name; from bytes of the guest only if
//! the job grants it.

mod compute;
mod errno;
mod load;
mod table;
mod tensor;
#[cfg(test)]
mod tests;

use wasmtime::{Caller, Linker};

pub(crate) use table::WasiNn;

use self::{
    errno::{Outcome, code},
    load::Builders,
    tensor::Place,
};
use super::{guest_memory, in_time};
use crate::{abi::GuestMemory, instance::HostState};

/// The namespace of the WASI-NN core functions.
pub(super) const WASI_NN: &str = "wasi_ephemeral_nn";

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(WASI_NN, "load", load)?;
    linker.func_wrap(WASI_NN, "load_by_name", load_by_name)?;
    linker.func_wrap(WASI_NN, "init_execution_context", init_execution_context)?;
    linker.func_wrap(WASI_NN, "set_input", set_input)?;
    linker.func_wrap(WASI_NN, "compute", compute)?;
    linker.func_wrap(WASI_NN, "get_output", get_output)?;
    Ok(())
}

fn memory<'s>(caller: &'s mut Caller<'_, HostState>) -> Outcome<GuestMemory<'s>> {
    guest_memory(caller).ok_or(errno::MISSING_MEMORY)
}

fn put_u32(caller: &mut Caller<'_, HostState>, address: u32, value: u32) -> Outcome {
    memory(caller)?.write(address, &value).map_err(|_| errno::INVALID_ARGUMENT)
}

fn load(
    mut caller: Caller<'_, HostState>,
    address: u32,
    count: u32,
    encoding: u32,
    target: u32,
    graph: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    let builders = Builders { address, count };
    let outcome = load::from_bytes(&mut caller, builders, (encoding, target), graph);
    in_time(&caller)?;
    Ok(code(outcome))
}

fn load_by_name(mut caller: Caller<'_, HostState>, name: u32, len: u32, graph: u32) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    Ok(code(load::by_name(&mut caller, (name, len), graph)))
}

fn init_execution_context(
    mut caller: Caller<'_, HostState>,
    graph: u32,
    context: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    Ok(code(open_context(&mut caller, graph as usize, context)))
}

fn open_context(caller: &mut Caller<'_, HostState>, graph: usize, address: u32) -> Outcome {
    let model = table::model(caller.data_mut(), graph)?;
    let id = caller.data().wasi_nn.next_context()?;
    put_u32(caller, address, id)?;
    caller.data_mut().wasi_nn.add_context(graph, model.inputs().len());
    Ok(())
}

fn set_input(
    mut caller: Caller<'_, HostState>,
    context: u32,
    index: u32,
    tensor: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    Ok(code(tensor::copy_in(&mut caller, context, index, tensor)))
}

fn compute(mut caller: Caller<'_, HostState>, context: u32) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    let outcome = compute::compute(&mut caller, context);
    // A run that was stopped because the call's time is up ends the call.
    in_time(&caller)?;
    Ok(code(outcome))
}

fn get_output(
    mut caller: Caller<'_, HostState>,
    context: u32,
    index: u32,
    address: u32,
    capacity: u32,
    written: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    let place = Place { address, capacity, written };
    Ok(code(tensor::copy_out(&mut caller, context, index, place)))
}
