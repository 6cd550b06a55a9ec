//! One instance of a Wasm model: a store of its own, nothing imported, limits, the deadline of the call it runs in.

use std::time::{Duration, Instant};

use wasmtime::{InstancePre, Memory, Store, Trap, TypedFunc, UpdateDeadline};

use super::NAME;
use crate::{
    engine::engine,
    epoch,
    instance::{Limiter, describe_trap},
    nn::NnError,
};

/// The C signature `int infer_model(const float *input, size_t input_len, float *output, size_t output_len)`.
type InferModel = TypedFunc<(u32, u32, u32, u32), i32>;
/// The model's own allocator: `(size, align)`, or C's `malloc`.
const ALLOCATORS: [&str; 2] = ["edgevision_alloc", "malloc"];
/// Alignment of both blocks of floats; SIMD code likes it.
const ALIGNMENT: u32 = 16;
/// Longest start; language runtimes start in there.
const START: Duration = Duration::from_secs(2);
/// Longest run when nobody has set a deadline.
const LONGEST: Duration = Duration::from_secs(60);
const PAGE: u64 = 65536;

/// The store's data.
struct State {
    limiter: Limiter,
    ends: Instant,
}

/// A model that runs. After an error it is to be thrown away.
pub(super) struct Instance {
    store: Store<State>,
    memory: Memory,
    infer: InferModel,
    input: Block,
    output: Block,
}

/// Floats in the model's memory.
#[derive(Clone, Copy)]
struct Block {
    address: u32,
    floats: u32,
}

impl Instance {
    /// `inputs` and `outputs` are numbers of floats.
    pub fn start(
        linked: &InstancePre<()>,
        memory_bytes: usize,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, NnError> {
        let state = State { limiter: Limiter::new(memory_bytes), ends: Instant::now() };
        let mut store = Store::new(engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.epoch_deadline_callback(|context| {
            if Instant::now() > context.data().ends {
                Err(Trap::Interrupt.into())
            } else {
                Ok(UpdateDeadline::Continue(1))
            }
        });
        begin(&mut store, START);
        let started = wasmtime::Instance::new(&mut store, linked.module(), &[]);
        let exports = started.map_err(|error| failed(&store, "its start", &error))?;
        if let Ok(reactor) = exports.get_typed_func::<(), ()>(&mut store, "_initialize") {
            reactor.call(&mut store, ()).map_err(|error| failed(&store, "`_initialize`", &error))?;
        }
        let memory = exports.get_memory(&mut store, "memory");
        let memory =
            memory.ok_or_else(|| NnError::Format("this WebAssembly model exports no `memory`".into()))?;
        let infer = exports.get_typed_func(&mut store, "infer_model").map_err(|_| {
            NnError::Format(
                "this WebAssembly module is no model: it does not export `infer_model(i32, i32, i32, i32) -> i32`".into(),
            )
        })?;
        let mut place = |floats| place(&mut store, &exports, memory, floats);
        let (input, output) = (place(inputs)?, place(outputs)?);
        Ok(Self { store, memory, infer, input, output })
    }

    /// Runs the model: `inputs` one after another in, the outputs' floats out.
    pub fn run(&mut self, inputs: &[&[u8]]) -> Result<&[u8], NnError> {
        let mut at = self.input.address as usize;
        for input in inputs {
            self.memory.data_mut(&mut self.store)[at..at + input.len()].copy_from_slice(input);
            at += input.len();
        }
        let Self { input, output, .. } = *self;
        begin(&mut self.store, LONGEST);
        let answer =
            self.infer.call(&mut self.store, (input.address, input.floats, output.address, output.floats));
        match answer {
            Ok(0) => Ok(&self.memory.data(&self.store)[output.range()]),
            Ok(code) => Err(NnError::Engine(format!("the model's `infer_model` returned the error {code}"))),
            Err(error) => Err(failed(&self.store, "the model's `infer_model`", &error)),
        }
    }
}

impl Block {
    fn range(self) -> std::ops::Range<usize> {
        let start = self.address as usize;
        start..start + self.floats as usize * 4
    }
}

fn begin(store: &mut Store<State>, longest: Duration) {
    let latest = Instant::now() + longest;
    // The model runs inside a module's call, which has a deadline.
    store.data_mut().ends = epoch::call_ends().map_or(latest, |end| end.min(latest));
    // Also keeps the ticker awake; the callback looks at each of its ticks.
    epoch::ticks(longest);
    store.set_epoch_deadline(1);
}

/// Room for floats, from the model's allocator, or behind its memory if it has none.
fn place(
    store: &mut Store<State>,
    exports: &wasmtime::Instance,
    memory: Memory,
    floats: usize,
) -> Result<Block, NnError> {
    let no_room = || NnError::Engine(format!("the model has no room for {floats} floats"));
    let bytes = floats.checked_mul(4).and_then(|bytes| u32::try_from(bytes).ok()).ok_or_else(no_room)?;
    let address = match allocate(store, exports, bytes) {
        Some(address) => address.map_err(|error| failed(store, "its allocator", &error))?,
        None => {
            let end = memory.data_size(&*store);
            memory
                .grow(&mut *store, u64::from(bytes).div_ceil(PAGE))
                .map_err(|error| failed(store, "its memory", &error))?;
            u32::try_from(end).map_err(|_| no_room())?
        }
    };
    let block = Block { address, floats: u32::try_from(floats).map_err(|_| no_room())? };
    let fits = address != 0 && address.is_multiple_of(4) && block.range().end <= memory.data_size(&*store);
    if fits { Ok(block) } else { Err(no_room()) }
}

/// `None` without an allocator.
fn allocate(
    store: &mut Store<State>,
    exports: &wasmtime::Instance,
    bytes: u32,
) -> Option<wasmtime::Result<u32>> {
    let [ours, malloc] = ALLOCATORS;
    if let Ok(allocate) = exports.get_typed_func::<(u32, u32), u32>(&mut *store, ours) {
        return Some(allocate.call(store, (bytes, ALIGNMENT)));
    }
    let malloc = exports.get_typed_func::<u32, u32>(&mut *store, malloc).ok()?;
    Some(malloc.call(store, bytes))
}

fn failed(store: &Store<State>, what: &str, error: &wasmtime::Error) -> NnError {
    let limiter = &store.data().limiter;
    let asked = limiter.refused().map(|bytes| {
        format!("; it had asked for {bytes} bytes of memory, the limit is {}", limiter.memory_bytes())
    });
    let why = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => "did not finish in time".to_owned(),
        _ => format!("failed: {}", describe_trap(error)),
    };
    NnError::Engine(format!("the engine {NAME}: {what} {why}{}", asked.unwrap_or_default()))
}
