;; The pair of `look.wat` in bad mood: fails on the frames 20 to 69.
(module
  (import "edgevision" "emit" (func $emit (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))

  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "preprocess_tensor_bytes") (result i32) (i32.const 64))

  (func (export "edgevision_alloc") (param $size i32) (param $align i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.sub (i32.add (global.get $next) (local.get $align)) (i32.const 1))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  ;; tensor[0] = the first sample of plane 0, as f32
  (func (export "preprocess") (param $frame i32) (param $tensor i32) (result i32)
    (local $seq i64)
    (local.set $seq (i64.load offset=72 (local.get $frame)))
    (if (i32.and (i64.ge_u (local.get $seq) (i64.const 20)) (i64.lt_u (local.get $seq) (i64.const 70))) (then unreachable))
    (f32.store (i32.load (local.get $tensor))
      (f32.convert_i32_u (i32.load8_u (i32.load offset=32 (local.get $frame)))))
    (i32.store offset=8 (local.get $tensor) (i32.const 4))   ;; len
    (i32.store offset=12 (local.get $tensor) (i32.const 1))  ;; dtype f32
    (i32.store offset=16 (local.get $tensor) (i32.const 1))  ;; rank
    (i32.store offset=20 (local.get $tensor) (i32.const 1))  ;; dims[0]
    (f32.store offset=52 (local.get $tensor) (f32.const 1))  ;; scale_x
    (f32.store offset=56 (local.get $tensor) (f32.const 1))  ;; scale_y
    (f32.store offset=60 (local.get $tensor) (f32.const 0))
    (f32.store offset=64 (local.get $tensor) (f32.const 0))
    (i32.store offset=68 (local.get $tensor) (i32.load offset=8 (local.get $frame)))
    (i32.store offset=72 (local.get $tensor) (i32.load offset=12 (local.get $frame)))
    (i32.const 0))

  (func (export "detect") (param $request i32) (result i32)
    (f32.store (i32.const 64) (f32.const 0))
    (f32.store (i32.const 68) (f32.const 0))
    (f32.store (i32.const 72) (f32.const 8))
    (f32.store (i32.const 76)
      (f32.add (f32.const 8) (f32.div (f32.load (i32.load offset=12 (local.get $request))) (f32.const 4))))
    (f32.store (i32.const 80) (f32.const 0.9))
    (i32.store (i32.const 84) (i32.const 0))
    (call $emit (i32.const 64) (i32.const 1))))
