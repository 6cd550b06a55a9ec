//! How NanoDet is fed, as its authors do it.

use edgevision_sdk::{DType, ModelInfo, Params, Suggestion};

use crate::head::Head;

/// Mean and deviation of ImageNet in the order BGR, in grey levels (`config/*.yml` of the authors).
const MEAN: [f64; 3] = [103.53, 116.28, 123.675];
const STD: [f64; 3] = [57.375, 57.12, 58.395];

/// For a model whose outputs were recognised as `head`.
pub fn of(head: &Head, model: &ModelInfo) -> Suggestion {
    let fed = Params::default().with("color", "bgr").with("mode", "stretch");
    let fed = match model.inputs.first() {
        Some(input) if input.dtype == DType::U8 => fed,
        _ => fed.with("mean", MEAN.to_vec()).with("std", STD.to_vec()),
    };
    let family = if head.is_single { "nanodet_plus" } else { "nanodet" };
    Suggestion::new(family, 90).preprocess("letterbox", fed).classes(head.classes)
}
