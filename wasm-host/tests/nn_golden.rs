//! The embedded engine against ONNX Runtime, on published models: the same input bytes, raw outputs compared.
//! The data and how it was made: `README.md` of the media folder.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use edgevision_wasm_host::nn::{
    self, DType, LoadOptions, Model, NnError, OutputBuf, TensorInfo, TensorView, inspect_model, load_model,
};

/// The media folder, or `None` (and a message) when it is not there and not required.
fn media() -> Option<PathBuf> {
    let beside_the_repository = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media");
    let folder = std::env::var_os("EDGEVISION_MEDIA").map_or_else(beside_the_repository, PathBuf::from);
    if folder.join("models/models.json").is_file() {
        return Some(folder);
    }
    let required = std::env::var("EDGEVISION_REQUIRE_MEDIA").is_ok_and(|value| value == "1");
    assert!(!required, "EDGEVISION_REQUIRE_MEDIA=1, but there is no media folder at {}", folder.display());
    println!("skipped: no media folder at {}", folder.display());
    None
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// `input` of `models.json`: how pixels become the model's input.
fn input_of(media: &Path, name: &str) -> serde_json::Value {
    let models = json(&media.join("models/models.json"));
    let model = models.as_array().unwrap().iter().find(|model| model["name"] == name).unwrap();
    model["input"].clone()
}

/// The golden input picture (HWC bytes) in the type and layout of the model, as bytes.
fn input_bytes(media: &Path, name: &str) -> AlignedBytes {
    let pixels = std::fs::read(media.join("reference/tensors").join(name).join("input.u8")).unwrap();
    let input = input_of(media, name);
    if input["dtype"] == "uint8" {
        return AlignedBytes::from_floats_or_bytes(Err(pixels));
    }
    assert_eq!(input["layout"], "NCHW");
    let list = |key: &str| -> Vec<f64> {
        input[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let (mean, std) = (list("mean"), list("std"));
    let plane = pixels.len() / 3;
    #[expect(clippy::cast_possible_truncation, reason = "the model computes in f32")]
    let value = |channel: usize, at: usize| {
        ((f64::from(pixels[at * 3 + channel]) - mean[channel]) / std[channel]) as f32
    };
    let floats =
        (0..3).flat_map(|channel| (0..plane).map(move |at| (channel, at))).map(|(c, at)| value(c, at));
    AlignedBytes::from_floats_or_bytes(Ok(floats.collect()))
}

/// Bytes at an address that suits floats.
struct AlignedBytes {
    words: Vec<f32>,
    len: usize,
}

impl AlignedBytes {
    fn from_floats_or_bytes(data: Result<Vec<f32>, Vec<u8>>) -> Self {
        match data {
            Ok(words) => Self { len: words.len() * 4, words },
            Err(bytes) => {
                let words = bytes.chunks(4).map(|chunk| {
                    let mut word = [0; 4];
                    word[..chunk.len()].copy_from_slice(chunk);
                    f32::from_bits(u32::from_le_bytes(word))
                });
                Self { words: words.collect(), len: bytes.len() }
            }
        }
    }
    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

fn fixed(info: &TensorInfo) -> Vec<usize> {
    info.shape.iter().map(|dim| dim.unwrap()).collect()
}

/// Runs the model; all outputs as floats.
fn run(model: &Arc<dyn Model>, input: &[u8]) -> Vec<Vec<f32>> {
    let info = &model.inputs()[0];
    let shape = fixed(info);
    let view = TensorView { dtype: info.dtype, shape: &shape, data: input };
    let mut rooms: Vec<Vec<u8>> =
        model.outputs().iter().map(|output| vec![0; output.byte_len().unwrap()]).collect();
    let mut outputs: Vec<OutputBuf<'_>> =
        rooms.iter_mut().map(|data| OutputBuf { data, dtype: DType::U8, shape: vec![], len: 0 }).collect();
    model.clone().session().unwrap().run(&[view], &mut outputs).unwrap();
    for (output, info) in outputs.iter().zip(model.outputs()) {
        assert_eq!((output.dtype, &output.shape, output.len), (DType::F32, &fixed(info), output.data.len()));
    }
    rooms.iter().map(|bytes| bytemuck::pod_collect_to_vec(bytes)).collect()
}

fn load(media: &Path, name: &str) -> Arc<dyn Model> {
    load_model(&media.join(format!("models/{name}.onnx")), "rten", &LoadOptions::default()).unwrap()
}

/// Our outputs and the golden ones, one pair for each output.
type Pairs = Vec<(Vec<f32>, Vec<f32>)>;

fn outputs_and_golden(media: &Path, name: &str) -> Pairs {
    let model = load(media, name);
    let results = run(&model, input_bytes(media, name).bytes());
    let folder = media.join("reference/tensors").join(name);
    let meta = json(&folder.join("meta.json"));
    let golden = meta["outputs"].as_array().unwrap();
    let named: Vec<&str> = golden.iter().map(|output| output["name"].as_str().unwrap()).collect();
    assert_eq!(model.outputs().iter().map(|output| &output.name[..]).collect::<Vec<_>>(), named);
    let files =
        golden.iter().map(|output| std::fs::read(folder.join(output["file"].as_str().unwrap())).unwrap());
    results.into_iter().zip(files.map(|file| bytemuck::pod_collect_to_vec(&file))).collect()
}

/// Largest difference of all outputs from the golden ones, each relative to the larger of 1 and the value itself.
fn worst_difference(name: &str) -> Option<f32> {
    let pairs = outputs_and_golden(&media()?, name);
    assert!(pairs.iter().all(|(ours, theirs)| ours.len() == theirs.len()));
    let differences =
        pairs.iter().flat_map(|(ours, theirs)| ours.iter().zip(theirs)).map(|(ours, theirs)| {
            let difference = (ours - theirs).abs() / theirs.abs().max(1.0);
            assert!(difference.is_finite());
            difference
        });
    let worst = differences.fold(0.0, f32::max);
    println!("{name}: worst difference {worst:e}");
    Some(worst)
}

fn agrees(name: &str, bound: f32) {
    if let Some(worst) = worst_difference(name) {
        assert!(worst <= bound, "{name}: {worst} > {bound}");
    }
}

#[test]
fn yolox_nano() {
    agrees("yolox_nano_416", 1e-3);
}

#[test]
fn yolox_nano_in_yolov8_layout() {
    agrees("yolox_nano_416_v8layout", 1e-3);
}

#[test]
fn fastestdet() {
    agrees("fastestdet_352", 1e-3);
}

/// One cell of FastestDet's output, decoded as the media README says: box in input pixels.
fn fastestdet_box(output: &[f32], cell: usize) -> [f32; 4] {
    let at = |channel: usize| output[channel * 484 + cell];
    let place =
        |index: usize, shift: f32| (f32::from(u8::try_from(index).unwrap()) + shift.tanh()) / 22.0 * 352.0;
    let size = |logit: f32| 352.0 / (1.0 + (-logit).exp());
    let (cx, cy, w, h) = (place(cell % 22, at(1)), place(cell / 22, at(2)), size(at(3)), size(at(4)));
    [cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0]
}

fn fastestdet_score(output: &[f32], cell: usize, class: usize) -> f32 {
    output[cell].powf(0.6) * output[(5 + class) * 484 + cell].powf(0.4)
}

fn iou(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |[x0, y0, x1, y1]: [f32; 4]| (x1 - x0).max(0.0) * (y1 - y0).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    shared / (area(a) + area(b) - shared)
}

/// The detections of the reference (after NMS), as class, score and box in input pixels.
fn reference_detections(media: &Path, name: &str) -> Vec<(usize, f32, [f32; 4])> {
    let meta = json(&media.join("reference/tensors").join(name).join("meta.json"));
    #[expect(clippy::cast_possible_truncation, reason = "a score or a coordinate")]
    let number = |value: &serde_json::Value| value.as_f64().unwrap() as f32;
    let [scale_x, scale_y] = ["scale_x", "scale_y"].map(|key| number(&meta["box_mapping"][key]));
    let decoded = meta["decoded"].as_array().unwrap().iter().map(|detection| {
        let corner = |index: usize| number(&detection["box"][index]) * [scale_x, scale_y][index % 2];
        let class = usize::try_from(detection["class_id"].as_u64().unwrap()).unwrap();
        (class, number(&detection["score"]), [0, 1, 2, 3].map(corner))
    });
    decoded.collect()
}

/// QDQ: ONNX Runtime computes in integers, rten in floats between the quantised points, so single values move by a
/// quantisation step or more (up to 1.4 in the raw box logits of empty cells). What counts is what comes out: each
/// detection of the reference with a score of 0.5 or more (as the README compares them) is the best of its class at its
/// place, with a score that differs by no more than between two other engines (about 0.03). The one below that, a
/// truck at 0.46 in a cell that is a car at 0.45, is a near tie which rten decides the other way.
#[test]
fn fastestdet_int8() {
    let Some(media) = media() else { return };
    let (ours, theirs) = outputs_and_golden(&media, "fastestdet_352_int8").remove(0);
    let mut detections = reference_detections(&media, "fastestdet_352_int8");
    detections.retain(|&(_, score, _)| score >= 0.5);
    assert_eq!(detections.len(), 4, "dog, bicycle and two cars");
    for (class, score, area) in detections {
        let there = |cell: &usize| iou(fastestdet_box(&ours, *cell), area) >= 0.75;
        let best =
            (0..484).filter(there).map(|cell| fastestdet_score(&ours, cell, class)).fold(0.0, f32::max);
        println!("class {class}: score {score}, ours {best}");
        assert!((best - score).abs() <= 0.03);
    }
    let mean = ours.iter().zip(&theirs).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / 41_140.0;
    println!("mean difference {mean}");
    assert!(mean < 0.01);
}

/// Its 244 weights are listed as inputs.
#[test]
fn face_rfb() {
    agrees("face_rfb_320", 1e-3);
}

#[test]
fn face_yunet_with_twelve_outputs() {
    agrees("face_yunet_n_320", 1e-3);
}

/// u8 input; classifier probabilities differ by up to 0.007 between engines (README).
#[test]
fn mobilenet_v2_int8() {
    agrees("mobilenet_v2_224_int8", 0.007);
}

#[test]
fn the_same_bytes_are_loaded_once() {
    let Some(media) = media() else { return };
    let first = load(&media, "fastestdet_352");
    let copy = tempfile::tempdir().unwrap().keep().join("another name.onnx");
    std::fs::copy(media.join("models/fastestdet_352.onnx"), &copy).unwrap();
    let again = load_model(&copy, "rten", &LoadOptions::default()).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(again.identity().name, "fastestdet_352");
    assert!(again.identity().sha256.starts_with("31cb14c017fce347"));
    let other_options =
        load_model(&copy, "rten", &LoadOptions { threads: 2, ..LoadOptions::default() }).unwrap();
    assert!(!Arc::ptr_eq(&first, &other_options));
    drop((first, again));
    assert_eq!(load_model(&copy, "rten", &LoadOptions::default()).unwrap().identity().name, "another name");
    std::fs::remove_dir_all(copy.parent().unwrap()).unwrap();
}

#[test]
fn sessions_run_at_the_same_time_with_equal_results() {
    let Some(media) = media() else { return };
    let model = load(&media, "fastestdet_352");
    let input = input_bytes(&media, "fastestdet_352");
    let expected = run(&model, input.bytes());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..3).for_each(|_| assert_eq!(run(&model, input.bytes()), expected)));
        }
    });
}

