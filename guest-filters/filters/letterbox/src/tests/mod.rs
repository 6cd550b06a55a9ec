//! The module natively: against a straightforward reference in f64, and its kernels against their scalar twins.

mod golden;
mod kernels;
mod parameters;
mod pictures;
mod reference;

use edgevision_sdk::{
    Context, DType, FrameView, Geometry, ModelInfo, Params, Preprocess, TensorInfo, TensorMut,
};

use crate::Letterbox;

/// A job whose model has one input.
pub fn context(dtype: DType, shape: &[i64]) -> Context {
    let input = TensorInfo { name: "images".into(), dtype, shape: shape.to_vec(), quantization: None };
    Context { model: Some(ModelInfo { inputs: vec![input], outputs: vec![] }), ..Context::default() }
}

pub fn module(json: &str, context: &Context) -> Result<Letterbox, String> {
    Letterbox::new(Params::from_json(json)?, context)
}

/// The tensor as f32, whatever its type; the room is dirty before.
pub fn run(module: &mut Letterbox, frame: &FrameView) -> (Vec<f32>, Geometry) {
    let spec = module.tensor_spec();
    let count = spec.dims.iter().product::<u32>() as usize;
    match spec.dtype {
        DType::U8 => {
            let mut values = vec![7; count];
            let geometry = module.run(frame, &mut TensorMut::U8(&mut values)).unwrap();
            (values.into_iter().map(f32::from).collect(), geometry)
        }
        DType::I8 => {
            let mut values = vec![7; count];
            let geometry = module.run(frame, &mut TensorMut::I8(&mut values)).unwrap();
            (values.into_iter().map(f32::from).collect(), geometry)
        }
        DType::F16 => {
            let mut values = vec![7; count];
            let geometry = module.run(frame, &mut TensorMut::F16(&mut values)).unwrap();
            (values.into_iter().map(|bits| half::f16::from_bits(bits).to_f32()).collect(), geometry)
        }
        _ => {
            let mut values = vec![f32::NAN; count];
            let geometry = module.run(frame, &mut TensorMut::F32(&mut values)).unwrap();
            (values, geometry)
        }
    }
}
