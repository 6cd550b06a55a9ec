;; Lets the host write its parameters into the frame window.
(module
  (import "edgevision" "params_len" (func $params_len (result i32)))
  (import "edgevision" "params_read" (func $params_read (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 256)))
    (global.get $next))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "preprocess_tensor_bytes") (result i32) (i32.const 65536))
  ;; Describes a u8 tensor of height x width at scale 1.
  (func $describe (param $f i32) (param $t i32)
    (i32.store offset=8 (local.get $t) (i32.mul (i32.load offset=8 (local.get $f)) (i32.load offset=12 (local.get $f))))
    (i32.store offset=12 (local.get $t) (i32.const 2))
    (i32.store offset=16 (local.get $t) (i32.const 2))
    (i32.store offset=20 (local.get $t) (i32.load offset=12 (local.get $f)))
    (i32.store offset=24 (local.get $t) (i32.load offset=8 (local.get $f)))
    (f32.store offset=52 (local.get $t) (f32.const 1))
    (f32.store offset=56 (local.get $t) (f32.const 1))
    (i32.store offset=68 (local.get $t) (i32.load offset=8 (local.get $f)))
    (i32.store offset=72 (local.get $t) (i32.load offset=12 (local.get $f))))
  ;; The lines of the first plane, one after the other, straight from window to window.
  (func $copy_plane (param $f i32) (param $t i32)
    (local $from i32) (local $to i32) (local $line i32)
    (local.set $from (i32.load offset=32 (local.get $f)))
    (local.set $to (i32.load (local.get $t)))
    (local.set $line (i32.load offset=12 (local.get $f)))
    (loop $lines
      (memory.copy (local.get $to) (local.get $from) (i32.load offset=8 (local.get $f)))
      (local.set $from (i32.add (local.get $from) (i32.load offset=36 (local.get $f))))
      (local.set $to (i32.add (local.get $to) (i32.load offset=8 (local.get $f))))
      (local.set $line (i32.sub (local.get $line) (i32.const 1)))
      (br_if $lines (local.get $line))))
  (func (export "preprocess") (param $f i32) (param $t i32) (result i32)
    (call $copy_plane (local.get $f) (local.get $t))
    (call $describe (local.get $f) (local.get $t))
    (if (i32.eq (i32.load8_u (i32.load offset=32 (local.get $f))) (i32.const 0xEE)) (then
      ;; -1 is INVALID
      (if (i32.ne (call $params_read (i32.load offset=32 (local.get $f)) (call $params_len)) (i32.const -1))
        (then (unreachable)))
      ;; half in its own memory, half in the window
      (if (i32.ne
            (call $params_read (i32.sub (i32.load offset=32 (local.get $f)) (i32.const 8)) (i32.const 4096))
            (i32.const -1))
        (then (unreachable)))
    ))
    (i32.const 0)))
