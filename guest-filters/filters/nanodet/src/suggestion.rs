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
    let is_pairs = head.grids.iter().all(|grid| grid.scores.output != grid.bins.output);
    let (family, specificity) = match (head.is_plus, is_pairs) {
        (true, _) => ("nanodet_plus", 90),
        (_, true) => ("nanodet", 90),
        // So many rows are those of YOLOX, too; as many columns are more likely NanoDet for COCO than anything else.
        _ if head.classes == 80 => ("nanodet", 95),
        _ => ("nanodet", 50),
    };
    Suggestion::new(family, specificity).preprocess("letterbox", fed).classes(head.classes)
}
