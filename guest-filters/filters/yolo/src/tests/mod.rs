//! The module natively, with a model that always answers the same.

mod golden;
mod grids;
mod layouts;
mod open_sizes;
mod outputs;
mod refusals;
mod suggestions;

use edgevision_sdk::{
    Context, Detect, Detection, Geometry, Params,
    testing::{self, FixedModel},
};

use crate::Yolo;

/// A job with a model of one f32 input and one f32 output, and the threshold 0.25.
fn context(input: &[i64], output: &[i64], labels: usize) -> Context {
    Context { labels, ..testing::context(input, &[("output", output)]) }
}

fn module(json: &str, context: &Context) -> Result<Yolo, String> {
    Yolo::new(Params::from_json(json)?, context)
}

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap_or_else(|| panic!("{json} was accepted"))
}

/// What the module reports for this output.
fn detect(
    yolo: &mut Yolo,
    output: (Vec<u32>, Vec<f32>),
    geometry: Geometry,
    frame: (u32, u32),
) -> Result<Vec<Detection>, String> {
    testing::detect(yolo, FixedModel(vec![output]), geometry, frame)
}

/// Edges, score and class.
fn plain(d: &Detection) -> ([f32; 4], f32, u32) {
    ([d.x0, d.y0, d.x1, d.y1], d.score, d.class_id)
}
