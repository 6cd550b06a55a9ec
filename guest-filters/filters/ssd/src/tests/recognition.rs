//! Which output is taken for what, and how such models are fed.

use edgevision_sdk::{DType, Detect, testing::info};
use serde_json::{Value, json};

use super::{context, module};
use crate::layout::Layout;

fn layout(outputs: &[(&str, &[i64])]) -> Layout {
    module("{}", &context(outputs, 0)).unwrap().head.layout
}

#[test]
fn scores_and_boxes_are_told_apart() {
    let rfb = Layout::ScoresBoxes { scores: 0, boxes: 1, columns: 2 };
    assert_eq!(layout(&[("scores", &[1, 4420, 2]), ("boxes", &[1, 4420, 4])]), rfb);
    assert_eq!(layout(&[("811", &[1, 4420, 2]), ("812", &[-1, -1, 4])]), rfb, "by the shapes alone");
    let three = Layout::ScoresBoxes { scores: 1, boxes: 0, columns: 4 };
    assert_eq!(layout(&[("boxes", &[1, 9, 4]), ("scores", &[1, 9, 4])]), three, "by the names");
}

#[test]
fn a_detection_output_is_known_by_its_seven_columns() {
    let outputs: [(&str, &[i64]); 2] = [("features", &[1, 256]), ("detection_out", &[1, 1, 200, 7])];
    assert_eq!(layout(&outputs), Layout::DetectionOutput { output: 1 });
    assert_eq!(layout(&[("out", &[1, 1, -1, 7])]), Layout::DetectionOutput { output: 0 });
}

#[test]
fn tensorflows_outputs_are_known_by_their_names() {
    let saved_model: [(&str, &[i64]); 8] = [
        ("detection_anchor_indices", &[1, 100]),
        ("detection_boxes", &[1, 100, 4]),
        ("detection_classes", &[1, 100]),
        ("detection_multiclass_scores", &[1, 100, 91]),
        ("detection_scores", &[1, 100]),
        ("num_detections", &[1]),
        ("raw_detection_boxes", &[1, 1917, 4]),
        ("raw_detection_scores", &[1, 1917, 91]),
    ];
    let expected = Layout::Tensorflow { boxes: 1, classes: 2, scores: 4, count: Some(5) };
    assert_eq!(layout(&saved_model), expected);
    let tflite: [(&str, &[i64]); 4] = [
        ("TFLite_Detection_PostProcess", &[1, 10, 4]),
        ("TFLite_Detection_PostProcess:1", &[1, 10]),
        ("TFLite_Detection_PostProcess:2", &[1, 10]),
        ("TFLite_Detection_PostProcess:3", &[1]),
    ];
    assert_eq!(layout(&tflite), Layout::Tensorflow { boxes: 0, classes: 1, scores: 2, count: Some(3) });
    let second: [(&str, &[i64]); 4] = [
        ("StatefulPartitionedCall:1", &[1, 10]),
        ("StatefulPartitionedCall:3", &[1, 10, 4]),
        ("StatefulPartitionedCall:0", &[1]),
        ("StatefulPartitionedCall:2", &[1, 10]),
    ];
    assert_eq!(layout(&second), Layout::Tensorflow { boxes: 1, classes: 3, scores: 0, count: Some(2) });
    let old: [(&str, &[i64]); 3] = [
        ("detection_scores:0", &[1, 10]),
        ("detection_classes:0", &[1, 10]),
        ("detection_boxes:0", &[1, 10, 4]),
    ];
    assert_eq!(layout(&old), Layout::Tensorflow { boxes: 2, classes: 1, scores: 0, count: None });
}

#[test]
fn tensorflows_outputs_are_known_by_what_their_names_say_or_by_their_types() {
    let outputs: [(&str, &[i64]); 4] =
        [("the_boxes", &[1, 10, 4]), ("best_class", &[1, 10]), ("a", &[1, 10]), ("n", &[1])];
    let mut told = context(&outputs, 0);
    told.model.as_mut().unwrap().outputs[2].name = "its_score".into();
    let expected = Layout::Tensorflow { boxes: 0, classes: 1, scores: 2, count: Some(3) };
    assert_eq!(module("{}", &told).unwrap().head.layout, expected);
    let mut typed = context(&[("a", &[1, 10, 4]), ("c", &[1, 10])], 0);
    typed.model.as_mut().unwrap().outputs.push(info("b", DType::I32, &[1, 10]));
    let names = r#"{"outputs":{"scores":"c"}}"#;
    let expected = Layout::Tensorflow { boxes: 0, classes: 2, scores: 1, count: None };
    assert_eq!(module(names, &typed).unwrap().head.layout, expected);
}

#[test]
fn it_suggests_how_a_model_is_fed() {
    let suggestion = |outputs: &[(&str, &[i64])]| {
        let context = context(outputs, 0);
        let document = module("{}", &context).unwrap().suggest(&context).unwrap().to_json();
        serde_json::from_str::<Value>(&document).unwrap()
    };
    let faces = suggestion(&[("scores", &[1, 4420, 2]), ("boxes", &[1, 4420, 4])]);
    let fed = json!({ "mode": "stretch", "color": "rgb", "mean": 127.0, "std": 128.0 });
    assert_eq!(faces["preprocess"], json!({ "module": "letterbox", "params": fed }));
    assert_eq!((&faces["family"], &faces["classes"]), (&json!("ssd_faces"), &json!(1)));
    assert!(faces["params"]["nms_iou"].as_f64().is_some_and(|iou| (iou - 0.3).abs() < 1e-9));
    let list = suggestion(&[("detection_out", &[1, 1, 200, 7])]);
    assert_eq!(list["preprocess"]["params"], json!({ "mode": "stretch", "color": "bgr" }));
    assert_eq!((&list["family"], &list["classes"]), (&json!("ssd_detection_output"), &Value::Null));
}
