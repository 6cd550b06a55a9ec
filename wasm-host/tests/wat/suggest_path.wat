;; Suggests a path in the place of a module's name.
(module
  (import "edgevision" "suggest" (func $suggest (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "{\"family\":\"x\",\"specificity\":1,\"preprocess\":{\"module\":\"../etc/passwd\"}}")
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 4096))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "detect") (param i32) (result i32) (i32.const 0))
  (func (export "edgevision_suggest") (result i32) (call $suggest (i32.const 64) (i32.const 70))))
