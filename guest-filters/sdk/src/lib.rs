//! What the author of an edgevision module uses. It hides the ABI: a module is a type that implements
//! [`Preprocess`] (frame to tensor), [`Detect`] (tensor to detections) or [`Filter`] (frame to frame), and one macro
//! call that exports it.
//!
//! Natively the same type is an ordinary Rust type: it is unit-tested with the frames and the model of
//! [`testing`], without a host and without WebAssembly. The exports and imports exist only on `wasm32`.
//!
//! # A complete module
//!
//! Reports the whole frame as class 0 when its mean grey is above a parameter.
//!
//! ```
//! use edgevision_sdk::{
//!     Context, DType, Detect, Detection, FrameView, Geometry, Infer, Params, Preprocess, Request, TensorData,
//!     TensorMut, TensorRef, TensorSpec,
//! };
//!
//! /// One number: the mean of the first plane, 0..=255.
//! struct Mean;
//!
//! impl Preprocess for Mean {
//!     fn new(params: Params, _context: &Context) -> Result<Self, String> {
//!         params.parse::<Threshold>()?;
//!         Ok(Self)
//!     }
//!     fn tensor_spec(&self) -> TensorSpec {
//!         TensorSpec { dtype: DType::F32, dims: vec![1] }
//!     }
//!     fn run(&mut self, frame: &FrameView, tensor: &mut TensorMut) -> Result<Geometry, String> {
//!         let rows = 0..frame.height();
//!         let sum: u64 = rows.flat_map(|y| frame.row(0, y)).map(|&v| u64::from(v)).sum();
//!         let TensorMut::F32(values) = tensor else { return Err("the tensor is not f32".into()) };
//!         values[0] = sum as f32 / (frame.row(0, 0).len() * frame.height()) as f32;
//!         Ok(Geometry { scale_x: 1.0, scale_y: 1.0, input_width: 1, input_height: 1, ..Geometry::default() })
//!     }
//! }
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields, default)]
//! struct Threshold {
//!     above: f32,
//! }
//! impl Default for Threshold {
//!     fn default() -> Self {
//!         Self { above: 128.0 }
//!     }
//! }
//!
//! impl Detect for Threshold {
//!     fn new(params: Params, _context: &Context) -> Result<Self, String> {
//!         params.parse()
//!     }
//!     fn run(
//!         &mut self,
//!         tensor: &TensorRef,
//!         request: &Request,
//!         _model: &mut dyn Infer,
//!         report: &mut dyn FnMut(Detection),
//!     ) -> Result<(), String> {
//!         let TensorData::F32([mean]) = tensor.data else { return Err("one f32 was expected".into()) };
//!         if *mean > self.above {
//!             let (x1, y1) = (request.frame_width as f32, request.frame_height as f32);
//!             report(Detection { x0: 0.0, y0: 0.0, x1, y1, score: 1.0, class_id: 0 });
//!         }
//!         Ok(())
//!     }
//! }
//!
//! edgevision_sdk::describe! {
//!     params: r#"{"type":"object","properties":{"above":{"type":"number"}},"additionalProperties":false}"#
//! }
//! edgevision_sdk::export_both!(Mean, Threshold);
//!
//! # fn main() -> Result<(), String> {
//! use edgevision_sdk::{PixelFormat, testing::{OwnedFrame, NoModel}};
//! let context = Context::default();
//! let mut frame = OwnedFrame::new(PixelFormat::Gray8, 4, 2);
//! frame.fill(|_plane, _x, _y| 200);
//! let mut mean = [0.0];
//! let geometry = Mean::new(Params::default(), &context)?.run(&frame.view(), &mut TensorMut::F32(&mut mean))?;
//! let tensor = TensorRef { data: TensorData::F32(&mean), dims: &[1], geometry };
//! let request = Request { frame_width: 4, frame_height: 2 };
//! let mut found = vec![];
//! let mut detect = <Threshold as Detect>::new(Params::default(), &context)?;
//! detect.run(&tensor, &request, &mut NoModel, &mut |d| found.push(d))?;
//! assert_eq!(found.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! A detector that finds more than boxes (landmarks, attributes, raw tensors) implements [`Detect::find`], too.
//!
//! The crate is built with `crate-type = ["cdylib", "rlib"]`. A panic reaches the user as the reason of the
//! failed frame and costs the module its instance, nothing else. A module must not export a symbol `free`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod boxes;
#[doc(hidden)]
pub mod export;
mod findings;
pub mod frame;
mod frame_mut;
mod half;
mod log;
mod macros;
pub mod model;
pub mod nms;
mod params;
mod suggestion;
pub mod tensor;
pub mod testing;
mod traits;
mod vector;

pub use edgevision_abi::{Detection, Geometry};

pub use crate::{
    findings::{Attribute, Findings, Landmark, Reported, boxes_alone},
    frame::{ColorMatrix, ColorRange, FrameView, PixelFormat},
    frame_mut::FrameViewMut,
    log::{Level, log},
    params::{Context, ModelInfo, Params, Quantization, TensorInfo},
    suggestion::Suggestion,
    tensor::{DType, Output, TensorData, TensorMut, TensorRef, TensorSpec},
    traits::{Detect, Filter, Infer, Preprocess, Request},
};
