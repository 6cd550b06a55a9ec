//! Tensor to detections: the outputs of NanoDet and NanoDet-Plus, NMS, boxes in source pixels.
//!
//! ```text
//! tensor ─ infer ─► scores and distance bins ─ decode ─► candidates ─ nms ─► boxes ─ map back, clip ─► detections
//!                   (one pair per grid, or one output)
//! ```
//! The parameters are in `params.rs` and in `params.schema.json`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod decode;
mod head;
mod params;
mod suggestion;

use edgevision_sdk::{
    Context, Detect, Detection, Infer, Output, Params, Request, Suggestion, TensorRef, boxes::Boxes,
};

use crate::{decode::Decoder, head::Head, params::Settings};

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_detect!(NanoDet);

/// The module.
#[derive(Clone, Debug)]
pub struct NanoDet {
    settings: Settings,
    head: Head,
    // Kept from frame to frame, so that only the first ones allocate.
    outputs: Vec<Output>,
    numbers: Vec<Vec<f32>>,
    boxes: Boxes,
}

impl Detect for NanoDet {
    fn new(params: Params, context: &Context) -> Result<Self, String> {
        let (settings, post) = Settings::new(params, context)?;
        let model = context.model_for("nanodet")?;
        let head = Head::new(model, &settings)?;
        context.check_labels(head.classes)?;
        let outputs = model.rooms(head.last_output() + 1);
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
        let decoder = Decoder { head: &self.head, settings: &self.settings };
        self.boxes.clear();
        decoder.run(&values, &mut self.boxes);
        self.boxes.report(&tensor.geometry, request, report);
        Ok(())
    }

    fn suggest(&self, context: &Context) -> Option<Suggestion> {
        Some(suggestion::of(&self.head, context.model.as_ref()?))
    }
}

#[cfg(test)]
mod tests;
