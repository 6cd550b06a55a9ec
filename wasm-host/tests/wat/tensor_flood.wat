;; Reports its whole memory as a tensor again and again, and claims that all went well.
(module
  (import "edgevision" "emit" (func $emit (param i32 i32) (result i32)))
  (import "edgevision" "landmarks" (func $landmarks (param i32 i32 i32) (result i32)))
  (import "edgevision" "attribute" (func $attribute (param i32 i32) (result i32)))
  (import "edgevision" "tensor" (func $tensor (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  ;; An attribute at 512: its name at 480, its label at 500.
  (data (i32.const 480) "colour")
  (data (i32.const 500) "red")
  (data (i32.const 512) "\e0\01\00\00\06\00\00\00\f4\01\00\00\03\00\00\00\04\00\00\00\00\00\00\3f")
  ;; A tensor at 560: two bytes at 500, u8.
  (data (i32.const 560) "\f4\01\00\00\00\00\00\00\02\00\00\00\02\00\00\00\01\00\00\00\02\00\00\00")
  (global $next (mut i32) (i32.const 4096))
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_alloc") (param i32 i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 256)))
    (global.get $next))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  ;; One detection of class 7 that fills the frame: the sign that all is well.
  (func $report_frame (param $r i32) (result i32)
    (f32.store (i32.const 1024) (f32.const 0))
    (f32.store (i32.const 1028) (f32.const 0))
    (f32.store (i32.const 1032) (f32.convert_i32_u (i32.load offset=4 (local.get $r))))
    (f32.store (i32.const 1036) (f32.convert_i32_u (i32.load offset=8 (local.get $r))))
    (f32.store (i32.const 1040) (f32.const 0.5))
    (i32.store (i32.const 1044) (i32.const 7))
    (call $emit (i32.const 1024) (i32.const 1)))
  (func (export "detect") (param $r i32) (result i32)
    (if (i32.eq (i32.load8_u (i32.load offset=12 (local.get $r))) (i32.const 0xEE)) (then
      (drop (call $report_frame (local.get $r)))
      (i32.store (i32.const 560) (i32.const 0))
      (i32.store (i32.const 568) (i32.const 131072))
      (i32.store (i32.const 580) (i32.const 131072))
      (loop $again
        (br_if $again (i32.eqz (call $tensor (i32.const -1) (i32.const 480) (i32.const 6) (i32.const 560)))))
      (return (i32.const 0))
    ))
    (call $report_frame (local.get $r))))
