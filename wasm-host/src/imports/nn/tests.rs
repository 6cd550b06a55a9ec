//! Random arguments to every function: nothing panics, and nothing is written but what was asked for.

use std::{ops::Range, sync::Arc};

use proptest::prelude::*;
use wasmtime::{Instance, Memory, Store, TypedFunc};

use super::{super::linker, errno};
use crate::{
    engine::engine,
    instance::{Blueprint, HostState, StageSetup},
    job::{Grants, Limits},
    module::Module,
    nn::{
        Model,
        fake::{FakeModel, FakeTensor},
    },
};

const GUEST: &str = r#"(module
  (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "load_by_name" (func $load_by_name (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context" (func $context (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set_input (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output" (func $get_output (param i32 i32 i32 i32 i32) (result i32)))
  MEMORY
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 64))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "detect") (param i32) (result i32) (i32.const 0))
  (func (export "call") (param $f i32) (param $a i32) (param $b i32) (param $c i32) (param $d i32) (param $e i32)
      (result i32)
    (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 (local.get $f)))
      (return (call $load (local.get $a) (local.get $b) (local.get $c) (local.get $d) (local.get $e))))
      (return (call $load_by_name (local.get $a) (local.get $b) (local.get $c))))
      (return (call $context (local.get $a) (local.get $b))))
      (return (call $set_input (local.get $a) (local.get $b) (local.get $c))))
      (return (call $compute (local.get $a))))
    (call $get_output (local.get $a) (local.get $b) (local.get $c) (local.get $d) (local.get $e))))"#;

type Arguments = [u32; 5];

struct Guest {
    store: Store<HostState>,
    memory: Option<Memory>,
    call: TypedFunc<(u32, u32, u32, u32, u32, u32), u32>,
}

impl Guest {
    fn new(memory: &str) -> Self {
        let with_memory = wat::parse_str(GUEST.replace("MEMORY", r#"(memory (export "memory") 1)"#)).unwrap();
        let module = Module::from_bytes("random", &with_memory).unwrap();
        let answer = vec![FakeTensor::f32([1, 4], [1.0, 2.0, 3.0, 4.0])];
        let model: Arc<dyn Model> = Arc::new(FakeModel::new([("x", [1, 4])], answer));
        let limits =
            Limits { grants: Grants { load_model: true }, memory_bytes: 1 << 20, ..Limits::default() };
        let setup =
            StageSetup { module: &module, camera: "", params: Arc::from([]), limits, model: Some(model) };
        let blueprint = Blueprint::new(setup).unwrap();
        let mut store = Store::new(engine(), HostState::new(&blueprint, None));
        store.set_epoch_deadline(u64::MAX / 4);
        let compiled =
            wasmtime::Module::new(engine(), wat::parse_str(GUEST.replace("MEMORY", memory)).unwrap());
        let instance: Instance = linker().unwrap().instantiate(&mut store, &compiled.unwrap()).unwrap();
        let memory = instance.get_memory(&mut store, "memory");
        let call = instance.get_typed_func(&mut store, "call").unwrap();
        Self { store, memory, call }
    }

    fn call(&mut self, function: u32, [a, b, c, d, e]: Arguments) -> u32 {
        self.call.call(&mut self.store, (function, a, b, c, d, e)).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        self.memory.unwrap().data(&self.store).to_vec()
    }

    fn write(&mut self, address: usize, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.memory.unwrap().write(&mut self.store, address, &bytes).unwrap();
    }

    /// A name, a tensor, a table of builders, and the first graph and context.
    fn furnished() -> Self {
        let mut guest = Self::new(r#"(memory (export "memory") 1)"#);
        guest.memory.unwrap().write(&mut guest.store, 512, b"model").unwrap();
        guest.write(1024, &[1056, 2, 1, 1088, 16]);
        guest.write(1056, &[1, 4]);
        guest.write(2048, &[512, 100]);
        assert_eq!(guest.call(1, [512, 5, 600, 0, 0]), 0);
        assert_eq!(guest.call(2, [0, 604, 0, 0, 0]), 0);
        guest
    }
}

/// Where a call that succeeds may write.
fn allowed(function: u32, [_, b, c, d, e]: Arguments) -> [Range<u64>; 2] {
    let word = |address: u32| u64::from(address)..u64::from(address) + 4;
    let nothing = 0..0;
    match function {
        0 => [word(e), nothing],
        1 => [word(c), nothing],
        2 => [word(b), nothing],
        5 => [u64::from(c)..u64::from(c) + u64::from(d).min(16), word(e)],
        _ => [nothing.clone(), nothing],
    }
}

/// Numbers that hit what is there, and the edges.
fn argument() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => Just(0),
        3 => 0..9_u32,
        4 => prop::sample::select(vec![512, 600, 604, 1024, 1056, 1088, 2048, 3072, 16, 5]),
        2 => 0..70_000_u32,
        1 => prop::sample::select(vec![65_535, 65_536, 65_532, 0x8000_0000, u32::MAX, u32::MAX - 3]),
        1 => any::<u32>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn only_what_was_asked_for_is_written(
        calls in prop::collection::vec((0..6_u32, prop::array::uniform5(argument())), 1..24),
    ) {
        let mut guest = Guest::furnished();
        for (function, arguments) in calls {
            let before = guest.bytes();
            let code = guest.call(function, arguments);
            prop_assert!(code <= 8, "{function} {arguments:?} answered {code}");
            let allowed = if code == 0 { allowed(function, arguments) } else { [0..0, 0..0] };
            for (at, (old, new)) in before.iter().zip(guest.bytes()).enumerate() {
                let may = allowed.iter().any(|range| range.contains(&(at as u64)));
                prop_assert!(*old == new || may, "{function} {arguments:?} wrote at {at}");
            }
        }
    }
}

#[test]
fn a_caller_without_memory_is_told_so() {
    let mut guest = Guest::new("(memory 1)");
    assert!(guest.memory.is_none());
    assert_eq!(guest.call(1, [512, 5, 600, 0, 0]), errno::MISSING_MEMORY.cast_unsigned());
    assert_eq!(guest.call(0, [2048, 1, 1, 0, 600]), errno::MISSING_MEMORY.cast_unsigned());
}
