//! How classifiers are fed, as their authors publish them.

use edgevision_sdk::{DType, ModelInfo, Params, Suggestion};

use crate::head::Head;

/// For a model whose output was found. Any vector may be one of classes, so this is never certain, but for the numbers
/// of ImageNet.
pub fn of(head: &Head, model: &ModelInfo) -> Option<Suggestion> {
    let input = model.inputs.first().filter(|input| input.shape.len() == 4)?;
    let is_imagenet = matches!(head.classes, 1000 | 1001);
    let is_nchw = matches!(input.shape[1], 1 | 3);
    let fed = Params::default().with("mode", "stretch").with("color", "rgb");
    let fed = match (input.dtype, is_nchw) {
        (DType::F32, true) => {
            fed.with("mean", vec![123.675, 116.28, 103.53]).with("std", vec![58.395, 57.12, 57.375])
        }
        (DType::F32, false) => fed.with("mean", 127.5).with("std", 127.5),
        _ => fed,
    };
    let suggestion = Suggestion::new("classifier", if is_imagenet { 70 } else { 30 });
    // Classifiers of any size are trained with this one.
    let is_open = input.shape[1..].iter().filter(|dim| **dim < 1).count() > 1;
    let fed = if is_open { fed.with("width", 224).with("height", 224) } else { fed };
    let suggestion = suggestion.preprocess("letterbox", fed).classes(head.classes);
    Some(if head.classes == 1001 {
        suggestion.params(Params::default().with("background", 0))
    } else {
        suggestion
    })
}
