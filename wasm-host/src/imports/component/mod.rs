//! What a component may ask of the host: the log, and `wasi:nn` over our engines. This list is the capability list.
//!
//! `wasi:nn` is served by the crate `wasmtime-wasi-nn` through its traits for custom backends ([`model`]). Its glue
//! has no limits of its own, so that ours stand around it:
//! tensors are made and dropped by functions of our own ([`tensor`]), which know how many bytes the host holds;
//! tables have a capacity ([`MAX_RESOURCES`]); what one call passes in is limited by the store's hostcall fuel (the
//! memory limit); and every other call passes [`view`], which ends a guest that is late or asks for what it was
//! refused again and again (each refusal is a line in the log).

mod log;
mod model;
mod tensor;

use std::sync::{Arc, OnceLock};

use wasmtime::{Trap, component::Linker, component::ResourceTable};
use wasmtime_wasi_nn::{
    Registry,
    wit::{WasiNnCtx, WasiNnView},
};

pub(crate) use model::{Desk, dtype_of, type_of};

use crate::{engine::engine, instance::HostState, module, nn::Model, nn::Session};

/// Most tensors, graphs, contexts and errors that a component may hold at the same time.
const MAX_RESOURCES: usize = 256;
/// What the host keeps for a component.
pub(crate) struct Components {
    /// The model and what it has cost.
    pub(crate) desk: Arc<Desk>,
    pub(crate) table: ResourceTable,
    nn: WasiNnCtx,
    /// Without room and without models: what a call gets to see that has to end.
    spent: (ResourceTable, WasiNnCtx),
}

impl Components {
    /// For an instance with this model; tensors may take up `room` bytes.
    pub(crate) fn new(model: Option<Arc<dyn Model>>, session: Option<Box<dyn Session>>, room: usize) -> Self {
        let desk = Arc::new(Desk::new(model, session, room));
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut full = ResourceTable::new();
        full.set_max_capacity(0);
        let nothing = WasiNnCtx::new([], Registry::from(model::Shelf::empty()));
        let nn = WasiNnCtx::new(model::backends(&desk), Registry::from(model::Shelf::new(&desk)));
        Self { desk, table, nn, spent: (full, nothing) }
    }
}

/// The host functions, linked once for the process.
pub(crate) fn linker() -> Result<&'static Linker<HostState>, String> {
    static LINKER: OnceLock<Result<Linker<HostState>, String>> = OnceLock::new();
    let linked =
        LINKER.get_or_init(|| link().map_err(|error| format!("linking the host functions: {error:#}")));
    linked.as_ref().map_err(Clone::clone)
}

fn link() -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine());
    wasmtime_wasi_nn::wit::add_to_linker(&mut linker, view)?;
    linker.allow_shadowing(true);
    tensor::link(&mut linker.instance(module::TENSOR)?)?;
    linker.allow_shadowing(false);
    linker.instance(module::LOG)?.func_wrap("log", log::log)?;
    Ok(linker)
}

/// What the crate's functions work on. It cannot say no, but it can show a table on which every function fails.
fn view(state: &mut HostState) -> WasiNnView<'_> {
    let late = state.call.is_late();
    let Components { desk, table, nn, spent } = &mut state.components;
    if late || desk.is_abused() {
        return WasiNnView::new(&mut spent.0, &mut spent.1);
    }
    WasiNnView::new(table, nn)
}

/// Ends a call whose time is up; see the functions of core modules.
fn in_time(state: &HostState) -> wasmtime::Result<()> {
    if state.call.is_late() { Err(Trap::Interrupt.into()) } else { Ok(()) }
}
