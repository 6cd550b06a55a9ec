//! How models of these layouts are fed, as far as their shapes tell.

use edgevision_sdk::{DType, ModelInfo, Params, Suggestion};

use crate::{head::Head, layout::Layout};

/// For a model whose outputs were recognised as `head`. None for what takes no picture.
pub fn of(head: &Head, model: &ModelInfo) -> Option<Suggestion> {
    let input = model.inputs.first().filter(|input| input.shape.len() == 4)?;
    let bytes = input.dtype == DType::U8;
    let stretched = |color: &str| Params::default().with("mode", "stretch").with("color", color);
    let normalised = |params: Params, mean: f64, std: f64| match bytes {
        true => params,
        false => params.with("mean", mean).with("std", std),
    };
    let suggestion = match head.layout {
        // Ultra-Light-Fast-Generic-Face-Detector (Linzaer): background and face, (pixel - 127) / 128, NMS at 0.3.
        Layout::ScoresBoxes { columns: 2, .. } => Suggestion::new("ssd_faces", 80)
            .preprocess("letterbox", normalised(stretched("rgb"), 127.0, 128.0))
            .params(Params::default().with("nms_iou", 0.3)),
        Layout::ScoresBoxes { .. } => {
            Suggestion::new("ssd", 60).preprocess("letterbox", normalised(stretched("rgb"), 127.5, 127.5))
        }
        // OpenVINO's model zoo: OpenCV's BGR, 0 to 255.
        Layout::DetectionOutput { .. } => {
            Suggestion::new("ssd_detection_output", 90).preprocess("letterbox", stretched("bgr"))
        }
        // The Object Detection API takes bytes; its TFLite models of floats -1 to 1.
        Layout::Tensorflow { .. } => Suggestion::new("ssd_tensorflow", 90)
            .preprocess("letterbox", normalised(stretched("rgb"), 127.5, 127.5)),
    };
    Some(match head.classes {
        Some(classes) => suggestion.classes(classes),
        None => suggestion,
    })
}
