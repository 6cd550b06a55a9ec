//! The module natively, with a model that always answers the same.

mod golden;
mod layouts;
mod outputs;
mod suppression;

use edgevision_sdk::{
    Context, DType, Detect, Detection, Geometry, ModelInfo, Params, Request, TensorData, TensorInfo,
    TensorRef, testing::FixedModel,
};

use crate::Yolo;

pub fn info(name: &str, dtype: DType, shape: &[i64]) -> TensorInfo {
    TensorInfo { name: name.into(), dtype, shape: shape.to_vec() }
}

/// A job with a model of one f32 input and one f32 output, and the threshold 0.25.
pub fn context(input: &[i64], output: &[i64], labels: usize) -> Context {
    let model = ModelInfo {
        inputs: vec![info("images", DType::F32, input)],
        outputs: vec![info("output", DType::F32, output)],
    };
    Context { model: Some(model), labels, score_threshold: 0.25 }
}

pub fn module(json: &str, context: &Context) -> Result<Yolo, String> {
    Yolo::new(Params::from_json(json)?, context)
}

/// Where a picture of the input's size lies in it.
pub fn whole(width: u32, height: u32) -> Geometry {
    Geometry { scale_x: 1.0, scale_y: 1.0, input_width: width, input_height: height, ..Geometry::default() }
}

/// What the module reports for this output.
pub fn detect(
    yolo: &mut Yolo,
    output: (Vec<u32>, Vec<f32>),
    geometry: Geometry,
    (frame_width, frame_height): (u32, u32),
) -> Result<Vec<Detection>, String> {
    let tensor = TensorRef { data: TensorData::F32(&[]), dims: &[1, 3, 0, 0], geometry };
    let mut found = vec![];
    let mut model = FixedModel(vec![output]);
    yolo.run(&tensor, &Request { frame_width, frame_height }, &mut model, &mut |d| found.push(d))?;
    Ok(found)
}
