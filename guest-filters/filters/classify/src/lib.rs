//! Tensor to classes: probabilities or logits of a classifier, the best ones as labels of the frame.
//!
//! ```text
//! tensor ─ infer ─► output ─ dequantise, softmax ─► probabilities ─ top k ─► detections that fill the frame
//!                   (head)    (activation)
//! ```
//! The parameters are in `params.rs` and in `params.schema.json`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod activation;
mod head;
mod params;
mod suggestion;
mod top;

use edgevision_sdk::{
    Context, Detect, Detection, Infer, Output, Params, Quantization, Request, Suggestion, TensorRef,
};

use crate::{activation::Activation, head::Head, params::Settings, top::best};

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_detect!(Classify);

/// The module.
#[derive(Clone, Debug)]
pub struct Classify {
    settings: Settings,
    head: Head,
    activation: Activation,
    // Kept from frame to frame, so that only the first ones allocate.
    outputs: Vec<Output>,
    room: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Detect for Classify {
    fn new(params: Params, context: &Context) -> Result<Self, String> {
        let settings = Settings::new(params, context)?;
        let model = context.model_for("classify")?;
        let head = Head::new(model, &settings)?;
        settings.check_background(head.classes)?;
        context.check_labels(settings.labels(head.classes))?;
        let outputs = model.rooms(head.output + 1);
        let activation = Activation::new(settings.activation);
        Ok(Self { settings, head, activation, outputs, room: vec![], probabilities: vec![] })
    }

    fn run(
        &mut self,
        tensor: &TensorRef,
        request: &Request,
        model: &mut dyn Infer,
        report: &mut dyn FnMut(Detection),
    ) -> Result<(), String> {
        model.infer(&[*tensor], &mut self.outputs)?;
        self.read()?;
        self.activation.apply(&mut self.probabilities);
        let seen = whole_frame(request);
        for (class, score) in best(&self.probabilities, &self.settings) {
            let Some(class_id) = self.settings.class_id(class) else { continue };
            report(Detection { score: score.min(1.0), class_id, ..seen });
        }
        Ok(())
    }

    fn suggest(&self, context: &Context) -> Option<Suggestion> {
        suggestion::of(&self.head, context.model.as_ref()?)
    }
}

impl Classify {
    /// The output as real numbers.
    fn read(&mut self) -> Result<(), String> {
        let output = self.outputs.get(self.head.output).ok_or("the model has fewer outputs than it said")?;
        let values = output.floats(&mut self.room);
        if values.len() != self.head.classes {
            let (dims, classes) = (output.dims(), self.head.classes);
            return Err(format!("the model's output is {dims:?}, {classes} classes were announced"));
        }
        let Quantization { scale, zero_point } =
            self.settings.quantization(output.data().dtype(), self.head.quantization);
        #[allow(clippy::cast_precision_loss, reason = "zero points are elements, of 8 bits in practice")]
        let zero_point = zero_point as f32;
        self.probabilities.clear();
        self.probabilities.extend(values.iter().map(|value| (value - zero_point) * scale));
        Ok(())
    }
}

/// Where the classified object is. The seam for classifiers of regions: what they look at is theirs to name.
#[allow(clippy::cast_precision_loss, reason = "frames are smaller than 2^24 pixels wide")]
fn whole_frame(request: &Request) -> Detection {
    let (x1, y1) = (request.frame_width as f32, request.frame_height as f32);
    Detection { x1, y1, ..Detection::default() }
}

#[cfg(test)]
mod tests;
