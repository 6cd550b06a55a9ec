//! Raw outputs of the shared media against the boxes that the reference decoded from them.

use std::path::PathBuf;

use edgevision_sdk::Geometry;
use serde_json::Value;

use super::{context, detect, module};

/// The folder of a model's tensors, or None (skip) when it is not there and not required.
fn tensors(model: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/media");
    let media = std::env::var_os("EDGEVISION_MEDIA").map_or_else(|| default.into(), PathBuf::from);
    let folder = media.join("reference/tensors").join(model);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_none(), "{} has no media", media.display());
    println!("skipped: {} has no media (EDGEVISION_MEDIA)", media.display());
    None
}

fn agrees_with_the_reference(model: &str, file: &str, shape: [i64; 3]) {
    let Some(folder) = tensors(model) else { return };
    let meta: Value = serde_json::from_slice(&std::fs::read(folder.join("meta.json")).unwrap()).unwrap();
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    #[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is meant")]
    let mapping = |key: &str| meta["box_mapping"][key].as_f64().unwrap() as f32;
    let geometry = Geometry {
        scale_x: mapping("scale_x"),
        scale_y: mapping("scale_y"),
        offset_x: mapping("offset_x"),
        offset_y: mapping("offset_y"),
        input_width: 416,
        input_height: 416,
    };
    let mut yolo = module("{}", &context(&[1, 3, 416, 416], &shape, 80)).unwrap();
    let dims = shape.map(|d| u32::try_from(d).unwrap()).to_vec();
    let found = detect(&mut yolo, (dims, values), geometry, (768, 576)).unwrap();
    let expected = meta["decoded"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (ours, theirs) in found.iter().zip(expected) {
        assert_eq!(u64::from(ours.class_id), theirs["class_id"].as_u64().unwrap());
        assert!(
            (f64::from(ours.score) - theirs["score"].as_f64().unwrap()).abs() <= 1e-4,
            "{ours:?} {theirs}"
        );
        let edges = [ours.x0, ours.y0, ours.x1, ours.y1].into_iter().zip(theirs["box"].as_array().unwrap());
        for (ours, theirs) in edges {
            assert!((f64::from(ours) - theirs.as_f64().unwrap()).abs() <= 0.02, "{ours} {theirs}");
        }
    }
}

#[test]
fn yolox_nano() {
    agrees_with_the_reference("yolox_nano_416", "output.f32", [1, 3549, 85]);
}

#[test]
fn yolox_nano_in_the_layout_of_yolov8() {
    agrees_with_the_reference("yolox_nano_416_v8layout", "output0.f32", [1, 84, 3549]);
}
