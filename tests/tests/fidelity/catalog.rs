//! The models of the media folder, and how a config of ours uses them.

use std::path::{Path, PathBuf};

use edgevision_tests::media::media;
use serde_json::{Value, json};

/// A model and its references.
#[derive(Clone)]
pub struct Model {
    pub name: String,
    pub file: PathBuf,
    pub labels: PathBuf,
    /// `input` of `models.json`: how pixels become the model's input.
    pub input: Value,
    pub detector: &'static str,
    pub detector_params: Value,
    /// Score from which the reference lists detections; 0 for classifiers.
    pub threshold: f64,
    /// Clips with reference detections.
    pub clips: Vec<String>,
}

/// All models, or none after a message when there is no media folder.
pub fn models() -> Vec<Model> {
    let Some(catalog) = media("models/models.json") else { return vec![] };
    let catalog: Value = serde_json::from_slice(&std::fs::read(catalog).unwrap()).unwrap();
    catalog.as_array().unwrap().iter().map(Model::new).collect()
}

impl Model {
    fn new(entry: &Value) -> Self {
        let name = entry["name"].as_str().unwrap().to_owned();
        let file = entry["files"].as_object().unwrap().keys().next().unwrap();
        let (detector, detector_params) = detector(entry);
        Self {
            file: media(&format!("models/{file}")).unwrap(),
            labels: media(entry["labels"].as_str().unwrap()).unwrap(),
            input: entry["input"].clone(),
            threshold: entry["default_score_threshold"].as_f64().unwrap_or(0.0),
            clips: clips(&name),
            detector,
            detector_params,
            name,
        }
    }

    /// Quantised models differ by some steps from engine to engine.
    pub fn is_quantised(&self) -> bool {
        self.name.ends_with("_int8")
    }

    pub fn is_classifier(&self) -> bool {
        self.detector == "classify"
    }

    /// Parameters of `letterbox`.
    pub fn preprocess(&self) -> Value {
        let input = &self.input;
        let text = |key: &str| input[key].as_str().unwrap().to_lowercase();
        let (mode, align) = match text("resize").as_str() {
            "stretch" => ("stretch", "center"),
            "letterbox_topleft" => ("letterbox", "top_left"),
            _ => ("letterbox", "center"),
        };
        let pad = input["pad_value"].as_u64().unwrap_or(114);
        let (color, layout) = (text("colour"), text("layout"));
        json!({
            "mode": mode, "align": align, "pad": pad, "color": color, "layout": layout,
            "mean": input["mean"], "std": input["std"],
        })
    }

    /// The folder with the golden tensors.
    pub fn tensors(&self) -> PathBuf {
        media(&format!("reference/tensors/{}", self.name)).unwrap()
    }

    /// `meta.json` of the golden tensors.
    pub fn meta(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.tensors().join("meta.json")).unwrap()).unwrap()
    }

    /// `analyze` of a config that runs the model on this engine.
    pub fn analyze(&self, engine: &str) -> Value {
        json!({
            "preprocess": { "module": "letterbox", "params": self.preprocess() },
            "detect": { "module": self.detector, "params": self.detector_params },
            "model": { "path": self.file, "labels": self.labels, "engine": engine },
            "threshold": self.threshold,
            "deadline": "60s",
        })
    }
}

/// The module that decodes such outputs, with the reference's settings.
fn detector(entry: &Value) -> (&'static str, Value) {
    let nms = json!({ "nms_iou": entry["default_nms_iou"] });
    match entry["decode"].as_str().unwrap() {
        "yolox" | "yolov8" => ("yolo", nms),
        "fastestdet" => ("fastestdet", nms),
        "ssd_boxes_scores" => ("ssd", nms),
        "yunet" => ("yunet", nms),
        "softmax_topk" => ("classify", json!({ "top_k": 5 })),
        other => panic!("no module is known for the decoding {other}"),
    }
}

fn clips(model: &str) -> Vec<String> {
    let catalog = media("clips/clips.json").unwrap();
    let catalog: Value = serde_json::from_slice(&std::fs::read(catalog).unwrap()).unwrap();
    let files = catalog.as_array().unwrap().iter().map(|clip| clip["file"].as_str().unwrap().to_owned());
    files.filter(|clip| reference(model, clip).is_some()).collect()
}

/// The reference detections of a model on a clip.
pub fn reference(model: &str, clip: &str) -> Option<PathBuf> {
    let stem = Path::new(clip).file_stem().unwrap().to_str().unwrap();
    let path = media("reference")?.join(format!("{model}__{stem}.jsonl"));
    path.exists().then_some(path)
}
