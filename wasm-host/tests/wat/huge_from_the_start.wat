;; Is born with more memory than the limit.
(module
  (memory (export "memory") 2048)
  (global $next (mut i32) (i32.const 4096))
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 256)))
    (global.get $next))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "preprocess_tensor_bytes") (result i32) (i32.const 65536))
  (func (export "preprocess") (param i32 i32) (result i32) (i32.const 0)))
