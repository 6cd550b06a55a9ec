//! The module natively, with a model that always answers the same.

mod outputs;
mod parameters;

use edgevision_sdk::{
    Context, DType, Detect, Infer, ModelInfo, Output, Params, TensorRef,
    testing::{find, info, whole},
};

use crate::Classify;

pub fn context(dtype: DType, outputs: &[(&str, &[i64])], labels: usize) -> Context {
    let model = ModelInfo {
        inputs: vec![info("input", DType::U8, &[1, 224, 224, 3])],
        outputs: outputs.iter().map(|(name, shape)| info(name, dtype, shape)).collect(),
    };
    Context { model: Some(model), labels, score_threshold: 0.25 }
}

pub fn module(json: &str, context: &Context) -> Result<Classify, String> {
    Classify::new(Params::from_json(json)?, context)
}

/// A model with one output of any type.
#[derive(Clone)]
pub struct Answer(pub DType, pub Vec<u8>);

impl Answer {
    pub fn f32(values: &[f32]) -> Self {
        Self(DType::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }
}

impl Infer for Answer {
    fn infer(&mut self, _inputs: &[TensorRef], outputs: &mut [Output]) -> Result<(), String> {
        let Self(dtype, bytes) = self;
        outputs[0].room()[..bytes.len()].copy_from_slice(bytes);
        outputs[0].set(*dtype, &[1, u32::try_from(bytes.len() / dtype.bytes()).unwrap()])
    }
}

/// Class and score of what is reported for a frame of 200x100.
pub fn classes(module: &mut Classify, answer: &Answer) -> Vec<(u32, f32)> {
    let found = find(module, answer.clone(), whole(224, 224), (200, 100)).unwrap();
    let whole = |d: &edgevision_sdk::Detection| (d.x0, d.y0, d.x1, d.y1) == (0.0, 0.0, 200.0, 100.0);
    assert!(found.detections().iter().all(whole));
    found.detections().iter().map(|d| (d.class_id, d.score)).collect()
}
