//! How models of these families are fed, as their authors publish them.

use edgevision_sdk::{DType, ModelInfo, Params, Suggestion, model::fixed};

use crate::{
    head::Head,
    layout::{Layout, cells},
    params::Settings,
};

/// For a model whose output was recognised as `head`. None for what takes no picture.
pub fn of(head: &Head, settings: &Settings, model: &ModelInfo) -> Option<Suggestion> {
    let input = model.inputs.first().filter(|input| input.shape.len() == 4)?;
    let boxes = fixed(model.outputs.get(head.output)?.shape[head.layout.boxes_at()]);
    let grid = model.input_size().and_then(|size| cells(size, &settings.strides));
    let (family, specificity) = match head.layout {
        Layout::Yolox => ("yolox", 90),
        Layout::Yolov5 => ("yolov5", 90),
        Layout::Yolov8 if boxes.is_some() && boxes == grid => ("yolov8", 80),
        Layout::Yolov8 => ("yolov8", 40),
        Layout::Yolov8Rows => ("yolov8_rows", 70),
        Layout::Yolov10 => ("yolov10", 70),
    };
    let fed = if head.layout == Layout::Yolox { yolox_input() } else { ultralytics_input(input.dtype) };
    let suggestion = Suggestion::new(family, specificity).preprocess("letterbox", fed);
    Some(if head.layout.has_classes() { suggestion.classes(head.classes) } else { suggestion })
}

/// Megvii-BaseDetection/YOLOX, `preproc`: BGR as OpenCV reads it, 0 to 255, picture at the top left.
fn yolox_input() -> Params {
    Params::default().with("color", "bgr").with("align", "top_left")
}

/// Exports of YOLOv5, YOLOv8 and their successors: RGB in the middle, divided by 255 unless the input is bytes.
fn ultralytics_input(dtype: DType) -> Params {
    let params = Params::default().with("color", "rgb").with("align", "center");
    if dtype == DType::U8 { params } else { params.with("std", 255) }
}
