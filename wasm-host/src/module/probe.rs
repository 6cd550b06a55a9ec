//! Asks a module for its ABI version by running it, for modules that compute the answer.

use std::time::Duration;

use wasmtime::{Linker, ResourceLimiter, Store};

use super::contract::ABI_VERSION;
use crate::{engine::engine, epoch, text};

/// Longest the module may take, its start function included.
const DEADLINE: Duration = Duration::from_secs(1);
/// Most bytes of memory beyond what it declares to need.
const GROWTH: usize = 16 << 20;
/// Most bytes of memory in all: no job has set a limit yet, and filling gigabytes takes less than the deadline.
const MOST: usize = 256 << 20;
/// Most elements of a table, and most tables.
const TABLE_ELEMENTS: usize = 100_000;
const TABLES: usize = 4;

/// Keeps a module within what it declares plus [`GROWTH`], and within [`MOST`].
#[derive(Default)]
struct Frugal {
    /// Known once the memory is made, with what the module declares.
    allowed: Option<usize>,
}

impl ResourceLimiter for Frugal {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = self.allowed.get_or_insert_with(|| desired.saturating_add(GROWTH).min(MOST));
        Ok(desired <= *allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }

    fn tables(&self) -> usize {
        TABLES
    }
}

/// Runs the module's own answer, with imports that trap. An error is a phrase for the user.
pub(super) fn abi_version(compiled: &wasmtime::Module) -> Result<i32, String> {
    ask(compiled).map_err(|error| {
        let reason = text::clean(error.root_cause().to_string().as_bytes());
        format!("does not tell its ABI version: calling `{ABI_VERSION}` failed ({reason})")
    })
}

fn ask(compiled: &wasmtime::Module) -> wasmtime::Result<i32> {
    let mut store = Store::new(engine(), Frugal::default());
    store.limiter(|frugal| frugal);
    store.set_epoch_deadline(epoch::ticks(DEADLINE));
    let mut linker = Linker::new(engine());
    linker.define_unknown_imports_as_traps(compiled)?;
    let instance = linker.instantiate(&mut store, compiled)?;
    // Reactors of some toolchains run their constructors here.
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
        initialize.call(&mut store, ())?;
    }
    instance.get_typed_func::<(), i32>(&mut store, ABI_VERSION)?.call(&mut store, ())
}
