//! What the user may write.

use edgevision_sdk::{Context, Params, boxes::PostProcess, nms::Method};
use serde::Deserialize;

use crate::layout::Layout;

/// The parameters as they are written, without the shared ones; everything is optional. `params.schema.json` says
/// the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    layout: Wanted,
    output: Option<String>,
    classes: Option<usize>,
    strides: Option<Vec<u32>>,
    boxes: Units,
    multi_label: bool,
}

/// The layout that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    #[default]
    Auto,
    Yolox,
    Yolov5,
    Yolov8,
    Yolov8Rows,
    Yolov10,
}

/// What the numbers of a decoded box are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Units {
    /// Pixels of the input.
    #[default]
    Pixels,
    /// 0..=1 of the input.
    Relative,
}

/// Checked parameters, without the shared ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The layout that is asked for; none to recognise it.
    pub layout: Option<Layout>,
    /// Name of the output to decode; none for the first with boxes.
    pub output: Option<String>,
    /// Classes that the model tells apart; none for all that there is room for. At least 1.
    pub classes: Option<usize>,
    /// Input pixels per cell, grid by grid (YOLOX).
    pub strides: Vec<u32>,
    /// What the numbers of a decoded box are.
    pub units: Units,
    /// A box for each class above the threshold, not only for the best.
    pub multi_label: bool,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn new(mut params: Params, context: &Context) -> Result<(Self, PostProcess), String> {
        let post = PostProcess::take(&mut params, context, Method::Greedy, 0.45)?;
        let written: Written = params.parse_beside(&PostProcess::KEYS)?;
        let strides = written.strides.unwrap_or_else(|| vec![8, 16, 32]);
        if strides.is_empty() || strides.len() > 8 || strides.contains(&0) {
            return Err(format!("parameter `strides` is {strides:?}: allowed are 1 to 8 numbers above 0"));
        }
        if written.classes == Some(0) {
            return Err("parameter `classes` is 0: a model tells at least 1 class apart".into());
        }
        let settings = Self {
            layout: written.layout.layout(),
            output: written.output,
            classes: written.classes,
            strides,
            units: written.boxes,
            multi_label: written.multi_label,
        };
        Ok((settings, post))
    }
}

impl Wanted {
    fn layout(self) -> Option<Layout> {
        match self {
            Self::Auto => None,
            Self::Yolox => Some(Layout::Yolox),
            Self::Yolov5 => Some(Layout::Yolov5),
            Self::Yolov8 => Some(Layout::Yolov8),
            Self::Yolov8Rows => Some(Layout::Yolov8Rows),
            Self::Yolov10 => Some(Layout::Yolov10),
        }
    }
}
