;; Refuses to start and gives its parameter document as the reason.
(module
  (import "edgevision" "fail" (func $fail (param i32 i32)))
  (import "edgevision" "params_len" (func $params_len (result i32)))
  (import "edgevision" "params_read" (func $params_read (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 4096))
  (func (export "edgevision_init") (result i32)
    (if (call $params_read (i32.const 1024) (call $params_len)) (then (unreachable)))
    (call $fail (i32.const 1024) (call $params_len))
    (i32.const -1))
  (func (export "preprocess_tensor_bytes") (result i32) (i32.const 1))
  (func (export "preprocess") (param i32 i32) (result i32) (i32.const 0)))
