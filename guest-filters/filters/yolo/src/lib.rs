//! Tensor to detections: YOLOX and YOLOv8 outputs, NMS, boxes in source pixels.
//!
//! ```text
//! tensor ─ infer ─► output ─ decode ─► candidates ─ nms ─► boxes ─ map back, clip ─► detections
//!                   (layout)           (input pixels)              (source pixels)
//! ```
//! The parameters are in `params.rs` and in `params.schema.json`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod decode;
mod layout;
mod nms;
mod params;
mod suggestion;

use edgevision_sdk::{
    Context, Detect, Detection, Geometry, Infer, Output, Params, Request, Suggestion, TensorRef,
};

use crate::{
    decode::Candidate,
    layout::{Head, Layout},
    nms::Suppression,
    params::Settings,
};

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_detect!(Yolo);

/// The module.
#[derive(Clone, Debug)]
pub struct Yolo {
    settings: Settings,
    head: Head,
    // Kept from frame to frame, so that only the first ones allocate.
    outputs: Vec<Output>,
    best: Vec<f32>,
    candidates: Vec<Candidate>,
    kept: Vec<Candidate>,
}

impl Detect for Yolo {
    fn new(params: Params, context: &Context) -> Result<Self, String> {
        let settings = Settings::new(params, context)?;
        let head = Head::new(&settings, context)?;
        let outputs = context.model.iter().flat_map(|model| &model.outputs);
        let outputs = outputs.map(|output| Output::with_capacity(output.byte_len().unwrap_or(0))).collect();
        Ok(Self { settings, head, outputs, best: vec![], candidates: vec![], kept: vec![] })
    }

    fn run(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        report: &mut dyn FnMut(Detection),
    ) -> Result<(), String> {
        model.infer(&[*tensor], &mut self.outputs)?;
        self.decode(&tensor.geometry)?;
        let Settings { nms_iou: iou, max_detections: most, agnostic, .. } = self.settings;
        nms::suppress(&mut self.candidates, Suppression { iou, most, agnostic }, &mut self.kept);
        self.kept.iter().filter_map(|kept| in_frame(kept, &tensor.geometry, request)).for_each(report);
        Ok(())
    }

    fn suggest(&self, context: &Context) -> Option<Suggestion> {
        suggestion::of(self.head, &self.settings, context.model.as_ref()?)
    }
}

impl Yolo {
    fn decode(&mut self, geometry: &Geometry) -> Result<(), String> {
        let Self { settings, head, outputs, best, candidates, .. } = self;
        let output = outputs.first().ok_or("the model has no output")?;
        let values = output.f32()?;
        if values.len() != head.rows * head.columns {
            let expected = [1, head.rows, head.columns];
            return Err(format!("the model's output is {:?}, {expected:?} was announced", output.dims()));
        }
        candidates.clear();
        let size = (geometry.input_width, geometry.input_height);
        let threshold = settings.score_threshold;
        match head.layout {
            Layout::Yolox => decode::yolox(values, *head, size, &settings.strides, threshold, candidates),
            Layout::Yolov8 => {
                decode::yolov8(values, *head, threshold, best, candidates);
                Ok(())
            }
        }
    }
}

/// Maps a box back to the frame and clips it; None if nothing of it is inside.
#[allow(clippy::cast_precision_loss, reason = "frames are smaller than 2^24 pixels wide")]
fn in_frame(found: &Candidate, g: &Geometry, request: &Request) -> Option<Detection> {
    let x = |x: f32| ((x - g.offset_x) / g.scale_x).clamp(0.0, request.frame_width as f32);
    let y = |y: f32| ((y - g.offset_y) / g.scale_y).clamp(0.0, request.frame_height as f32);
    let (x0, y0, x1, y1) = (x(found.x0), y(found.y0), x(found.x1), y(found.y1));
    let detection = Detection { x0, y0, x1, y1, score: found.score.min(1.0), class_id: found.class };
    (x1 > x0 && y1 > y0).then_some(detection)
}

#[cfg(test)]
mod tests;
