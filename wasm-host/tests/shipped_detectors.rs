//! Every layout of every detector gives the same bits inside WebAssembly (vector instructions of the sandbox) as
//! natively (plain arrays, held against references by the modules' own tests).

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod pictures;

use std::sync::Arc;

use edgevision_sdk::{
    Context, DType, Detect, Detection, ModelInfo, Params, TensorInfo,
    testing::{self, FixedModel, detect, whole},
};
use edgevision_wasm_host::{
    analysis::{AnalyzerFactory, Status},
    detection::Thresholds,
    job::{Job, JobSpec, Limits, Stage},
    nn::{
        self,
        fake::{FakeModel, FakeTensor},
    },
};
use fastestdet::FastestDet;
use nanodet::NanoDet;
use pictures::{guest, rgb_frame};
use ssd::Ssd;
use yolo::Yolo;

/// Width and height of frame and input: nothing is scaled.
const SIDE: u32 = 64;

/// One layout: parameters, and names and shapes of the outputs.
struct Case {
    params: &'static str,
    outputs: Vec<(&'static str, Vec<usize>)>,
}

fn case(params: &'static str, outputs: &[(&'static str, &[usize])]) -> Case {
    Case { params, outputs: outputs.iter().map(|(name, shape)| (*name, shape.to_vec())).collect() }
}

/// Numbers that are the same in every run: 0..1, and now and then none.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = self.0 >> 8;
        if value.is_multiple_of(71) { f32::NAN } else { value as f32 / 16_777_216.0 }
    }
    fn answers(&mut self, case: &Case) -> Vec<Vec<f32>> {
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let answer = |(name, shape): &(&str, Vec<usize>)| {
            let mut values: Vec<f32> = (0..count(shape)).map(|_| self.next()).collect();
            if *name == "detection_out" {
                // All are in the first image; so many numbers above 0 are classes.
                values.iter_mut().step_by(7).for_each(|image| *image = 0.0);
            }
            values
        };
        case.outputs.iter().map(answer).collect()
    }
}

fn context(case: &Case) -> Context {
    let output = |(name, shape): &(&str, Vec<usize>)| {
        let shape: Vec<i64> = shape.iter().map(|&d| i64::try_from(d).unwrap()).collect();
        testing::info(name, DType::F32, &shape)
    };
    let side = i64::from(SIDE);
    let inputs = vec![TensorInfo {
        name: "images".into(),
        dtype: DType::F32,
        shape: vec![1, 3, side, side],
        quantization: None,
    }];
    let model = ModelInfo { inputs, outputs: case.outputs.iter().map(output).collect() };
    Context { model: Some(model), labels: 0, score_threshold: 0.25 }
}

fn natively<T: Detect>(case: &Case, answers: &[Vec<f32>]) -> Vec<Detection> {
    let mut module = T::new(Params::from_json(case.params).unwrap(), &context(case)).unwrap();
    let dims = |shape: &[usize]| shape.iter().map(|&d| u32::try_from(d).unwrap()).collect();
    let outputs = case.outputs.iter().zip(answers).map(|((_, shape), values)| (dims(shape), values.clone()));
    detect(&mut module, FixedModel(outputs.collect()), whole(SIDE, SIDE), (SIDE, SIDE)).unwrap()
}

fn sandboxed(
    name: &str,
    case: &Case,
    answers: &[Vec<f32>],
) -> Vec<edgevision_wasm_host::detection::Detection> {
    let tensors = case.outputs.iter().zip(answers).map(|((_, shape), v)| FakeTensor::f32(shape.clone(), v));
    let info = |(name, shape): &(&str, Vec<usize>)| {
        let shape = shape.iter().copied().map(Some).collect();
        nn::TensorInfo { name: (*name).to_owned(), dtype: nn::DType::F32, shape }
    };
    let model = FakeModel::new([("images", [1, 3, SIDE as usize, SIDE as usize])], tensors.collect())
        .with_outputs(case.outputs.iter().map(info).collect());
    let stage =
        |name, params: &str| Stage { module: guest(name), params: serde_json::from_str(params).unwrap() };
    let spec = JobSpec {
        preprocess: stage("letterbox", "{}"),
        detect: stage(name, case.params),
        model: Some(Arc::new(model)),
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.25),
        limits: Limits::default(),
    };
    let mut analyzer = Job::new(spec).unwrap().build().unwrap();
    let frame = rgb_frame(SIDE, SIDE, &vec![128; (SIDE * SIDE * 3) as usize]);
    let first = analyzer.analyze(&frame);
    let second = analyzer.analyze(&frame);
    assert_eq!((first.status, first.message.as_deref()), (Status::Ok, None));
    assert_eq!(first.detections, second.detections, "the second frame, with everything allocated");
    second.detections
}

