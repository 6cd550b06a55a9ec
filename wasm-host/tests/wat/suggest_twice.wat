;; Suggests once more than is taken; the first counts, and nothing is taken before it is asked for.
(module
  (import "edgevision" "suggest" (func $suggest (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "{\"family\":\"x\",\"specificity\":255,\"preprocess\":{\"module\":\"letterbox\"}}")
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 4096))
  (func (export "edgevision_init") (result i32) (i32.add (call $suggest (i32.const 64) (i32.const 68)) (i32.const 6)))
  (func (export "detect") (param i32) (result i32) (i32.const 0))
  (func (export "edgevision_suggest") (result i32) (drop (call $suggest (i32.const 64) (i32.const 68)))
    (i32.add (call $suggest (i32.const 0) (i32.const 4)) (i32.const 6))))
