//! The module natively, with a model that always answers the same.

mod golden;
mod outputs;
mod refusals;

use edgevision_sdk::{Context, Detect, Params, testing};

use crate::Yunet;

pub const KINDS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// Names and shapes of the outputs for an input of 32x32: 16 cells of stride 8 and 4 of stride 16.
pub fn shapes() -> Vec<(String, Vec<u32>)> {
    let of = |stride: u32| {
        let cells = (32 / stride) * (32 / stride);
        KINDS.map(|(kind, columns)| {
            (format!("{kind}_{stride}"), vec![1, cells, u32::try_from(columns).unwrap()])
        })
    };
    [8, 16].into_iter().flat_map(of).collect()
}

pub fn context(outputs: &[(String, Vec<u32>)]) -> Context {
    let outputs: Vec<(&str, Vec<i64>)> = outputs
        .iter()
        .map(|(name, shape)| (name.as_str(), shape.iter().map(|&d| d.into()).collect()))
        .collect();
    let outputs: Vec<(&str, &[i64])> = outputs.iter().map(|(name, shape)| (*name, &shape[..])).collect();
    testing::context(&[1, 3, 32, 32], &outputs)
}

pub fn module(json: &str, context: &Context) -> Result<Yunet, String> {
    Yunet::new(Params::from_json(json)?, context)
}
