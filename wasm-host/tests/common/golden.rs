//! Published models with an input tensor and the outputs that ONNX Runtime gave for it. The data and how it was made:
//! `README.md` of the media folder.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use edgevision_wasm_host::nn::{DType, LoadOptions, Model, load_model};

use super::tensors::{Tensor, run};

/// The media folder, or `None` (and a message) when it is not there and not required.
pub fn media() -> Option<PathBuf> {
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

/// A model of the media folder, as an ONNX file.
pub fn load(media: &Path, name: &str, engine: &str) -> Arc<dyn Model> {
    load_model(&media.join(format!("models/{name}.onnx")), engine, &LoadOptions::default()).unwrap()
}

/// `input` of `models.json`: how pixels become the model's input.
fn input_of(media: &Path, name: &str) -> serde_json::Value {
    let models = json(&media.join("models/models.json"));
    let model = models.as_array().unwrap().iter().find(|model| model["name"] == name).unwrap();
    model["input"].clone()
}

/// The golden input picture (HWC bytes) in the type and layout of the model.
pub fn input(media: &Path, name: &str) -> Tensor {
    let pixels = std::fs::read(media.join("reference/tensors").join(name).join("input.u8")).unwrap();
    let input = input_of(media, name);
    let shape: Vec<usize> = serde_json::from_value(input["shape"].clone()).unwrap();
    if input["dtype"] == "uint8" {
        return Tensor::new(DType::U8, &shape, &pixels);
    }
    assert_eq!(input["layout"], "NCHW");
    Tensor::f32(&shape, &planes(&pixels, &input))
}

fn planes(pixels: &[u8], input: &serde_json::Value) -> Vec<f32> {
    let list = |key: &str| -> Vec<f64> {
        input[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let (mean, std) = (list("mean"), list("std"));
    let plane = pixels.len() / 3;
    #[expect(clippy::cast_possible_truncation, reason = "the model computes in f32")]
    let value = |channel: usize, at: usize| {
        ((f64::from(pixels[at * 3 + channel]) - mean[channel]) / std[channel]) as f32
    };
    (0..3).flat_map(|channel| (0..plane).map(move |at| (channel, at))).map(|(c, at)| value(c, at)).collect()
}

/// Our outputs and the golden ones, one pair for each output.
pub fn outputs_and_golden(media: &Path, name: &str, engine: &str) -> Vec<(Vec<f32>, Vec<f32>)> {
    let model = load(media, name, engine);
    let results = run(&model, &[input(media, name)]).unwrap();
    let folder = media.join("reference/tensors").join(name);
    let meta = json(&folder.join("meta.json"));
    let golden = meta["outputs"].as_array().unwrap();
    let named: Vec<&str> = golden.iter().map(|output| output["name"].as_str().unwrap()).collect();
    assert_eq!(model.outputs().iter().map(|output| &output.name[..]).collect::<Vec<_>>(), named);
    let files =
        golden.iter().map(|output| std::fs::read(folder.join(output["file"].as_str().unwrap())).unwrap());
    let golden = files.map(|file| bytemuck::pod_collect_to_vec(&file));
    results.iter().map(Tensor::floats).zip(golden).collect()
}

/// Largest difference of all outputs from the golden ones, each relative to the larger of 1 and the value itself.
pub fn worst_difference(media: &Path, name: &str, engine: &str) -> f32 {
    let pairs = outputs_and_golden(media, name, engine);
    assert!(pairs.iter().all(|(ours, theirs)| ours.len() == theirs.len()));
    let differences =
        pairs.iter().flat_map(|(ours, theirs)| ours.iter().zip(theirs)).map(|(ours, theirs)| {
            let difference = (ours - theirs).abs() / theirs.abs().max(1.0);
            assert!(difference.is_finite());
            difference
        });
    let worst = differences.fold(0.0, f32::max);
    println!("{name} on {engine}: worst difference {worst:e}");
    worst
}

/// The detections of the reference (after NMS), as class, score and box in input pixels.
pub fn reference_detections(media: &Path, name: &str) -> Vec<(usize, f32, [f32; 4])> {
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
