//! The module natively, with a model that always answers the same.

mod golden;
mod outputs;
mod recognition;
mod refusals;

use edgevision_sdk::{
    Context, Detect, Detection, Params,
    testing::{self, FixedModel, detect, whole},
};

use crate::Ssd;

const INPUT: [i64; 4] = [1, 3, 100, 200];

/// A job with a model of one f32 input of 200x100 and these f32 outputs, and the threshold 0.25.
fn context(outputs: &[(&str, &[i64])], labels: usize) -> Context {
    Context { labels, ..testing::context(&INPUT, outputs) }
}

fn module(json: &str, context: &Context) -> Result<Ssd, String> {
    Ssd::new(Params::from_json(json)?, context)
}

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap_or_else(|| panic!("{json} was accepted"))
}

/// An output: name, shape and values.
type Made<'a> = (&'a str, &'a [i64], Vec<f32>);

/// Edges, score and class of all that the module reports for these outputs.
fn found(json: &str, outputs: &[Made]) -> Vec<([f32; 4], f32, u32)> {
    let announced: Vec<(&str, &[i64])> = outputs.iter().map(|(name, shape, _)| (*name, *shape)).collect();
    let mut ssd = module(json, &context(&announced, 0)).unwrap();
    answered(&mut ssd, outputs).unwrap().iter().map(plain).collect()
}

fn answered(ssd: &mut Ssd, outputs: &[Made]) -> Result<Vec<Detection>, String> {
    let dims = |shape: &[i64]| shape.iter().map(|&d| u32::try_from(d).unwrap()).collect();
    let outputs = outputs.iter().map(|(_, shape, values)| (dims(shape), values.clone())).collect();
    detect(ssd, FixedModel(outputs), whole(200, 100), (200, 100))
}

fn plain(d: &Detection) -> ([f32; 4], f32, u32) {
    ([d.x0, d.y0, d.x1, d.y1], d.score, d.class_id)
}
