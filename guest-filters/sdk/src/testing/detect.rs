//! Runs a detector on made-up outputs.

use crate::{
    Context, DType, Detect, Detection, Findings, Geometry, Infer, ModelInfo, Request, TensorData, TensorInfo,
    TensorRef,
};

/// An input or output.
pub fn info(name: &str, dtype: DType, shape: &[i64]) -> TensorInfo {
    TensorInfo { name: name.into(), dtype, shape: shape.to_vec(), quantization: None }
}

/// A job with a model of one f32 input `images` and these f32 outputs, no labels, and the threshold 0.25.
pub fn context(input: &[i64], outputs: &[(&str, &[i64])]) -> Context {
    let model = ModelInfo {
        inputs: vec![info("images", DType::F32, input)],
        outputs: outputs.iter().map(|(name, shape)| info(name, DType::F32, shape)).collect(),
    };
    Context { model: Some(model), labels: 0, score_threshold: 0.25 }
}

/// Where a picture of the input's own size lies in it.
pub fn whole(width: u32, height: u32) -> Geometry {
    Geometry { scale_x: 1.0, scale_y: 1.0, input_width: width, input_height: height, ..Geometry::default() }
}

/// What the module finds in a frame of this size, if the model answers so.
pub fn find(
    module: &mut impl Detect,
    mut model: impl Infer,
    geometry: Geometry,
    (frame_width, frame_height): (u32, u32),
) -> Result<Findings, String> {
    let dims = [1, 3, geometry.input_height, geometry.input_width];
    let tensor = TensorRef { data: TensorData::F32(&[]), dims: &dims, geometry };
    let mut found = Findings::default();
    module.find(&tensor, &Request { frame_width, frame_height }, &mut model, &mut found)?;
    Ok(found)
}

/// Its boxes alone.
pub fn detect(
    module: &mut impl Detect,
    model: impl Infer,
    geometry: Geometry,
    frame: (u32, u32),
) -> Result<Vec<Detection>, String> {
    find(module, model, geometry, frame).map(|found| found.detections().to_vec())
}
