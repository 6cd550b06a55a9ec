//! What cannot be decoded is refused before the first frame, with a sentence.

use edgevision_sdk::{Context, DType, ModelInfo, boxes::PostProcess, testing::info};

use super::{context, module, refused};

#[test]
fn models_that_cannot_be_decoded() {
    let input = [1, 3, 416, 416];
    let sentence = |output: &[i64], labels| refused("{}", &context(&input, output, labels));
    assert_eq!(
        sentence(&[1, 84, 3549], 5),
        "the model has 80 classes, but only 5 labels are given: add the rest"
    );
    assert_eq!(
        sentence(&[1, 2000, 85], 0),
        "the model's output [1, 2000, 85] is no layout that yolo knows by its shape (yolox [1, 3549, 5 + classes], \
         yolov5 [1, 10647, 5 + classes], yolov8 [1, 4 + classes, boxes], yolov10 [1, boxes, 6]): use another module, \
         or set `layout` and `strides`"
    );
    assert!(
        sentence(&[1, -1, 85], 0)
            .contains("is not fixed: set `layout`, or export the model with fixed sizes")
    );
    assert!(sentence(&[1, 85, 22, 22], 0).contains("yolo reads [1, rows, columns]"));
    assert!(sentence(&[2, 84, 3549], 0).contains("yolo reads [1, rows, columns]"));
    let tiny = refused("{}", &context(&[1, 3, 32, 32], &[1, 21, 85], 0));
    assert!(tiny.contains("[1, 21, 85] may be yolox or yolov8: set `layout`"), "{tiny}");
    assert!(module(r#"{"layout":"yolox"}"#, &context(&[1, 3, 32, 32], &[1, 21, 85], 80)).is_ok());
    let narrow = refused(r#"{"layout":"yolox"}"#, &context(&input, &[1, 3549, 5], 0));
    assert!(narrow.contains("no room for classes in the layout yolox"), "{narrow}");
    let five = refused(r#"{"layout":"yolov10"}"#, &context(&input, &[1, 300, 5], 0));
    assert_eq!(
        five,
        "the model's output `output` has the shape [1, 300, 5]: the layout yolov10 is [1, boxes, 6]"
    );
    assert!(refused("{}", &Context::default()).contains("this job has none: set `model`"));
}

#[test]
fn outputs_that_are_not_there_or_no_floats() {
    let mut context = context(&[1, 3, 416, 416], &[1, 3549, 85], 0);
    assert_eq!(
        refused(r#"{"output":"boxes"}"#, &context),
        "parameter `output` is `boxes`, but the model's outputs are output"
    );
    context.model.as_mut().unwrap().outputs = vec![info("output", DType::U8, &[1, 3549, 85])];
    assert!(refused("{}", &context).contains("`output` is U8: yolo reads F32 and F16"));
    context.model = Some(ModelInfo::default());
    assert_eq!(refused("{}", &context), "the model has no output");
}

#[test]
fn parameters_are_checked() {
    let context = context(&[1, 3, 416, 416], &[1, 3549, 85], 80);
    let cases = [
        (
            r#"{"iou":1}"#,
            "unknown parameter `iou`; allowed: `layout`, `output`, `classes`, `strides`, `boxes`, `multi_label`, \
             `score_threshold`, `nms`, `nms_iou`, `soft_sigma`, `max_detections`, `max_candidates`, `agnostic`",
        ),
        (
            r#"{"layout":"yolov4"}"#,
            "parameter `layout`: unknown value `yolov4`, expected one of `auto`, `yolox`, `yolov5`, `yolov8`, \
             `yolov8_rows`, `yolov10`",
        ),
        (r#"{"nms_iou":-1}"#, "parameter `nms_iou` is -1: allowed are 0 to 1"),
        (r#"{"strides":[8,0]}"#, "parameter `strides` is [8, 0]: allowed are 1 to 8 numbers above 0"),
        (r#"{"classes":0}"#, "parameter `classes` is 0: a model tells at least 1 class apart"),
        (
            r#"{"classes":81}"#,
            "parameter `classes` is 81, but the model's output [1, 3549, 85] has room for 80",
        ),
        (
            r#"{"multi_label":"yes"}"#,
            "parameter `multi_label`: invalid type: string \"yes\", expected a boolean",
        ),
    ];
    for (json, sentence) in cases {
        assert_eq!(refused(json, &context), sentence);
    }
}

#[test]
fn the_schema_is_json_and_knows_every_parameter() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let sentence = refused(r#"{"?":1}"#, &context(&[1, 3, 416, 416], &[1, 3549, 85], 80));
    let known = schema["properties"].as_object().unwrap();
    assert!(known.keys().all(|key| sentence.contains(&format!("`{key}`"))));
    assert!(PostProcess::KEYS.iter().all(|&key| known.contains_key(key)));
    assert_eq!(sentence.matches('`').count() / 2 - 1, known.len());
}
