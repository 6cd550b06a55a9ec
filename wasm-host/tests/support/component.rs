//! Components out of core modules in text form, as a toolchain makes them: the WIT of `guest-filters/wit` around them.

use std::{path::Path, sync::Arc};

use edgevision_wasm_host::module::Module;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Imports, memory and allocator, the exports of a detector, and helpers for attacks.
///
/// `detect` looks at the first byte of the tensor. If it is 0xEE it calls `$attack` with the tensor, else it drops the
/// tensor and reports one box of class 7 that fills the frame.
const FRAME: &str = r#"
  (import "edgevision:detector/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[constructor]tensor"
    (func $tensor (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[resource-drop]tensor" (func $drop (param i32)))
  (import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[method]tensor.data" (func $data (param i32 i32)))
  (import "wasi:nn/graph@0.2.0-rc-2024-10-28" "load-by-name" (func $by_name (param i32 i32 i32)))
  (import "wasi:nn/graph@0.2.0-rc-2024-10-28" "load" (func $load (param i32 i32 i32 i32 i32)))
  (import "wasi:nn/graph@0.2.0-rc-2024-10-28" "[method]graph.init-execution-context"
    (func $context (param i32 i32)))
  (import "wasi:nn/inference@0.2.0-rc-2024-10-28" "[method]graph-execution-context.compute"
    (func $compute (param i32 i32 i32 i32)))
  (import "wasi:nn/errors@0.2.0-rc-2024-10-28" "[resource-drop]error" (func $drop_error (param i32)))
  (import "wasi:nn/errors@0.2.0-rc-2024-10-28" "[method]error.data" (func $error_data (param i32 i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (data (i32.const 1024) "model")
  (data (i32.const 1032) "picture")
  (data (i32.const 1040) "no luck")
  (func (export "edgevision:detector/detect@0.1.0#init") (param i32 i32) (result i32)
    (i32.store8 (i32.const 32) (i32.const 0))
    (i32.const 32))
  (func (export "edgevision:detector/detect@0.1.0#detect")
    (param i32 i32 i32 f32 f32 f32 f32 i32 i32) (result i32)
    (global.set $next (i32.const 65536))
    (call $data (local.get 2) (i32.const 16))
    (if (result i32) (i32.eq (i32.load8_u (i32.load (i32.const 16))) (i32.const 0xEE))
      (then (call $attack (local.get 2)))
      (else (call $drop (local.get 2)) (call $well))))
  (func $well (result i32)
    (f32.store (i32.const 64) (f32.const 0))
    (f32.store (i32.const 68) (f32.const 0))
    (f32.store (i32.const 72) (f32.const 20))
    (f32.store (i32.const 76) (f32.const 10))
    (f32.store (i32.const 80) (f32.const 0.5))
    (i32.store (i32.const 84) (i32.const 7))
    (call $bare (i32.const 64))
    (call $found (i32.const 64) (i32.const 1)))
  ;; A detection without landmarks, attributes and tensors: three empty lists behind its 24 bytes.
  (func $bare (param $at i32)
    (memory.fill (i32.add (local.get $at) (i32.const 24)) (i32.const 0) (i32.const 24)))
  ;; The answer: so many detections at an address.
  (func $found (param $at i32) (param $count i32) (result i32)
    (i32.store8 (i32.const 32) (i32.const 0))
    (i32.store (i32.const 36) (local.get $at))
    (i32.store (i32.const 40) (local.get $count))
    (i32.store (i32.const 44) (i32.const 0))
    (i32.store (i32.const 48) (i32.const 0))
    (i32.const 32))
  ;; The answer: a sentence.
  (func $sorry (param $at i32) (param $len i32) (result i32)
    (i32.store8 (i32.const 32) (i32.const 1))
    (i32.store (i32.const 36) (local.get $at))
    (i32.store (i32.const 40) (local.get $len))
    (i32.const 32))
  ;; The execution context of the job's model.
  (func $open (result i32)
    (call $by_name (i32.const 1024) (i32.const 5) (i32.const 128))
    (if (i32.load8_u (i32.const 128)) (then unreachable))
    (call $context (i32.load (i32.const 132)) (i32.const 136))
    (if (i32.load8_u (i32.const 136)) (then unreachable))
    (i32.load (i32.const 140)))
  ;; Runs the model on a tensor under a name. 144: 0 and a list of outputs, or 1 and an error.
  (func $run (param $name i32) (param $len i32) (param $tensor i32)
    (i32.store (i32.const 200) (local.get $name))
    (i32.store (i32.const 204) (local.get $len))
    (i32.store (i32.const 208) (local.get $tensor))
    (call $compute (call $open) (i32.const 200) (i32.const 1) (i32.const 144)))
  ;; Answers with the error at 144.
  (func $tell (result i32)
    (if (i32.eqz (i32.load8_u (i32.const 144))) (then unreachable))
    (call $error_data (i32.load (i32.const 148)) (i32.const 160))
    (call $sorry (i32.load (i32.const 160)) (i32.load (i32.const 164))))
"#;

/// A detector whose `$attack` (tensor in, address of the answer out) is this.
pub fn attacker(attack: &str) -> Arc<Module> {
    let core = format!("(module {FRAME} (func $attack (param $t i32) (result i32) (local $i i32) {attack}))");
    let bytes = component(&core, "detector");
    Module::from_bytes("attacker", &bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// A component around a core module, for a world of `guest-filters/wit`.
pub fn component(core: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-filters/wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut bytes = wat::parse_str(core).unwrap_or_else(|error| panic!("{error}"));
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&bytes).unwrap().encode().unwrap()
}
