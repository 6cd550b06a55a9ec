//! Raw outputs: the golden input through an engine against the golden outputs.

use edgevision_wasm_host::nn::{self, DType, LoadOptions, OutputBuf, TensorView};

use crate::{
    catalog::Model,
    cell::{Cell, Outcome, with_engine},
};

/// Largest difference of float models, relative to the larger of 1 and the value.
const FLOAT: f32 = 1e-3;
/// What classifiers' probabilities differ by between engines (README of the media).
const CLASSIFIER_INT8: f32 = 0.007;
/// Mean difference of a quantised detector's raw outputs. Single values of empty cells move by many quantisation steps;
/// what that does to boxes stands in the rows below.
const DETECTOR_INT8_MEAN: f32 = 0.01;

pub fn cell(model: &Model, engine: &'static str) -> Cell {
    let run = {
        let model = model.clone();
        move || with_engine(&model, engine, || measure(&model, engine))
    };
    Cell {
        model: model.name.clone(),
        what: "outputs".into(),
        engine: Some(engine),
        slow: false,
        run: Box::new(run),
    }
}

fn measure(model: &Model, engine: &str) -> Outcome {
    let (mut most, mut sum, mut count) = (0.0f32, 0.0f64, 0u32);
    for (ours, theirs) in outputs(model, engine).iter().zip(golden(model)) {
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(theirs) {
            let difference = (a - b).abs() / b.abs().max(1.0);
            assert!(difference.is_finite());
            most = most.max(difference);
            sum += f64::from(difference);
            count += 1;
        }
    }
    let mean = sum / f64::from(count);
    let holds = match (model.is_quantised(), model.is_classifier()) {
        (false, _) => most <= FLOAT,
        (true, true) => most <= CLASSIFIER_INT8,
        (true, false) => mean <= f64::from(DETECTOR_INT8_MEAN),
    };
    let text =
        if holds && most <= FLOAT { format!("{most:.0e}") } else { format!("{most:.0e} mean {mean:.0e}") };
    Outcome::Measured { text, holds }
}

fn golden(model: &Model) -> Vec<Vec<f32>> {
    let meta = model.meta();
    let files = meta["outputs"].as_array().unwrap().iter().map(|output| output["file"].as_str().unwrap());
    let floats = |file: &str| {
        let bytes = std::fs::read(model.tensors().join(file)).unwrap();
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
    };
    files.map(floats).collect()
}

fn outputs(model: &Model, engine: &str) -> Vec<Vec<f32>> {
    let loaded = nn::load_model(&model.file, engine, &LoadOptions::default()).unwrap();
    let info = &loaded.inputs()[0];
    let shape: Vec<usize> = info.shape.iter().map(|dim| dim.unwrap()).collect();
    let words = input(model, info.dtype);
    let data = &words.as_bytes()[..info.byte_len().unwrap()];
    let view = TensorView { dtype: info.dtype, shape: &shape, data };
    let mut rooms: Vec<Words> =
        loaded.outputs().iter().map(|info| Words::zeroed(info.byte_len().unwrap())).collect();
    let mut outputs: Vec<OutputBuf<'_>> = rooms
        .iter_mut()
        .map(|room| OutputBuf { data: room.as_mut_bytes(), dtype: DType::U8, shape: vec![], len: 0 })
        .collect();
    loaded.clone().session().unwrap().run(&[view], &mut outputs).unwrap();
    assert!(outputs.iter().all(|output| output.dtype == DType::F32), "the media's models have float outputs");
    rooms.into_iter().map(|room| room.0).collect()
}

/// The golden picture (HWC bytes) as the model wants it.
fn input(model: &Model, dtype: DType) -> Words {
    let pixels = std::fs::read(model.tensors().join("input.u8")).unwrap();
    if dtype == DType::U8 {
        let mut words = Words::zeroed(pixels.len().next_multiple_of(4));
        words.as_mut_bytes()[..pixels.len()].copy_from_slice(&pixels);
        return words;
    }
    assert_eq!((dtype, &model.input["layout"]), (DType::F32, &"NCHW".into()));
    let number = |key: &str, channel: usize| model.input[key][channel].as_f64().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "the model computes in f32")]
    let value = |channel: usize, pixel: u8| {
        ((f64::from(pixel) - number("mean", channel)) / number("std", channel)) as f32
    };
    let plane =
        |channel: usize| pixels.iter().skip(channel).step_by(3).map(move |&pixel| value(channel, pixel));
    Words((0..3).flat_map(plane).collect())
}

/// Bytes that are aligned for floats.
struct Words(Vec<f32>);

impl Words {
    fn zeroed(bytes: usize) -> Self {
        assert_eq!(bytes % 4, 0);
        Self(vec![0.0; bytes / 4])
    }
    fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
    fn as_mut_bytes(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}
