//! The one wasmtime engine of the process.

use std::sync::{Arc, OnceLock};

use wasmtime::{Config, Engine, InstanceAllocationStrategy};

use crate::{
    arena::{LinearMemories, install_guard},
    epoch,
};

/// The engine, made when it is first asked for. Starts the epoch ticker with it.
///
/// # Panics
///
/// If this machine cannot run compiled WebAssembly at all (the first call tells).
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        // First: wasmtime's own handler passes on to the one that was there before it.
        install_guard();
        let engine = Engine::new(&config()).expect("wasmtime supports this processor and these settings");
        epoch::start(engine.clone());
        engine
    })
}

/// Why each setting is what it is:
/// windows need memories that stay put and whose pages are ours to map (no copy-on-write images, no pool);
/// the default reservation of 4 GiB makes bounds checks free;
/// results must be the same on every processor (deterministic relaxed SIMD);
/// a module has one thread and one 32-bit memory.
fn config() -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .with_host_memory(Arc::new(LinearMemories))
        .memory_may_move(false)
        .memory_init_cow(false)
        .epoch_interruption(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .shared_memory(false);
    config
}
