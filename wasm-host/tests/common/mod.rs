//! What the tests of models share: engines, golden tensors, small models made on the spot.

#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses its part")]

#[path = "../../../tests/src/engines.rs"]
pub mod engines;
pub mod golden;
pub mod onnx;
pub mod tensors;

/// The engines that run ONNX.
pub const ONNX_ENGINES: [&str; 3] = ["rten", "onnxruntime", "openvino"];

/// Makes a test of a function for each of [`ONNX_ENGINES`], so that a failure names the pair. The function is given
/// the engine's name; further arguments follow it.
macro_rules! on_every_engine {
    ($($(#[$doc:meta])* $test:ident: $body:ident $(($($argument:expr),*))?;)*) => {$(
        $(#[$doc])*
        mod $test {
            use super::*;
            #[test]
            fn rten() {
                if crate::common::engines::engine("rten") { $body("rten" $($(, $argument)*)?) }
            }
            #[test]
            fn onnxruntime() {
                if crate::common::engines::engine("onnxruntime") { $body("onnxruntime" $($(, $argument)*)?) }
            }
            #[test]
            fn openvino() {
                if crate::common::engines::engine("openvino") { $body("openvino" $($(, $argument)*)?) }
            }
        }
    )*};
}
pub(crate) use on_every_engine;
