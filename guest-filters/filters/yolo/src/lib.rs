//! Tensor to detections: outputs of the YOLO families, NMS, boxes in source pixels.
//!
//! ```text
//! tensor ─ infer ─► output ─ decode ─► candidates ─ nms ─► boxes ─ map back, clip ─► detections
//!                   (layout)           (input pixels)              (source pixels)
//! ```
//! The parameters are in `params.rs` and in `params.schema.json`, the layouts in `layout.rs`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod decode;
mod head;
mod layout;
mod params;
mod suggestion;

use edgevision_sdk::{
    Context, Detect, Detection, Infer, Output, Params, Request, Suggestion, TensorRef, boxes::Boxes,
    nms::Method,
};

use crate::{decode::Decoder, head::Head, layout::Layout, params::Settings};

/// JSON Schema of the parameters.
pub const PARAMS_SCHEMA: &str = include_str!("../params.schema.json");

#[cfg(feature = "module")]
edgevision_sdk::describe! { params: PARAMS_SCHEMA }
#[cfg(feature = "module")]
edgevision_sdk::export_detect!(Yolo);

/// The module.
#[derive(Clone, Debug)]
pub struct Yolo {
    settings: Settings,
    head: Head,
    // Kept from frame to frame, so that only the first ones allocate.
    outputs: Vec<Output>,
    numbers: Vec<f32>,
    best: Vec<f32>,
    boxes: Boxes,
}

impl Detect for Yolo {
    fn new(params: Params, context: &Context) -> Result<Self, String> {
        let (settings, mut post) = Settings::new(params, context)?;
        let model = context.model_for("yolo")?;
        let head = Head::new(model, &settings, context)?;
        if head.layout == Layout::Yolov10 {
            post.default_method(Method::None);
        }
        let outputs = model.rooms(head.output + 1);
        Ok(Self { settings, head, outputs, numbers: vec![], best: vec![], boxes: Boxes::new(post) })
    }

    fn run(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        report: &mut dyn FnMut(Detection),
    ) -> Result<(), String> {
        model.infer(&[*tensor], &mut self.outputs)?;
        let output = self.outputs.get(self.head.output).ok_or("the model has no output")?;
        let decoder = Decoder {
            matrix: self.head.matrix(output.dims(), output.floats(&mut self.numbers))?,
            input: (tensor.geometry.input_width, tensor.geometry.input_height),
            settings: &self.settings,
        };
        self.boxes.clear();
        decoder.run(&mut self.best, &mut self.boxes)?;
        self.boxes.report(&tensor.geometry, request, report);
        Ok(())
    }

    fn suggest(&self, context: &Context) -> Option<Suggestion> {
        suggestion::of(&self.head, &self.settings, context.model.as_ref()?)
    }
}

#[cfg(test)]
mod tests;
