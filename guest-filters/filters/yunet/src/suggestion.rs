//! How the model is fed, as its authors publish it.

use edgevision_sdk::{ModelInfo, Params, Suggestion};

/// For a model whose outputs were found. libfacedetection.train: BGR, 0 to 255, picture at the top left, black beside it.
pub fn of(model: &ModelInfo) -> Option<Suggestion> {
    model.inputs.first().filter(|input| input.shape.len() == 4)?;
    let input = Params::default().with("color", "bgr").with("align", "top_left").with("pad", 0);
    Some(Suggestion::new("yunet", 95).preprocess("letterbox", input).classes(1))
}
