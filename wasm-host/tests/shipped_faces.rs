//! `yunet` and `classify` as they ship, on models of the shared media: what they find inside WebAssembly is what the
//! reference found.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{path::PathBuf, sync::Arc};

use edgevision_wasm_host::{
    analysis::{Analysis, AnalyzerFactory, Status},
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
use serde_json::{Value, json};

fn guest(name: &str) -> Arc<Module> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(format!("{name}.wasm"));
    Module::load(&path).unwrap_or_else(|error| panic!("{error} (`cargo xtask guests` builds it)"))
}

/// The folder of a model's tensors, or None (skip) when it is not there and not required.
fn tensors(model: &str) -> Option<(PathBuf, Value)> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/media");
    let media = std::env::var_os("EDGEVISION_MEDIA").map_or_else(|| default.into(), PathBuf::from);
    let folder = media.join("reference/tensors").join(model);
    if !folder.is_dir() {
        let required = std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_some_and(|value| value == "1");
        assert!(!required, "EDGEVISION_REQUIRE_MEDIA=1, but {} is no folder", folder.display());
        println!("skipped: no media folder at {}; set EDGEVISION_MEDIA", media.display());
        return None;
    }
    let meta = serde_json::from_slice(&std::fs::read(folder.join("meta.json")).unwrap()).unwrap();
    Some((folder, meta))
}

/// A model that answers with the reference's outputs, in this order of their names.
fn model(
    folder: &std::path::Path,
    meta: &Value,
    input: TensorInfo,
    order: impl Fn(&mut Vec<Value>),
) -> FakeModel {
    let mut outputs = meta["outputs"].as_array().unwrap().clone();
    order(&mut outputs);
    let shape = |output: &Value| -> Vec<usize> {
        let dims = output["shape"].as_array().unwrap().iter();
        dims.map(|dim| usize::try_from(dim.as_u64().unwrap()).unwrap()).collect()
    };
    let info = |output: &Value| TensorInfo {
        name: output["name"].as_str().unwrap().into(),
        dtype: DType::F32,
        shape: shape(output).into_iter().map(Some).collect(),
    };
    let answer = |output: &Value| {
        let data = std::fs::read(folder.join(output["file"].as_str().unwrap())).unwrap();
        FakeTensor { dtype: DType::F32, shape: shape(output), data }
    };
    let answers = outputs.iter().map(answer).collect();
    FakeModel::with_inputs(vec![input], answers).with_outputs(outputs.iter().map(info).collect())
}

/// A grey frame of this size: what the model sees is of no meaning here.
fn frame(width: u32, height: u32) -> Frame {
    let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Limited };
    let layout = FrameLayout::packed(PixelFormat::Gray8, width, height, color).unwrap();
    let arena = Arena::new(layout.byte_len(), 2).unwrap();
    let slot = arena.acquire().unwrap();
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (seq, timestamp_ns, transfer) = (0, None, Transfer::InPlace);
    Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive: Box::new(slot) }
}

fn analyse(
    detect: (&str, Value),
    letterbox: Value,
    model: FakeModel,
    threshold: f32,
    frame: &Frame,
) -> Analysis {
    let spec = JobSpec {
        preprocess: Stage { module: guest("letterbox"), params: letterbox },
        detect: Stage { module: guest(detect.0), params: detect.1 },
        model: Some(Arc::new(model)),
        labels: Arc::new([]),
        thresholds: Thresholds::all(threshold),
        limits: Limits::default(),
    };
    let mut analyzer = Job::new(spec).unwrap().build().unwrap();
    let first = analyzer.analyze(frame);
    assert_eq!((first.status, first.message.as_deref()), (Status::Ok, None));
    let second = analyzer.analyze(frame);
    assert_eq!(first.detections, second.detections, "the second frame, with everything allocated");
    second
}

/// Pixels of the source: letterbox tells the scale of each axis by whole pixels, the reference one for both.
const NEAR: f64 = 0.25;

fn near(ours: f32, theirs: &Value, tolerance: f64) {
    let theirs = theirs.as_f64().unwrap();
    assert!((f64::from(ours) - theirs).abs() <= tolerance, "{ours} {theirs}");
}

#[test]
fn yunet_finds_faces_and_their_points_whatever_the_order_of_the_outputs() {
    let Some((folder, meta)) = tensors("face_yunet_n_320") else { return };
    let input =
        TensorInfo { name: "input".into(), dtype: DType::F32, shape: [1, 3, 320, 320].map(Some).to_vec() };
    let model = model(&folder, &meta, input, |outputs| outputs.reverse());
    let letterbox = json!({ "align": "top_left", "pad": 0, "color": "bgr" });
    let found = analyse(("yunet", json!({})), letterbox, model, 0.4, &frame(512, 355)).detections;
    let expected = meta["decoded"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (ours, theirs) in found.iter().zip(expected) {
        near(ours.score, &theirs["score"], 1e-4);
        let edges = [ours.x0, ours.y0, ours.x1, ours.y1];
        edges.iter().enumerate().for_each(|(edge, ours)| near(*ours, &theirs["box"][edge], NEAR));
        let landmarks = ours.extras.as_ref().unwrap().landmarks.as_ref().unwrap();
        assert_eq!(landmarks.points.len(), 5);
        for (point, theirs) in landmarks.points.iter().zip(theirs["keypoints"].as_array().unwrap()) {
            near(point.x, &theirs[0], NEAR);
            near(point.y, &theirs[1], NEAR);
            assert_eq!(point.confidence, None);
        }
        let names = ["right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner"];
        assert_eq!(landmarks.scheme.names, names);
    }
}

#[test]
fn classify_tells_the_classes_of_the_frame() {
    let Some((folder, meta)) = tensors("mobilenet_v2_224_int8") else { return };
    let input =
        TensorInfo { name: "input".into(), dtype: DType::U8, shape: [1, 224, 224, 3].map(Some).to_vec() };
    let model = model(&folder, &meta, input, |_| {});
    let detect = ("classify", json!({ "top_k": 5 }));
    let found = analyse(detect, json!({ "mode": "stretch" }), model, 0.0, &frame(1280, 720)).detections;
    let expected = meta["decoded"].as_array().unwrap();
    assert_eq!(found.len(), 5);
    for (ours, theirs) in found.iter().zip(expected) {
        assert_eq!(u64::from(ours.class_id), theirs["class_id"].as_u64().unwrap());
        near(ours.score, &theirs["score"], 1e-4);
        assert_eq!([ours.x0, ours.y0, ours.x1, ours.y1], [0.0, 0.0, 1280.0, 720.0]);
        assert_eq!(ours.extras, None);
    }
}
