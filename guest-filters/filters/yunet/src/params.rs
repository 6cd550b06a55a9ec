//! What the user may write.

use edgevision_sdk::{Context, Params, boxes::PostProcess, nms::Method};
use serde::Deserialize;

/// The parameters as they are written, without those that all box detectors share; everything is optional.
/// `params.schema.json` says the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    score: Score,
    landmarks: Option<bool>,
}

/// How the score is made of its two factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// Class times objectness, as in libfacedetection.train.
    #[default]
    Product,
    /// The square root of that, as in OpenCV's FaceDetectorYN.
    Root,
}

impl Score {
    /// The score of a cell; NaN when one of the two is.
    pub fn of(self, class: f32, object: f32) -> f32 {
        match self {
            Self::Product => class * object,
            Self::Root => libm::sqrtf(class * object),
        }
    }
}

/// Checked parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How the score is made.
    pub score: Score,
    /// Landmarks are reported.
    pub landmarks: bool,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn new(mut params: Params, context: &Context) -> Result<(Self, PostProcess), String> {
        let post = PostProcess::take(&mut params, context, Method::Greedy, 0.45)?;
        let Written { score, landmarks } = params.parse_beside(&PostProcess::KEYS)?;
        Ok((Self { score, landmarks: landmarks.unwrap_or(true) }, post))
    }
}