#[test]
fn outputs_that_do_not_fit_are_described() {
    let Some(media) = media() else { return };
    let model = load(&media, "face_rfb_320");
    let input = input_bytes(&media, "face_rfb_320");
    let view = TensorView { dtype: DType::F32, shape: &[1, 3, 240, 320], data: input.bytes() };
    let mut scores = vec![0u8; 4420 * 2 * 4];
    let mut outputs = [
        OutputBuf { data: &mut scores, dtype: DType::U8, shape: vec![], len: 0 },
        OutputBuf { data: &mut [], dtype: DType::U8, shape: vec![], len: 0 },
    ];
    let refused = model.clone().session().unwrap().run(&[view], &mut outputs).unwrap_err();
    assert_eq!(refused.to_string(), "output 1 needs 70720 bytes, the buffer has 0");
    assert_eq!((outputs[1].len, &outputs[1].shape[..]), (70_720, &[1, 4420, 4][..]));
    let only_scores = &mut outputs[..1];
    model.clone().session().unwrap().run(&[view], only_scores).unwrap();
    assert!(scores.iter().any(|&byte| byte != 0));
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let Some(media) = media() else { return };
    let model = load(&media, "mobilenet_v2_224_int8");
    let floats = vec![0f32; 224 * 224 * 3];
    let view =
        TensorView { dtype: DType::F32, shape: &[1, 224, 224, 3], data: bytemuck::cast_slice(&floats) };
    let refused =
        |inputs: &[TensorView<'_>]| model.clone().session().unwrap().run(inputs, &mut []).unwrap_err();
    assert_eq!(
        refused(&[view]).to_string(),
        "the model's input is input u8[1,224,224,3], but it was given f32[1,224,224,3]"
    );
    assert_eq!(refused(&[]).to_string(), "the model has 1 input(s) (input), but 0 were given");
    assert!(matches!(refused(&[view]), NnError::Input(_)));
}

#[test]
fn a_model_is_described() {
    let Some(media) = media() else { return };
    let info = inspect_model(&media.join("models/face_rfb_320.onnx")).unwrap();
    assert_eq!((&info.name[..], info.byte_len, info.format), ("face_rfb_320", 1_270_727, "onnx"));
    assert_eq!(info.sha256, "34cd7e60aeff28744c657de7a3dc64e872d506741de66987f3426f2b79f88017");
    let text = |list: &[nn::ModelTensor]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(text(&info.inputs), ["input f32[1,3,240,320]"], "244 weights are not inputs");
    assert_eq!(text(&info.outputs), ["scores f32[1,4420,2]", "boxes f32[1,4420,4]"]);
    assert_eq!(info.opsets[0].to_string(), "ai.onnx 9");
    assert!(info.producer.as_deref().unwrap().starts_with("pytorch"));
    assert!(info.operators["Conv"] > 20);
    assert_eq!(info.problems, Vec::<String>::new());
}
