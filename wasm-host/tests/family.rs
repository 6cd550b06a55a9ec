//! Detectors are asked which models they can decode.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::{path::PathBuf, sync::Arc};

use edgevision_wasm_host::{
    family::{Opinion, ask, ask_all},
    module::Module,
    nn::{DType, ModelTensor, TensorInfo},
};
use serde_json::json;
use support::module;

fn tensor(name: &str, shape: &[usize]) -> Vec<ModelTensor> {
    let shape = shape.iter().copied().map(Some).collect();
    vec![ModelTensor::of(&TensorInfo { name: name.into(), dtype: DType::F32, shape }, None)]
}

fn opinion(name: &str) -> Opinion {
    ask(&module(name), &tensor("images", &[1, 3, 416, 416]), &tensor("output", &[1, 3549, 85]))
}

fn shipped(name: &str) -> Arc<Module> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
    Module::load(&folder.join(format!("{name}.wasm"))).unwrap()
}

#[test]
fn the_shipped_detector_knows_its_families() {
    let yolo = shipped("yolo");
    let input = tensor("images", &[1, 3, 416, 416]);
    let family = |output: &[usize]| match ask(&yolo, &input, &tensor("output", output)) {
        Opinion::Fits(fit) => (fit.family, fit.classes, json!(fit.preprocess)),
        other => panic!("{other:?}"),
    };
    let bgr = json!({ "module": "letterbox", "params": { "color": "bgr", "align": "top_left" } });
    assert_eq!(family(&[1, 3549, 85]), ("yolox".into(), Some(80), bgr));
    let rgb = json!({ "module": "letterbox", "params": { "color": "rgb", "align": "center", "std": 255 } });
    assert_eq!(family(&[1, 84, 3549]), ("yolov8".into(), Some(80), rgb));
    let Opinion::Refuses(sentence) = ask(&yolo, &input, &tensor("scores", &[1, 1000])) else { panic!() };
    assert_eq!(
        sentence,
        "module yolo: `edgevision_init`: the model's output `scores` has the shape [1, 1000]: yolo reads [1, rows, columns]"
    );
}

#[test]
fn each_family_is_known_by_its_detector_first() {
    let detectors = ["fastestdet", "nanodet", "ssd", "yolo"].map(shipped);
    let families = |side: usize, outputs: &[(&str, &[usize])]| {
        let outputs: Vec<ModelTensor> =
            outputs.iter().flat_map(|(name, shape)| tensor(name, shape)).collect();
        let opinions = ask_all(&detectors, &tensor("images", &[1, 3, side, side]), &outputs);
        let fits = opinions.into_iter().filter_map(|(_, opinion)| match opinion {
            Opinion::Fits(fit) => Some(fit.family),
            _ => None,
        });
        fits.collect::<Vec<_>>()
    };
    assert_eq!(families(416, &[("output", &[1, 3549, 85])]), ["yolox", "nanodet"]);
    assert_eq!(families(320, &[("output", &[1, 2100, 112])]), ["nanodet", "yolox"]);
    assert_eq!(families(640, &[("output", &[1, 25200, 85])]), ["yolov5"]);
    assert_eq!(families(640, &[("output0", &[1, 84, 8400])]), ["yolov8"]);
    assert_eq!(families(640, &[("output0", &[1, 300, 6])]), ["yolov10"]);
    assert_eq!(families(352, &[("758", &[1, 85, 22, 22])]), ["fastestdet"]);
    assert_eq!(families(416, &[("output", &[1, 3598, 112])]), ["nanodet_plus"]);
    assert_eq!(families(320, &[("scores", &[1, 4420, 2]), ("boxes", &[1, 4420, 4])]), ["ssd_faces"]);
    assert_eq!(families(300, &[("detection_out", &[1, 1, 200, 7])]), ["ssd_detection_output"]);
    assert_eq!(families(224, &[("logits", &[1, 1000])]), [""; 0]);
}

#[test]
fn fits_come_first_and_modules_without_an_opinion_before_refusals() {
    let modules = [shipped("letterbox"), module("checksum"), module("suggest_twice"), shipped("yolo")];
    let opinions = ask_all(&modules, &tensor("images", &[1, 3, 416, 416]), &tensor("output", &[1, 3549, 85]));
    let order: Vec<_> = opinions.iter().map(|(module, _)| module.info().name.as_str()).collect();
    assert_eq!(order, ["suggest_twice", "yolo", "checksum", "letterbox"]);
    assert_eq!(opinions[2].1, Opinion::Silent);
    let Opinion::Refuses(why) = &opinions[3].1 else { panic!("letterbox detects nothing") };
    assert!(why.contains("exports preprocess, not `detect`"), "{why}");
}

#[test]
fn only_one_answer_is_taken_and_only_to_a_question() {
    // Its init returns OK only if `suggest` was denied then, and its answer OK only if the second one was.
    let Opinion::Fits(fit) = opinion("suggest_twice") else { panic!("{:?}", opinion("suggest_twice")) };
    assert_eq!((fit.family.as_str(), fit.specificity, fit.classes), ("x", 100, None));
}

#[test]
fn a_hostile_answer_is_a_refusal() {
    for (name, words) in [
        ("suggest_bad_pointer", "`edgevision_suggest`: returned status -1 and gave no reason"),
        ("suggest_too_long", "`edgevision_suggest`: returned status -5 and gave no reason"),
        ("suggest_rubbish", "its suggestion is not what the contract says"),
        ("suggest_path", "it suggests the module `../etc/passwd`, which is no name of a module"),
        ("suggest_hangs", "`edgevision_suggest` did not finish within 2s"),
    ] {
        let Opinion::Refuses(sentence) = opinion(name) else { panic!("{name}: {:?}", opinion(name)) };
        assert!(sentence.contains(words), "{name}: {sentence}");
    }
}
