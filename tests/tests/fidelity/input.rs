//! The input tensor: the shipped letterbox module in its sandbox against the reference's resize.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use edgevision_tests::media::{media, shipped};
use edgevision_wasm_host::{
    analysis::{AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
    nn::{
        DType, TensorInfo,
        fake::{FakeModel, FakeTensor},
    },
};
use gst::prelude::*;
use serde_json::{Value, json};

use crate::{
    catalog::Model,
    cell::{Cell, Outcome},
};

/// Largest difference of one value, in grey levels: rounding of the resize.
const MOST: f32 = 1.0;
/// Mean difference, as a share of the range of a pixel.
const MOST_MEAN: f32 = 1e-3;

pub fn cell(model: &Model) -> Cell {
    let run = {
        let model = model.clone();
        move || measure(&model)
    };
    Cell { model: model.name.clone(), what: "input".into(), engine: None, slow: false, run: Box::new(run) }
}

fn measure(model: &Model) -> Outcome {
    let meta = model.meta();
    let picture = media(&format!("images/{}", meta["image"].as_str().unwrap())).unwrap();
    let golden = std::fs::read(model.tensors().join("input.u8")).unwrap();
    let ours = preprocessed(model, &golden_shape(&meta), &frame(&picture));
    assert_eq!(ours.len(), golden.len());
    let differences = ours.iter().zip(&golden).map(|(&a, &b)| f32::from(a.abs_diff(b)));
    let (most, sum) = differences.fold((0.0f32, 0.0), |(most, sum), d| (most.max(d), sum + d));
    let mean = sum / ours.len() as f32 / 255.0;
    Outcome::Measured {
        text: format!("max {most} of 255, mean {mean:.5}"),
        holds: most <= MOST && mean <= MOST_MEAN,
    }
}

fn golden_shape(meta: &Value) -> [usize; 4] {
    let dim = |index: usize| usize::try_from(meta["input"]["shape_hwc"][index].as_u64().unwrap()).unwrap();
    [1, dim(0), dim(1), dim(2)]
}

/// The picture as libjpeg decodes it, which the reference used: other decoders differ by up to 6 grey levels.
fn frame(picture: &Path) -> Frame {
    gst::init().unwrap();
    let description = format!(
        "filesrc location={} ! gdkpixbufdec ! videoconvert ! video/x-raw,format=RGB ! appsink name=sink sync=false",
        picture.display()
    );
    let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Bin>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let sample = sink.pull_sample().unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let buffer = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &info).unwrap();
    let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Full };
    let layout = FrameLayout::packed(PixelFormat::Rgb, info.width(), info.height(), color).unwrap();
    let stride = usize::try_from(info.stride()[0]).unwrap();
    let tight = info.width() as usize * 3;
    let lines = buffer.plane_data(0).unwrap().chunks(stride);
    let bytes: Vec<u8> = lines.take(info.height() as usize).flat_map(|line| line[..tight].to_vec()).collect();
    let arena = Arena::new(layout.byte_len(), 1).unwrap();
    let mut slot = arena.acquire().unwrap();
    Arc::get_mut(&mut slot).unwrap().copy_from(0, &bytes).unwrap();
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (seq, timestamp_ns, transfer) = (0, None, Transfer::Copied);
    Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive: Box::new(slot) }
}

/// The bytes that a model of this input would see: u8, NHWC, before mean and std, as the golden picture.
fn preprocessed(model: &Model, shape: &[usize; 4], frame: &Frame) -> Vec<u8> {
    let seen = Arc::new(Mutex::new(vec![]));
    let output = FakeTensor::f32([1, 84, 21], [0.0; 84 * 21]);
    let shape = shape.iter().copied().map(Some).collect();
    let inputs = vec![TensorInfo { name: "pixels".into(), dtype: DType::U8, shape }];
    let (input, answer) = (Arc::clone(&seen), output.clone());
    let fake = FakeModel::with_inputs(inputs, vec![output]).answering(move |_, inputs| {
        *input.lock().unwrap() = inputs[0].data.to_vec();
        Ok(vec![answer.clone()])
    });
    let mut params = model.preprocess();
    params.as_object_mut().unwrap().extend([
        ("layout".to_owned(), json!("nhwc")),
        ("mean".to_owned(), json!(0)),
        ("std".to_owned(), json!(1)),
    ]);
    let stage = |name: &str, params| Stage {
        module: Module::load(&shipped(&format!("target/guests/{name}.wasm"))).unwrap(),
        params,
    };
    let spec = JobSpec {
        preprocess: stage("letterbox", params),
        detect: stage("yolo", json!({ "layout": "yolov8" })),
        model: Some(Arc::new(fake)),
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.5),
        limits: Limits::default(),
    };
    let analysis = Job::new(spec).unwrap().build().unwrap().analyze(frame);
    assert_eq!((analysis.status, analysis.message), (Status::Ok, None));
    std::mem::take(&mut *seen.lock().unwrap())
}
