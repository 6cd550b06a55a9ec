//! Tensor to detections: the output of FastestDet (github.com/dog-qiuqiu/FastestDet), NMS, boxes in source pixels.
//!
//! ```text
//! tensor ─ infer ─► [1, 5 + classes, h, w] ─ decode ─► candidates ─ nms ─► boxes ─ map back, clip ─► detections
//! ```
//! The parameters are those that all box detectors share; `params.schema.json` lists them.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod decode;
mod head;
mod suggestion;

use edgevision_sdk::{
    Context, Detect, Detection, Infer, Output, Params, Request, Suggestion, TensorRef,
    boxes::{Boxes, PostProcess},
    nms::Method,
};

use crate::head::Head;

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_detect!(FastestDet);

/// The module.
#[derive(Clone, Debug)]
pub struct FastestDet {
    head: Head,
    // Kept from frame to frame, so that only the first ones allocate.
    outputs: Vec<Output>,
    numbers: Vec<f32>,
    best: Vec<f32>,
    boxes: Boxes,
}

/// No parameters beside the shared ones.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {}

impl Detect for FastestDet {
    fn new(mut params: Params, context: &Context) -> Result<Self, String> {
        let post = PostProcess::take(&mut params, context, Method::Greedy, 0.45)?;
        let Own {} = params.parse_beside(&PostProcess::KEYS)?;
        let model = context.model_for("fastestdet")?;
        let head = Head::new(model)?;
        context.check_labels(head.classes)?;
        let outputs = model.rooms(head.output + 1);
        Ok(Self { head, outputs, numbers: vec![], best: vec![], boxes: Boxes::new(post) })
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
        let grid = self.head.grid(output.dims(), output.floats(&mut self.numbers))?;
        self.boxes.clear();
        let size = (tensor.geometry.input_width, tensor.geometry.input_height);
        decode::cells(&grid, size, &mut self.best, &mut self.boxes);
        self.boxes.report(&tensor.geometry, request, report);
        Ok(())
    }

    fn suggest(&self, context: &Context) -> Option<Suggestion> {
        suggestion::of(&self.head, context.model.as_ref()?)
    }
}

#[cfg(test)]
mod tests;
