//! Tensor to detections: the outputs of SSD models, NMS where it is still to be done, boxes in source pixels.
//!
//! ```text
//! tensor ─ infer ─► scores + boxes │ DetectionOutput │ TensorFlow's four ─ decode ─► candidates ─ nms ─► detections
//!                   (roles.rs: which output is what)
//! ```
//! The parameters are in `params.rs` and in `params.schema.json`, the layouts in `layout.rs`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod decode;
mod head;
mod layout;
mod params;
mod roles;
mod suggestion;

use edgevision_sdk::{
    Context, Detect, Detection, Infer, Output, Params, Request, Suggestion, TensorRef, boxes::Boxes,
};

use crate::{decode::Decoder, head::Head, params::Settings};

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_detect!(Ssd);

/// The module.
#[derive(Clone, Debug)]
pub struct Ssd {
    settings: Settings,
    head: Head,
    // Kept from frame to frame, so that only the first ones allocate.
    outputs: Vec<Output>,
    numbers: Vec<Vec<f32>>,
    boxes: Boxes,
}

impl Detect for Ssd {
    fn new(params: Params, context: &Context) -> Result<Self, String> {
        let (settings, mut post) = Settings::new(params, context)?;
        let model = context.model_for("ssd")?;
        let head = Head::new(model, &settings, context)?;
        post.default_method(head.layout.method());
        let outputs = model.rooms(head.layout.last_output() + 1);
        let numbers = vec![vec![]; outputs.len()];
        Ok(Self { settings, head, outputs, numbers, boxes: Boxes::new(post) })
    }

    fn run(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        report: &mut dyn FnMut(Detection),
    ) -> Result<(), String> {
        model.infer(&[*tensor], &mut self.outputs)?;
        let values = self.outputs.iter().zip(&mut self.numbers).map(|(output, room)| output.floats(room));
        let values: Vec<&[f32]> = values.collect();
        let dims: Vec<&[u32]> = self.outputs.iter().map(Output::dims).collect();
        self.head.check(&dims)?;
        let input = (tensor.geometry.input_width, tensor.geometry.input_height);
        let decoder = Decoder { head: &self.head, settings: &self.settings, input };
        self.boxes.clear();
        decoder.run(&values, &mut self.boxes)?;
        self.boxes.report(&tensor.geometry, request, report);
        Ok(())
    }

    fn suggest(&self, context: &Context) -> Option<Suggestion> {
        suggestion::of(&self.head, context.model.as_ref()?)
    }
}

#[cfg(test)]
mod tests;
