use edgevision_sdk::{Context, DType, Detect, ModelInfo};

use super::{context, info, module};
use crate::layout::Layout;

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap_or_else(|| panic!("{json} was accepted"))
}

#[test]
fn layouts_are_recognised_by_their_shapes() {
    let layout = |input: &[i64], output: &[i64]| {
        let head = module("{}", &context(input, output, 0)).unwrap().head;
        (head.layout, head.classes())
    };
    assert_eq!(layout(&[1, 3, 416, 416], &[1, 3549, 85]), (Layout::Yolox, 80));
    assert_eq!(layout(&[1, 3, 416, 416], &[1, 84, 3549]), (Layout::Yolov8, 80));
    assert_eq!(layout(&[1, 3, 640, 640], &[1, 5, 8400]), (Layout::Yolov8, 1));
    assert_eq!(layout(&[1, 320, 640, 3], &[-1, 4200, 8]), (Layout::Yolox, 3));
    assert_eq!(layout(&[-1, 3, -1, -1], &[1, 84, 100]), (Layout::Yolov8, 80));
}

#[test]
fn it_suggests_how_a_model_is_fed() {
    let suggestion = |input: &[i64], output: &[i64]| {
        let context = context(input, output, 0);
        let document = module("{}", &context).unwrap().suggest(&context)?.to_json();
        Some(serde_json::from_str::<serde_json::Value>(&document).unwrap())
    };
    let of = |family, specificity, params: serde_json::Value, classes| {
        Some(serde_json::json!({
            "family": family, "specificity": specificity, "params": {}, "classes": classes,
            "preprocess": { "module": "letterbox", "params": params },
        }))
    };
    let input = [1, 3, 416, 416];
    let bgr = serde_json::json!({ "color": "bgr", "align": "top_left" });
    assert_eq!(suggestion(&input, &[1, 3549, 85]), of("yolox", 90, bgr, 80));
    let rgb = serde_json::json!({ "color": "rgb", "align": "center", "std": 255 });
    assert_eq!(suggestion(&input, &[1, 84, 3549]), of("yolov8", 80, rgb.clone(), 80));
    assert_eq!(suggestion(&[1, 3, -1, -1], &[1, 84, 100]), of("yolov8", 40, rgb, 80));
    assert_eq!(suggestion(&[1, 416], &[1, 84, 3549]), None, "no picture");
}

#[test]
fn what_cannot_be_decoded_is_refused_with_a_sentence() {
    let input = [1, 3, 416, 416];
    let sentence = |output: &[i64], labels| refused("{}", &context(&input, output, labels));
    assert_eq!(
        sentence(&[1, 84, 3549], 5),
        "the model has 80 classes, but only 5 labels are given: add the rest"
    );
    assert!(
        sentence(&[1, 10647, 85], 0)
            .contains("neither yolox ([1, 3549, 5 + classes] for its input) nor yolov8")
    );
    assert!(sentence(&[1, -1, 85], 0).contains("is not fixed: export it with fixed sizes"));
    assert!(sentence(&[1, 85, 22, 22], 0).contains("yolo reads [1, rows, columns]"));
    let tiny = refused("{}", &context(&[1, 3, 32, 32], &[1, 21, 85], 0));
    assert!(tiny.contains("may be yolox or yolov8: set `layout`"), "{tiny}");
    assert!(module(r#"{"layout":"yolox"}"#, &context(&[1, 3, 32, 32], &[1, 21, 85], 80)).is_ok());
    let narrow = refused(r#"{"layout":"yolox"}"#, &context(&input, &[1, 3549, 5], 0));
    assert!(narrow.contains("no room for classes"), "{narrow}");
    assert!(refused("{}", &Context::default()).contains("this job has none: set `model`"));
    let mut bytes = context(&input, &[1, 3549, 85], 0);
    bytes.model =
        Some(ModelInfo { inputs: vec![], outputs: vec![info("output", DType::U8, &[1, 3549, 85])] });
    assert!(refused("{}", &bytes).contains("`output` is U8: yolo reads F32"));
}

#[test]
fn parameters_are_checked() {
    let context = context(&[1, 3, 416, 416], &[1, 3549, 85], 80);
    let cases = [
        (
            r#"{"iou":1}"#,
            "unknown parameter `iou`; allowed: `layout`, `score_threshold`, `nms_iou`, \
                          `max_detections`, `strides`, `agnostic`",
        ),
        (
            r#"{"layout":"yolov5"}"#,
            "parameter `layout`: unknown value `yolov5`, expected one of `auto`, `yolox`, `yolov8`",
        ),
        (r#"{"score_threshold":25}"#, "parameter `score_threshold` is 25: allowed are 0 to 1"),
        (r#"{"nms_iou":-1}"#, "parameter `nms_iou` is -1: allowed are 0 to 1"),
        (r#"{"max_detections":0}"#, "parameter `max_detections` is 0: allowed are 1 to 1000"),
        (r#"{"strides":[8,0]}"#, "parameter `strides` is [8, 0]: allowed are 1 to 8 numbers above 0"),
        (r#"{"agnostic":"yes"}"#, "parameter `agnostic`: invalid type: string \"yes\", expected a boolean"),
    ];
    for (json, sentence) in cases {
        assert_eq!(refused(json, &context), sentence);
    }
}

#[test]
fn the_schema_is_json_and_knows_every_parameter() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let sentence = refused(r#"{"?":1}"#, &Context::default());
    let known = schema["properties"].as_object().unwrap();
    assert!(known.keys().all(|key| sentence.contains(&format!("`{key}`"))));
    assert_eq!(sentence.matches('`').count() / 2 - 1, known.len());
}
