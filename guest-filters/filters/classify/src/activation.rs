//! From the output of a classifier to probabilities.

use serde::Deserialize;

/// What the output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Probabilities until it is seen to be logits.
    #[default]
    Auto,
    /// Logits.
    Softmax,
    /// Probabilities.
    None,
}

/// Sums of probabilities that are believed. Quantisation rounds a thousand of them: half a step of 1/256 for each, and
/// most of them to nothing.
const SUMS: std::ops::RangeInclusive<f32> = 0.5..=1.05;

/// What is done to the outputs of one model. It learns: a model that has once said something that is no probability
/// speaks in logits.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    wanted: Wanted,
    seen_logits: bool,
}

impl Activation {
    /// Before the first output.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, seen_logits: false }
    }

    /// Makes probabilities of an output.
    pub fn apply(&mut self, values: &mut [f32]) {
        self.seen_logits |= self.wanted == Wanted::Auto && !are_probabilities(values);
        if self.seen_logits || self.wanted == Wanted::Softmax {
            softmax(values);
        }
    }
}

fn are_probabilities(values: &[f32]) -> bool {
    values.iter().all(|value| (0.0..=1.0).contains(value)) && SUMS.contains(&values.iter().sum())
}

/// `exp(v - max) / sum`. NaN stays NaN and takes nothing from the others.
fn softmax(values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, |best, v| if v > best { v } else { best });
    let mut sum = 0.0;
    for value in values.iter_mut() {
        // The same exp natively and in Wasm, to the last bit. An infinite value is as sure as can be.
        *value = if *value == largest { 1.0 } else { libm::expf(*value - largest) };
        sum += if value.is_nan() { 0.0 } else { *value };
    }
    values.iter_mut().for_each(|value| *value /= sum);
}
