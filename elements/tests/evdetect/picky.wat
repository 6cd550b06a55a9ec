;; Both roles, and refuses whatever parameters it is given.
(module
  (import "edgevision" "fail" (func $fail (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 2048) "knob goes to 10, not 11")
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 4096))
  (func (export "edgevision_init") (result i32)
    (call $fail (i32.const 2048) (i32.const 23))
    (i32.const -1))
  (func (export "preprocess_tensor_bytes") (result i32) (i32.const 64))
  (func (export "preprocess") (param i32 i32) (result i32) (i32.const 0))
  (func (export "detect") (param i32) (result i32) (i32.const 0)))
