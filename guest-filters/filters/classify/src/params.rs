//! What the user may write.

use edgevision_sdk::{Context, DType, Params, Quantization};
use serde::Deserialize;

use crate::activation::Wanted;

/// The parameters as they are written; everything is optional. `params.schema.json` says the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    output: Option<String>,
    activation: Wanted,
    top_k: Option<usize>,
    score_threshold: Option<f32>,
    background: Option<usize>,
    offset: i64,
    scale: Option<f32>,
    zero_point: Option<i32>,
}

/// Checked parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the output with the classes; none for the only one.
    pub output: Option<String>,
    /// What the output is.
    pub activation: Wanted,
    /// Most classes that are reported, at least 1.
    pub top_k: usize,
    /// Least probability, 0..=1.
    pub score_threshold: f32,
    /// A class that is never reported.
    pub background: Option<usize>,
    offset: i64,
    scale: Option<f32>,
    zero_point: Option<i32>,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn new(params: Params, context: &Context) -> Result<Self, String> {
        let written: Written = params.parse()?;
        let top_k = written.top_k.unwrap_or(1);
        if !(1..=100).contains(&top_k) {
            return Err(format!("parameter `top_k` is {top_k}: allowed are 1 to 100"));
        }
        let score_threshold = written.score_threshold.unwrap_or(context.score_threshold);
        if !(0.0..=1.0).contains(&score_threshold) {
            return Err(format!("parameter `score_threshold` is {score_threshold}: allowed are 0 to 1"));
        }
        if let Some(scale) = written.scale.filter(|scale| !scale.is_normal() || *scale < 0.0) {
            return Err(format!("parameter `scale` is {scale}: allowed is any number above 0"));
        }
        let Written { output, activation, background, offset, scale, zero_point, .. } = written;
        Ok(Self { output, activation, top_k, score_threshold, background, offset, scale, zero_point })
    }

    /// Refuses a background that is none of the model's classes.
    pub fn check_background(&self, classes: usize) -> Result<(), String> {
        match self.background.filter(|background| *background >= classes) {
            Some(found) => Err(format!(
                "parameter `background` is {found}: the model's classes are 0 to {}",
                classes - 1
            )),
            None => Ok(()),
        }
    }

    /// The number under which a class is reported; none for what the offset moves below 0.
    pub fn class_id(&self, class: usize) -> Option<u32> {
        u32::try_from(i64::try_from(class).ok()?.checked_add(self.offset)?).ok()
    }

    /// How many labels a model of so many classes needs.
    pub fn labels(&self, classes: usize) -> usize {
        let classes = i64::try_from(classes).unwrap_or(i64::MAX).saturating_add(self.offset);
        usize::try_from(classes).unwrap_or(0)
    }

    /// How elements of this type are read: as the parameters say, as the model says, or by custom. TensorFlow Lite's specification of 8-bit quantisation fixes the scale of
    /// softmax to 1/256 and its zero point to the least number.
    pub fn quantization(&self, dtype: DType, told: Option<Quantization>) -> Quantization {
        let (scale, zero_point) = match (dtype, told) {
            (_, Some(Quantization { scale, zero_point })) => (scale, zero_point),
            (DType::U8, None) => (1.0 / 256.0, 0),
            (DType::I8, None) => (1.0 / 256.0, -128),
            _ => (1.0, 0),
        };
        Quantization {
            scale: self.scale.unwrap_or(scale),
            zero_point: self.zero_point.map_or(zero_point, i64::from),
        }
    }
}
