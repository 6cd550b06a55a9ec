//! What cannot be decoded is refused before the first frame, and what is recognised is told.

use edgevision_sdk::{
    Context, DType, Detect, ModelInfo,
    boxes::PostProcess,
    testing::{self, info},
};
use serde_json::{Value, json};

use super::{context, module};

const PLUS: [(&str, &[i64]); 1] = [("output", &[1, 168, 112])];
const PAIRS: [(&str, &[i64]); 6] = [
    ("cls_pred_stride_8", &[1, 117, 80]),
    ("dis_pred_stride_8", &[1, 117, 32]),
    ("cls_pred_stride_16", &[1, 35, 80]),
    ("dis_pred_stride_16", &[1, 35, 32]),
    ("cls_pred_stride_32", &[1, 12, 80]),
    ("dis_pred_stride_32", &[1, 12, 32]),
];

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap_or_else(|| panic!("{json} was accepted"))
}

#[test]
fn published_models_are_recognised() {
    let head = |size: i64, outputs: &[(&str, &[i64])]| {
        let head = module("{}", &testing::context(&[1, 3, size, size], outputs)).unwrap().head;
        (head.grids.len(), head.classes, head.is_plus)
    };
    assert_eq!(head(416, &[("output", &[1, 3598, 112])]), (4, 80, true));
    assert_eq!(head(320, &[("output", &[1, 2125, 112])]), (4, 80, true));
    assert_eq!(head(320, &[("output", &[-1, 2100, 112])]), (3, 80, false));
    let old = [
        ("792", &[1, 1600, 80][..]),
        ("814", &[1, 400, 80]),
        ("836", &[1, 100, 80]),
        ("795", &[1, 1600, 32]),
        ("817", &[1, 400, 32]),
        ("839", &[1, 100, 32]),
    ];
    assert_eq!(head(320, &old), (3, 80, false));
}

#[test]
fn as_many_classes_as_bins_need_names() {
    let both = |scores: &'static str, bins: &'static str| -> [(&'static str, &'static [i64]); 2] {
        [(bins, &[1, 117, 32]), (scores, &[1, 117, 32])]
    };
    let json = r#"{"strides":[8]}"#;
    let grid = module(json, &context(&both("cls_8", "dis_8"), 32)).unwrap().head.grids[0];
    assert_eq!((grid.scores.output, grid.bins.output), (1, 0));
    assert!(refused(json, &context(&both("a", "b"), 0)).contains("are not what nanodet reads"));
}

#[test]
fn models_that_cannot_be_decoded() {
    assert_eq!(
        refused("{}", &context(&[("output", &[1, 3549, 85])], 0)),
        "the model's outputs `output` [1, 3549, 85] are not what nanodet reads for an input of 100x68: for each stride \
         scores [1, cells, classes] and distances [1, cells, 32], or one output [1, all cells, classes + 32]: set \
         `strides` or `bins`, or use another module"
    );
    assert!(refused(r#"{"bins":28}"#, &context(&PLUS, 0)).contains("classes + 112]"));
    let labels = "the model has 80 classes, but only 5 labels are given: add the rest";
    assert_eq!(refused("{}", &context(&PAIRS, 5)), labels);
    let mut uneven = context(&PAIRS, 0);
    uneven.model.as_mut().unwrap().outputs[2].shape = vec![1, 35, 79];
    assert!(refused("{}", &uneven).contains("are not what nanodet reads"));
    uneven.model.as_mut().unwrap().outputs[2] = info("x", DType::U8, &[1, 35, 80]);
    assert_eq!(refused("{}", &uneven), "the model's output `x` is U8: nanodet reads F32 and F16");
    let open = testing::context(&[1, 3, -1, -1], &PLUS);
    assert!(refused("{}", &open).contains("the size of the model's input is not fixed"));
    let none = Context { model: Some(ModelInfo::default()), ..open };
    assert!(refused("{}", &none).contains("the size of the model's input is not fixed"));
    assert!(refused("{}", &Context::default()).contains("nanodet needs a model"));
}

#[test]
fn parameters_are_checked() {
    let cases = [
        (r#"{"strides":[]}"#, "parameter `strides` is []: allowed are 1 to 8 numbers above 0"),
        (r#"{"strides":[8,0]}"#, "parameter `strides` is [8, 0]: allowed are 1 to 8 numbers above 0"),
        (r#"{"bins":1}"#, "parameter `bins` is 1: allowed are 2 to 64"),
        (
            r#"{"center":"left"}"#,
            "parameter `center`: unknown value `left`, expected one of `auto`, `middle`, `corner`",
        ),
        (r#"{"nms_iou":2}"#, "parameter `nms_iou` is 2: allowed are 0 to 1"),
    ];
    for (json, sentence) in cases {
        assert_eq!(refused(json, &context(&PAIRS, 0)), sentence);
    }
}

#[test]
fn it_suggests_how_a_model_is_fed() {
    let suggestion = |outputs: &[(&str, &[i64])]| {
        let context = context(outputs, 0);
        let document = module("{}", &context).unwrap().suggest(&context).unwrap().to_json();
        serde_json::from_str::<Value>(&document).unwrap()
    };
    let fed = json!({
        "color": "bgr", "mode": "stretch", "mean": [103.53, 116.28, 123.675], "std": [57.375, 57.12, 58.395],
    });
    let plus = suggestion(&PLUS);
    assert_eq!(plus["preprocess"], json!({ "module": "letterbox", "params": fed }));
    assert_eq!((&plus["family"], &plus["classes"]), (&json!("nanodet_plus"), &json!(80)));
    assert_eq!(suggestion(&PAIRS)["family"], json!("nanodet"));
}

#[test]
fn the_schema_is_json_and_knows_every_parameter() {
    let schema: Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let sentence = refused(r#"{"?":1}"#, &context(&PLUS, 0));
    let known = schema["properties"].as_object().unwrap();
    assert!(known.keys().all(|key| sentence.contains(&format!("`{key}`"))));
    assert!(PostProcess::KEYS.iter().all(|&key| known.contains_key(key)));
    assert_eq!(sentence.matches('`').count() / 2 - 1, known.len());
}
