//! Asks a module for its ABI version by running it, for modules that compute the answer.

use std::time::Duration;

use wasmtime::{Linker, ResourceLimiter, Store};

use super::contract::ABI_VERSION;
use crate::{engine::engine, epoch};

/// Longest the module may take, its start function included.
const DEADLINE: Duration = Duration::from_secs(1);
/// Most bytes of memory beyond what it declares to need.
const GROWTH: usize = 16 << 20;
/// Most elements of its tables.
const TABLE_ELEMENTS: usize = 1 << 20;

/// Keeps a module within what it declares plus [`GROWTH`].
#[derive(Default)]
struct Frugal {
    allowed: usize,
}

impl ResourceLimiter for Frugal {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if current == 0 {
            self.allowed = desired.saturating_add(GROWTH);
        }
        Ok(desired <= self.allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

/// Runs the module's own answer, with imports that trap. An error is a phrase for the user.
pub(super) fn abi_version(compiled: &wasmtime::Module) -> Result<i32, String> {
    ask(compiled).map_err(|error| {
        let reason = error.root_cause();
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
