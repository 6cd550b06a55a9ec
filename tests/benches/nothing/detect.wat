;; Looks at the tensor and reports nothing.
(module
  (memory (export "memory") 1)
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 1024))
  (func (export "detect") (param $request i32) (result i32)
    (drop (i32.load8_u (i32.load offset=12 (local.get $request))))
    (i32.const 0)))
