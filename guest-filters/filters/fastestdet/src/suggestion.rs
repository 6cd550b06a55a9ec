//! How FastestDet is fed, as its authors do it.

use edgevision_sdk::{DType, ModelInfo, Params, Suggestion};

use crate::head::Head;

/// Input pixels per cell.
const STRIDE: i64 = 16;

/// For a model with one output whose grid is that of its input; None for any other, which may be anything.
pub fn of(head: &Head, model: &ModelInfo) -> Option<Suggestion> {
    let (width, height) = model.input_size()?;
    let grid = [i64::from(height) / STRIDE, i64::from(width) / STRIDE];
    if model.outputs.len() != 1 || head.shape()[2..] != grid {
        return None;
    }
    // The authors' demo: OpenCV's BGR, stretched, divided by 255.
    let fed = Params::default().with("color", "bgr").with("mode", "stretch");
    let fed = if model.inputs.first()?.dtype == DType::U8 { fed } else { fed.with("std", 255) };
    let suggestion = Suggestion::new("fastestdet", 70).preprocess("letterbox", fed).classes(head.classes);
    // The threshold of the demo, too: below it, the model sees much that is not there.
    Some(suggestion.threshold(0.65))
}
