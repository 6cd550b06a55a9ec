//! The module natively, with a model that always answers the same.

mod golden;
mod outputs;
mod refusals;

use edgevision_sdk::{Context, Detect, Params, testing};

use crate::FastestDet;

/// A job with a model of one f32 input and one f32 output, and the threshold 0.25.
fn context(input: &[i64], output: &[i64], labels: usize) -> Context {
    Context { labels, ..testing::context(input, &[("758", output)]) }
}

fn module(json: &str, context: &Context) -> Result<FastestDet, String> {
    FastestDet::new(Params::from_json(json)?, context)
}
