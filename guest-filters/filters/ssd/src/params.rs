//! What the user may write.

use edgevision_sdk::{Context, Params, boxes::PostProcess, nms::Method};
use serde::Deserialize;

/// The parameters as they are written, without the shared ones; everything is optional. `params.schema.json` says
/// the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The layout that is asked for.
    pub layout: Wanted,
    /// Names of outputs.
    pub outputs: Names,
    /// The model's number for the first label.
    pub first_class: Option<usize>,
    /// What the numbers of a box are.
    pub boxes: Units,
    /// Their order.
    pub order: Option<Order>,
    /// A box for each class above the threshold (the default), or only for the best.
    pub multi_label: Option<bool>,
}

/// The layout that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Recognised by names and shapes.
    #[default]
    Auto,
    /// Scores `[1, N, columns]` and boxes `[1, N, 4]`.
    ScoresBoxes,
    /// `[1, 1, N, 7]`.
    DetectionOutput,
    /// Boxes `[1, N, 4]`, classes and scores `[1, N]`, count `[1]`.
    Tensorflow,
}

/// Names of outputs that are not recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// Edges of the boxes.
    pub boxes: Option<String>,
    /// Their scores.
    pub scores: Option<String>,
    /// Their classes.
    pub classes: Option<String>,
    /// How many there are.
    pub count: Option<String>,
}

/// What the numbers of a box are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Units {
    /// 0..=1 of the input.
    #[default]
    Relative,
    /// Pixels of the input.
    Pixels,
}

/// Order of the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Left, upper, right, lower.
    Xyxy,
    /// Upper, left, lower, right.
    Yxyx,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn new(mut params: Params, context: &Context) -> Result<(Self, PostProcess), String> {
        let post = PostProcess::take(&mut params, context, Method::Greedy, 0.45)?;
        let settings: Self = params.parse_beside(&PostProcess::KEYS)?;
        if let Some(first) = settings.first_class.filter(|&first| first > 1000) {
            return Err(format!("parameter `first_class` is {first}: allowed are 0 to 1000"));
        }
        Ok((settings, post))
    }
}
