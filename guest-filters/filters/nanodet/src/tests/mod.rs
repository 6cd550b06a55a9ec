//! The module natively, with a model that always answers the same.

mod made;
mod outputs;
mod refusals;

use edgevision_sdk::{Context, Detect, Params, testing};

use crate::NanoDet;

/// A job with a model of one f32 input of 100x68 and these f32 outputs, and the threshold 0.25.
fn context(outputs: &[(&str, &[i64])], labels: usize) -> Context {
    Context { labels, ..testing::context(&[1, 3, 68, 100], outputs) }
}

fn module(json: &str, context: &Context) -> Result<NanoDet, String> {
    NanoDet::new(Params::from_json(json)?, context)
}