fn same_bits<T: Detect>(name: &str, cases: &[Case]) {
    let mut noise = Noise(4);
    for case in cases {
        let answers = noise.answers(case);
        let plain =
            |edges: [f32; 4], score: f32, class: u32| (edges.map(f32::to_bits), score.to_bits(), class);
        let native = natively::<T>(case, &answers);
        let ours: Vec<_> =
            native.iter().map(|d| plain([d.x0, d.y0, d.x1, d.y1], d.score, d.class_id)).collect();
        let wasm = sandboxed(name, case, &answers);
        let wasm: Vec<_> =
            wasm.iter().map(|d| plain([d.x0, d.y0, d.x1, d.y1], d.score, d.class_id)).collect();
        assert!(ours.len() > 5, "{}: {} boxes prove nothing", case.params, ours.len());
        assert_eq!(ours, wasm, "{name} {}", case.params);
    }
}

#[test]
fn yolo_in_every_layout_and_with_every_nms() {
    same_bits::<Yolo>(
        "yolo",
        &[
            case(r#"{"layout":"yolox"}"#, &[("output", &[1, 84, 39])]),
            case(r#"{"layout":"yolov5","boxes":"relative","nms":"linear"}"#, &[("output", &[1, 252, 41])]),
            case(r#"{"boxes":"relative","nms":"gaussian"}"#, &[("output", &[1, 7, 150])]),
            case(
                r#"{"boxes":"relative","multi_label":true,"agnostic":true}"#,
                &[("output0", &[1, 40, 333]), ("output1", &[1, 32, 16, 16])],
            ),
            case(
                r#"{"layout":"yolov8_rows","boxes":"relative","max_detections":9}"#,
                &[("output", &[1, 84, 9])],
            ),
            case(r#"{"boxes":"relative"}"#, &[("output", &[1, 100, 6])]),
        ],
    );
}

#[test]
fn fastestdet_with_every_nms() {
    let output: [(&str, &[usize]); 1] = [("758", &[1, 15, 4, 4])];
    let cases = ["{}", r#"{"nms":"linear"}"#, r#"{"nms":"none"}"#].map(|params| case(params, &output));
    same_bits::<FastestDet>("fastestdet", &cases);
}

#[test]
fn ssd_in_every_layout() {
    same_bits::<Ssd>(
        "ssd",
        &[
            case("{}", &[("scores", &[1, 77, 3]), ("boxes", &[1, 77, 4])]),
            case(r#"{"multi_label":false,"nms":"gaussian"}"#, &[("b", &[1, 99, 4]), ("s", &[1, 99, 37])]),
            case(r#"{"first_class":0,"nms":"greedy"}"#, &[("detection_out", &[1, 1, 100, 7])]),
            case(
                r#"{"first_class":0}"#,
                &[
                    ("detection_boxes", &[1, 90, 4]),
                    ("detection_classes", &[1, 90]),
                    ("detection_scores", &[1, 90]),
                ],
            ),
        ],
    );
}

#[test]
fn nanodet_in_both_layouts() {
    same_bits::<NanoDet>(
        "nanodet",
        &[
            case(r#"{"nms":"gaussian"}"#, &[("output", &[1, 85, 37])]),
            case(
                r#"{"sigmoid":true}"#,
                &[
                    ("cls_8", &[1, 64, 3]),
                    ("cls_16", &[1, 16, 3]),
                    ("cls_32", &[1, 4, 3]),
                    ("dis_8", &[1, 64, 32]),
                    ("dis_16", &[1, 16, 32]),
                    ("dis_32", &[1, 4, 32]),
                ],
            ),
        ],
    );
}

#[test]
fn they_describe_themselves() {
    for name in ["yolo", "fastestdet", "ssd", "nanodet"] {
        let module = guest(name);
        let info = module.info();
        assert_eq!((info.name.as_str(), info.stateful), (name, false));
        assert!(info.params_schema.as_ref().unwrap()["properties"]["nms_iou"].is_object());
    }
}
