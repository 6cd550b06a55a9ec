//! The modules that ship give the same bits inside WebAssembly (vector instructions of the sandbox) as natively
//! (plain arrays, held against scalar code by the modules' own tests).

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use edgevision_sdk::{
    Context, DType, Detect, Detection, FrameView, ModelInfo, Params, Preprocess, Request, TensorData,
    TensorInfo, TensorMut, TensorRef, frame::FrameInfo, testing::FixedModel,
};
use edgevision_wasm_host::{
    analysis::{AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Plane, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
    nn::{
        self,
        fake::{FakeModel, FakeTensor},
    },
};
use letterbox::Letterbox;
use yolo::Yolo;

/// One frame, one set of parameters.
struct Case {
    format: PixelFormat,
    size: (u32, u32),
    color: Colorimetry,
    input: (DType, [i64; 4]),
    params: &'static str,
}

/// Every format, odd sizes, both layouts and types, all kinds of placement.
fn cases() -> Vec<Case> {
    use ColorMatrix::{Bt601, Bt709};
    use ColorRange::{Full, Limited};
    let color = |matrix, range| Colorimetry { matrix, range };
    let case = |format, size, color, dtype, shape, params| Case {
        format,
        size,
        color,
        input: (dtype, shape),
        params,
    };
    let nchw = [1, 3, 72, 88];
    let nhwc = [1, 65, 97, 3];
    vec![
        case(PixelFormat::I420, (161, 91), color(Bt601, Limited), DType::F32, nchw, r#"{"std":255}"#),
        case(
            PixelFormat::I420,
            (1, 1),
            color(Bt709, Full),
            DType::F32,
            nchw,
            r#"{"mode":"stretch","mean":[1,2,3]}"#,
        ),
        case(PixelFormat::Nv12, (127, 255), color(Bt709, Limited), DType::F32, nchw, r#"{"color":"bgr"}"#),
        case(PixelFormat::Nv12, (640, 360), color(Bt601, Full), DType::U8, nhwc, r#"{"align":"top_left"}"#),
        case(PixelFormat::Rgb, (99, 33), color(Bt601, Full), DType::F32, nhwc, r#"{"std":[0.3,58,1]}"#),
        case(PixelFormat::Bgr, (320, 200), color(Bt601, Full), DType::F32, nchw, r#"{"pad":[0,128,255]}"#),
        case(PixelFormat::Gray8, (77, 200), color(Bt601, Limited), DType::F32, nchw, r#"{"upscale":false}"#),
        case(PixelFormat::I420, (90, 70), color(Bt709, Full), DType::F32, [1, 1, 40, 50], "{}"),
        case(PixelFormat::Rgb, (90, 70), color(Bt709, Full), DType::U8, [1, 40, 50, 1], "{}"),
        case(PixelFormat::I420, (90, 70), color(Bt709, Full), DType::F16, nchw, r#"{"std":255}"#),
        case(PixelFormat::Nv12, (90, 70), color(Bt601, Limited), DType::I8, nhwc, r#"{"mean":128}"#),
    ]
}

fn guest(name: &str) -> Arc<Module> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(format!("{name}.wasm"));
    Module::load(&path).unwrap_or_else(|error| panic!("{error} (`cargo xtask guests` builds it)"))
}

/// Numbers that are the same in every run.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }
    /// 0..1
    fn unit(&mut self) -> f32 {
        self.next() as f32 / 16_777_216.0
    }
}

/// A frame with lines that are not tight, and its bytes.
fn shoot(case: &Case, noise: &mut Noise) -> (Frame, Vec<u8>) {
    let (width, height) = case.size;
    let tight = FrameLayout::packed(case.format, width, height, case.color).unwrap();
    let mut offset = 0;
    let planes: Vec<Plane> = tight
        .planes()
        .iter()
        .map(|plane| {
            let padded = Plane { offset, stride: plane.stride + 13 };
            offset += padded.stride * height;
            padded
        })
        .collect();
    let layout = FrameLayout::new(case.format, width, height, case.color, &planes).unwrap();
    let bytes: Vec<u8> = (0..layout.byte_len()).map(|_| noise.next().to_le_bytes()[1]).collect();
    let arena = Arena::new(layout.byte_len(), 2).unwrap();
    let mut slot = arena.acquire().unwrap();
    Arc::get_mut(&mut slot).unwrap().copy_from(0, &bytes).unwrap();
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (seq, timestamp_ns, transfer) = (0, None, Transfer::InPlace);
    (Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive: Box::new(slot) }, bytes)
}

/// The same frame for the native modules.
fn view<'a>(case: &Case, layout: &FrameLayout, bytes: &'a [u8]) -> FrameView<'a> {
    let info = FrameInfo {
        format: match case.format {
            PixelFormat::I420 => edgevision_sdk::PixelFormat::I420,
            PixelFormat::Nv12 => edgevision_sdk::PixelFormat::Nv12,
            PixelFormat::Rgb => edgevision_sdk::PixelFormat::Rgb,
            PixelFormat::Bgr => edgevision_sdk::PixelFormat::Bgr,
            PixelFormat::Gray8 => edgevision_sdk::PixelFormat::Gray8,
        },
        width: case.size.0 as usize,
        height: case.size.1 as usize,
        matrix: match case.color.matrix {
            ColorMatrix::Bt601 => edgevision_sdk::ColorMatrix::Bt601,
            ColorMatrix::Bt709 => edgevision_sdk::ColorMatrix::Bt709,
        },
        range: match case.color.range {
            ColorRange::Limited => edgevision_sdk::ColorRange::Limited,
            ColorRange::Full => edgevision_sdk::ColorRange::Full,
        },
        timestamp_ns: None,
        seq: 0,
    };
    let planes: Vec<(&[u8], usize)> =
        layout.planes().iter().map(|p| (&bytes[p.offset as usize..], p.stride as usize)).collect();
    FrameView::new(info, &planes).unwrap()
}

/// Columns of the model's output: more than one block of the decoder, and not a whole number of them.
const BOXES: usize = 150;
const ROWS: usize = 4 + 3;

/// A model's answer in the layout of YOLOv8: boxes everywhere, some of them no numbers.
fn answer(noise: &mut Noise) -> Vec<f32> {
    let mut values: Vec<f32> = (0..ROWS * BOXES).map(|_| noise.unit()).collect();
    values[..4 * BOXES].iter_mut().for_each(|v| *v *= 80.0);
    values.iter_mut().step_by(71).for_each(|v| *v = f32::NAN);
    values
}

fn context(case: &Case) -> Context {
    let info = |name: &str, dtype, shape: &[i64]| TensorInfo {
        name: name.into(),
        dtype,
        shape: shape.to_vec(),
        quantization: None,
    };
    let output = [1, ROWS, BOXES].map(|d| i64::try_from(d).unwrap());
    let model = ModelInfo {
        inputs: vec![info("images", case.input.0, &case.input.1)],
        outputs: vec![info("output0", DType::F32, &output)],
    };
    Context { model: Some(model), labels: 0, score_threshold: 0.25 }
}

/// Tensor and detections of the native modules.
fn natively(case: &Case, frame: &FrameView, answer: &[f32]) -> (Vec<u8>, Vec<Detection>) {
    let params = Params::from_json(case.params).unwrap();
    let mut letterbox = Letterbox::new(params, &context(case)).unwrap();
    let spec = letterbox.tensor_spec();
    let mut words = vec![0f32; spec.byte_len().unwrap().div_ceil(4) as usize];
    let bytes = spec.byte_len().unwrap() as usize;
    let mut room = match spec.dtype {
        DType::F32 => TensorMut::F32(&mut words),
        DType::F16 => TensorMut::F16(&mut bytemuck::cast_slice_mut(&mut words)[..bytes / 2]),
        DType::I8 => TensorMut::I8(&mut bytemuck::cast_slice_mut(&mut words)[..bytes]),
        _ => TensorMut::U8(&mut bytemuck::cast_slice_mut(&mut words)[..bytes]),
    };
    let geometry = letterbox.run(frame, &mut room).unwrap();
    let tensor = TensorRef { data: TensorData::F32(&words), dims: &spec.dims, geometry };
    let request = Request { frame_width: case.size.0, frame_height: case.size.1 };
    let mut model =
        FixedModel(vec![([1, ROWS, BOXES].map(|d| u32::try_from(d).unwrap()).to_vec(), answer.to_vec())]);
    let mut found = vec![];
    let mut yolo = Yolo::new(Params::default(), &context(case)).unwrap();
    yolo.run(&tensor, &request, &mut model, &mut |d| found.push(d)).unwrap();
    (bytemuck::cast_slice(&words)[..bytes].to_vec(), found)
}

/// Tensor (as the model saw it) and detections of the modules in their sandbox, twice the same.
fn sandboxed(
    case: &Case,
    frame: &Frame,
    answer: &[f32],
    detect: &str,
) -> (Vec<u8>, Vec<edgevision_wasm_host::detection::Detection>) {
    let seen = Arc::new(Mutex::new(vec![]));
    let (input, output) = (seen.clone(), FakeTensor::f32([1, ROWS, BOXES], answer));
    let dtype = match case.input.0 {
        DType::F32 => nn::DType::F32,
        DType::F16 => nn::DType::F16,
        DType::I8 => nn::DType::I8,
        _ => nn::DType::U8,
    };
    let shape = case.input.1.iter().map(|&d| usize::try_from(d).ok()).collect();
    let inputs = vec![nn::TensorInfo { name: "images".into(), dtype, shape }];
    let model = FakeModel::with_inputs(inputs, vec![output.clone()]).answering(move |_, inputs| {
        *input.lock().unwrap() = inputs[0].data.to_vec();
        Ok(vec![output.clone()])
    });
    let stage =
        |name, params: &str| Stage { module: guest(name), params: serde_json::from_str(params).unwrap() };
    let spec = JobSpec {
        preprocess: stage("letterbox", case.params),
        detect: stage(detect, "{}"),
        model: Some(Arc::new(model)),
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.25),
        limits: Limits::default(),
    };
    let mut analyzer = Job::new(spec).unwrap().build().unwrap();
    let first = analyzer.analyze(frame);
    let second = analyzer.analyze(frame);
    assert_eq!((first.status, first.message.as_deref()), (Status::Ok, None));
    assert_eq!(first.detections, second.detections, "the second frame, with everything allocated");
    let tensor = seen.lock().unwrap().clone();
    (tensor, second.detections)
}

#[test]
fn letterbox_and_yolo_give_the_same_bits_as_natively() {
    let mut noise = Noise(2);
    for (index, case) in cases().iter().enumerate() {
        let (frame, bytes) = shoot(case, &mut noise);
        let answer = answer(&mut noise);
        let (tensor, found) = natively(case, &view(case, &frame.layout, &bytes), &answer);
        let (wasm_tensor, wasm_found) = sandboxed(case, &frame, &answer, "yolo");
        assert!(tensor == wasm_tensor, "case {index}: the tensors differ");
        assert!(found.len() > 5, "case {index}: {} boxes prove nothing", found.len());
        let plain = |x0, y0, x1, y1, score: f32, class| ([x0, y0, x1, y1, score].map(f32::to_bits), class);
        let found: Vec<_> =
            found.iter().map(|d| plain(d.x0, d.y0, d.x1, d.y1, d.score, d.class_id)).collect();
        let wasm: Vec<_> =
            wasm_found.iter().map(|d| plain(d.x0, d.y0, d.x1, d.y1, d.score, d.class_id)).collect();
        assert_eq!(found, wasm, "case {index}");
    }
}

#[test]
fn the_component_gives_the_same_bits_as_the_core_module() {
    let mut noise = Noise(3);
    for (index, case) in cases().iter().enumerate() {
        let (frame, _) = shoot(case, &mut noise);
        let answer = answer(&mut noise);
        let (core_tensor, core) = sandboxed(case, &frame, &answer, "yolo");
        let (tensor, found) = sandboxed(case, &frame, &answer, "yolo-component");
        assert!(tensor == core_tensor, "case {index}: the tensors differ");
        assert!(found.len() > 5, "case {index}: {} boxes prove nothing", found.len());
        assert_eq!(found, core, "case {index}");
    }
}

#[test]
fn a_refusal_of_a_module_is_the_users_sentence() {
    let stage = |name, params| Stage { module: guest(name), params };
    let spec = |detect, letterbox| JobSpec {
        preprocess: stage("letterbox", letterbox),
        detect: stage(detect, serde_json::Value::Null),
        model: Some(Arc::new(FakeModel::new(
            [("images", [1, 3, 32, 32])],
            vec![FakeTensor::f32([1, 84, 21], vec![0.0; 84 * 21])],
        ))),
        labels: Arc::new(["bottle".into()]),
        thresholds: Thresholds::all(0.25),
        limits: Limits::default(),
    };
    let refused = |detect, letterbox| Job::new(spec(detect, letterbox)).err().unwrap();
    let unknown = refused("yolo", serde_json::json!({ "widht": 3 }));
    assert!(unknown.contains("unknown parameter `widht`; allowed: `width`, `height`, `mode`"), "{unknown}");
    for detect in ["yolo", "yolo-component"] {
        let labels = refused(detect, serde_json::json!({}));
        assert!(labels.contains("the model has 80 classes, but only 1 labels are given"), "{labels}");
        assert!(labels.starts_with(&format!("module {detect}: ")), "{labels}");
    }
}

#[test]
fn modules_describe_themselves() {
    for (name, key) in [("letterbox", "align"), ("yolo", "nms_iou"), ("yolo-component", "nms_iou")] {
        let module = guest(name);
        let info = module.info();
        assert_eq!((info.name.as_str(), info.stateful), (name, false));
        assert!(info.description.as_deref().is_some_and(|text| text.contains("ensor")));
        assert!(info.params_schema.as_ref().unwrap()["properties"][key].is_object());
    }
}
