;; Refuses its parameters, with a reason.
(module
  (import "edgevision" "fail" (func $fail (param i32 i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 256)))
    (global.get $next))
  (func (export "preprocess_tensor_bytes") (result i32) (i32.const 65536))
  (data (i32.const 0) "`size` must be a multiple of 32")
  (func (export "edgevision_init") (result i32) (call $fail (i32.const 0) (i32.const 31)) (i32.const -1))
  (func (export "preprocess") (param i32 i32) (result i32) (i32.const 0)))
