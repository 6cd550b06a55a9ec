//! How models of these families are fed, as their authors publish them.

use edgevision_sdk::{DType, ModelInfo, Params, Suggestion};

use crate::{
    layout::{Head, Layout, grid_cells},
    params::Settings,
};

/// For a model whose output was recognised as `head`. None for what takes no picture.
pub fn of(head: Head, settings: &Settings, model: &ModelInfo) -> Option<Suggestion> {
    let input = model.inputs.first().filter(|input| input.shape.len() == 4)?;
    let on_the_grid = |boxes| grid_cells(model, settings) == Some(boxes);
    let suggestion = match head.layout {
        Layout::Yolox => Suggestion::new("yolox", 90).preprocess("letterbox", yolox_input()),
        Layout::Yolov8 if on_the_grid(head.columns) => Suggestion::new("yolov8", 80),
        Layout::Yolov8 => Suggestion::new("yolov8", 40),
    };
    let suggestion = match head.layout {
        Layout::Yolov8 => suggestion.preprocess("letterbox", yolov8_input(input.dtype)),
        Layout::Yolox => suggestion,
    };
    Some(suggestion.classes(head.classes()))
}

/// Megvii-BaseDetection/YOLOX, `preproc`: BGR as OpenCV reads it, 0 to 255, picture at the top left.
fn yolox_input() -> Params {
    Params::default().with("color", "bgr").with("align", "top_left")
}

/// Exports of YOLOv8 and its successors: RGB in the middle, divided by 255 unless the input is bytes.
fn yolov8_input(dtype: DType) -> Params {
    let params = Params::default().with("color", "rgb").with("align", "center");
    if dtype == DType::U8 { params } else { params.with("std", 255) }
}
