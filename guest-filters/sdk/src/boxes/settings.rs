//! The parameters that all box detectors share.

use serde::Deserialize;

use crate::{
    Context, Params,
    nms::{Method, Nms},
};

/// Checked parameters for what comes after decoding.
#[derive(Clone, Debug, PartialEq)]
pub struct PostProcess {
    /// Least score of a box, 0..=1.
    pub score_threshold: f32,
    /// How overlapping boxes are treated.
    pub nms: Nms,
    /// The user has said how; it is not for the model's layout to decide.
    method_given: bool,
}

/// The parameters as they are written; everything is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    score_threshold: Option<f32>,
    nms: Option<WrittenMethod>,
    nms_iou: Option<f32>,
    soft_sigma: Option<f32>,
    max_detections: Option<usize>,
    max_candidates: Option<usize>,
    agnostic: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenMethod {
    Greedy,
    Linear,
    Gaussian,
    None,
}

impl PostProcess {
    /// The shared parameters.
    pub const KEYS: [&str; 7] =
        ["score_threshold", "nms", "nms_iou", "soft_sigma", "max_detections", "max_candidates", "agnostic"];

    /// Takes the shared parameters out of all, and checks them. The module reads the rest with
    /// [`Params::parse_beside`]. `method` and `iou` are what the family of models does by default.
    pub fn take(params: &mut Params, context: &Context, method: Method, iou: f32) -> Result<Self, String> {
        let written: Written = params.take(&Self::KEYS).parse()?;
        let sigma = above_zero("soft_sigma", written.soft_sigma.unwrap_or(0.5))?;
        let score_threshold =
            share("score_threshold", written.score_threshold.unwrap_or(context.score_threshold))?;
        let nms = Nms {
            method: written.nms.map_or(method, |written| written.with(sigma)),
            iou: share("nms_iou", written.nms_iou.unwrap_or(iou))?,
            max_detections: count("max_detections", written.max_detections.unwrap_or(100), 1000)?,
            max_candidates: count("max_candidates", written.max_candidates.unwrap_or(30_000), 100_000)?,
            agnostic: written.agnostic,
            min_score: score_threshold,
        };
        Ok(Self { score_threshold, nms, method_given: written.nms.is_some() })
    }

    /// Another default for the method, when the model is better known.
    pub fn default_method(&mut self, method: Method) {
        if !self.method_given {
            self.nms.method = method;
        }
    }
}

impl WrittenMethod {
    fn with(self, sigma: f32) -> Method {
        match self {
            Self::Greedy => Method::Greedy,
            Self::Linear => Method::Linear,
            Self::Gaussian => Method::Gaussian { sigma },
            Self::None => Method::None,
        }
    }
}

fn share(key: &str, value: f32) -> Result<f32, String> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(format!("parameter `{key}` is {value}: allowed are 0 to 1"))
}

fn above_zero(key: &str, value: f32) -> Result<f32, String> {
    if value.is_normal() && value > 0.0 {
        return Ok(value);
    }
    Err(format!("parameter `{key}` is {value}: allowed is any number above 0"))
}

fn count(key: &str, value: usize, most: usize) -> Result<usize, String> {
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    Err(format!("parameter `{key}` is {value}: allowed are 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read by Debug")]
    struct Own {
        layout: Option<String>,
        strides: Option<Vec<u32>>,
    }

    fn read(json: &str) -> Result<PostProcess, String> {
        let mut params = Params::from_json(json)?;
        let context = Context { score_threshold: 0.3, ..Context::default() };
        let shared = PostProcess::take(&mut params, &context, Method::Greedy, 0.45)?;
        params.parse_beside::<Own>(&PostProcess::KEYS)?;
        Ok(shared)
    }

    #[test]
    fn everything_has_a_default() {
        let shared = read("{}").unwrap();
        assert_eq!((shared.score_threshold, shared.nms.min_score), (0.3, 0.3));
        assert_eq!((shared.nms.method, shared.nms.iou, shared.nms.agnostic), (Method::Greedy, 0.45, false));
        assert_eq!((shared.nms.max_detections, shared.nms.max_candidates), (100, 30_000));
        let soft = read(r#"{"nms":"gaussian","soft_sigma":0.25,"layout":"x"}"#).unwrap();
        assert_eq!(soft.nms.method, Method::Gaussian { sigma: 0.25 });
    }

    #[test]
    fn the_users_method_is_above_all_defaults() {
        let method = |json| {
            let mut shared = read(json).unwrap();
            shared.default_method(Method::None);
            shared.nms.method
        };
        assert_eq!((method("{}"), method(r#"{"nms":"greedy"}"#)), (Method::None, Method::Greedy));
    }

    #[test]
    fn parameters_are_checked() {
        let cases = [
            (r#"{"score_threshold":25}"#, "parameter `score_threshold` is 25: allowed are 0 to 1"),
            (r#"{"nms_iou":-1}"#, "parameter `nms_iou` is -1: allowed are 0 to 1"),
            (r#"{"soft_sigma":0}"#, "parameter `soft_sigma` is 0: allowed is any number above 0"),
            (r#"{"max_detections":0}"#, "parameter `max_detections` is 0: allowed are 1 to 1000"),
            (
                r#"{"max_candidates":1000000}"#,
                "parameter `max_candidates` is 1000000: allowed are 1 to 100000",
            ),
            (
                r#"{"nms":"soft"}"#,
                "parameter `nms`: unknown value `soft`, expected one of `greedy`, `linear`, `gaussian`, `none`",
            ),
            (
                r#"{"agnostic":"yes"}"#,
                "parameter `agnostic`: invalid type: string \"yes\", expected a boolean",
            ),
            (
                r#"{"iou":1}"#,
                "unknown parameter `iou`; allowed: `layout`, `strides`, `score_threshold`, `nms`, `nms_iou`, \
                 `soft_sigma`, `max_detections`, `max_candidates`, `agnostic`",
            ),
        ];
        for (json, sentence) in cases {
            assert_eq!(read(json), Err(sentence.to_owned()), "{json}");
        }
    }
}
