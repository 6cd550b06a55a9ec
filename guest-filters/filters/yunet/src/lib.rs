//! Tensor to faces: outputs of YuNet, NMS, boxes and five landmarks in source pixels.
//!
//! ```text
//! tensor ─ infer ─► 12 outputs ─ decode ─► candidates ─ nms ─► faces ─ map back ─► detections with landmarks
//!                   (heads)                (input pixels)             (source pixels)
//! ```
//! YuNet: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023; libfacedetection.train, and
//! `face_detection_yunet` of OpenCV's zoo. The parameters are in `params.rs` and in `params.schema.json`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod decode;
mod heads;
mod params;
mod suggestion;

use edgevision_sdk::{
    Context, Detect, Detection, Findings, Geometry, Infer, Output, Params, Request, Suggestion, TensorRef,
    boxes::Boxes, boxes_alone,
};

use crate::{
    decode::{Numbers, faces, landmarks},
    heads::Head,
    params::Settings,
};

edgevision_sdk::describe! {
    params: include_str!("../params.schema.json"),
    landmarks: ["right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner"],
    skeleton: []
}
edgevision_sdk::export_detect!(Yunet);

/// The module.
#[derive(Clone, Debug)]
pub struct Yunet {
    settings: Settings,
    /// In rising order of their strides.
    heads: Vec<Head>,
    // Kept from frame to frame, so that only the first ones allocate.
    outputs: Vec<Output>,
    rooms: [Vec<f32>; 3],
    boxes: Boxes,
}

impl Detect for Yunet {
    fn new(params: Params, context: &Context) -> Result<Self, String> {
        let (settings, post) = Settings::new(params, context)?;
        let model = context.model_for("yunet")?;
        let heads = Head::all(model)?;
        context.check_labels(1)?;
        let outputs = model.rooms(model.outputs.len());
        Ok(Self { settings, heads, outputs, rooms: Default::default(), boxes: Boxes::new(post) })
    }

    fn run(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        report: &mut dyn FnMut(Detection),
    ) -> Result<(), String> {
        boxes_alone(|found| self.find(tensor, request, model, found), report)
    }

    fn find(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        found: &mut Findings,
    ) -> Result<(), String> {
        model.infer(&[*tensor], &mut self.outputs)?;
        self.decode(&tensor.geometry)?;
        self.report(&tensor.geometry, request, found)
    }

    fn suggest(&self, context: &Context) -> Option<Suggestion> {
        suggestion::of(context.model.as_ref()?)
    }
}

impl Yunet {
    fn decode(&mut self, geometry: &Geometry) -> Result<(), String> {
        self.boxes.clear();
        let mut first = 0;
        for head in &self.heads {
            let cells = head.cells(geometry)?;
            let numbers = Numbers::of(head, cells, &self.outputs, &mut self.rooms)?;
            faces(head, cells, first, &numbers, self.settings.score, &mut self.boxes);
            first += cells.count();
        }
        Ok(())
    }

    fn report(&mut self, geometry: &Geometry, request: &Request, found: &mut Findings) -> Result<(), String> {
        let [room, ..] = &mut self.rooms;
        for kept in self.boxes.suppress() {
            let Some(detection) = kept.in_frame(geometry, request) else { continue };
            let points = if self.settings.landmarks {
                landmarks(&self.heads, kept.index, &self.outputs, room, geometry)?
            } else {
                vec![]
            };
            found.report(detection).landmarks(&points);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
