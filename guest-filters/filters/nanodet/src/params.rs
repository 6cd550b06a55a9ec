//! What the user may write.

use edgevision_sdk::{Context, Params, boxes::PostProcess, nms::Method};
use serde::Deserialize;

/// The parameters as they are written, without the shared ones; everything is optional. `params.schema.json` says
/// the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    strides: Option<Vec<u32>>,
    bins: Option<usize>,
    center: Center,
    sigmoid: bool,
}

/// Where the distances of a cell start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Center {
    /// As the layout does by default.
    #[default]
    Auto,
    /// `(x + 0.5) * s - 0.5`
    Middle,
    /// `x * s`
    Corner,
}

/// Checked parameters, without the shared ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Input pixels per cell, grid by grid; none to find out.
    pub strides: Option<Vec<u32>>,
    /// Numbers for each distance, at least 2.
    pub bins: usize,
    /// Where the distances of a cell start.
    pub center: Center,
    /// The class scores are logits.
    pub sigmoid: bool,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn new(mut params: Params, context: &Context) -> Result<(Self, PostProcess), String> {
        let post = PostProcess::take(&mut params, context, Method::Greedy, 0.6)?;
        let written: Written = params.parse_beside(&PostProcess::KEYS)?;
        if let Some(strides) = &written.strides
            && (strides.is_empty() || strides.len() > 8 || strides.contains(&0))
        {
            return Err(format!("parameter `strides` is {strides:?}: allowed are 1 to 8 numbers above 0"));
        }
        let bins = written.bins.unwrap_or(8);
        if !(2..=64).contains(&bins) {
            return Err(format!("parameter `bins` is {bins}: allowed are 2 to 64"));
        }
        let Written { strides, center, sigmoid, .. } = written;
        Ok((Self { strides, bins, center, sigmoid }, post))
    }
}
