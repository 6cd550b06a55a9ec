//! What the user may write.

use edgevision_sdk::{Context, Params};
use serde::Deserialize;

/// The parameters as they are written; everything is optional. `params.schema.json` says the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    layout: Wanted,
    score_threshold: Option<f32>,
    nms_iou: Option<f32>,
    max_detections: Option<usize>,
    strides: Option<Vec<u32>>,
    agnostic: bool,
}

/// The layout that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Recognised by the shape of the output.
    #[default]
    Auto,
    /// `[1, cells, 5 + classes]`.
    Yolox,
    /// `[1, 4 + classes, boxes]`.
    Yolov8,
}

/// Checked parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The layout that is asked for.
    pub layout: Wanted,
    /// Least score, 0..=1.
    pub score_threshold: f32,
    /// A box goes when its IoU with a better one is above this, 0..=1.
    pub nms_iou: f32,
    /// Most boxes that NMS keeps, at least 1.
    pub max_detections: usize,
    /// Input pixels per cell, grid by grid (YOLOX).
    pub strides: Vec<u32>,
    /// NMS over all classes together.
    pub agnostic: bool,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn new(params: Params, context: &Context) -> Result<Self, String> {
        let written: Written = params.parse()?;
        let max_detections = written.max_detections.unwrap_or(100);
        if !(1..=1000).contains(&max_detections) {
            return Err(format!("parameter `max_detections` is {max_detections}: allowed are 1 to 1000"));
        }
        let strides = written.strides.unwrap_or_else(|| vec![8, 16, 32]);
        if strides.is_empty() || strides.len() > 8 || strides.contains(&0) {
            return Err(format!("parameter `strides` is {strides:?}: allowed are 1 to 8 numbers above 0"));
        }
        Ok(Self {
            layout: written.layout,
            score_threshold: share(
                "score_threshold",
                written.score_threshold.unwrap_or(context.score_threshold),
            )?,
            nms_iou: share("nms_iou", written.nms_iou.unwrap_or(0.45))?,
            max_detections,
            strides,
            agnostic: written.agnostic,
        })
    }
}

fn share(key: &str, value: f32) -> Result<f32, String> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(format!("parameter `{key}` is {value}: allowed are 0 to 1"))
}
