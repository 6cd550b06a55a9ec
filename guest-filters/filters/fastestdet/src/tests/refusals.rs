//! What cannot be decoded is refused before the first frame, and what is recognised is told.

use edgevision_sdk::{
    Context, DType, Detect, ModelInfo,
    boxes::PostProcess,
    testing::{FixedModel, detect, info, whole},
};
use serde_json::{Value, json};

use super::{context, module};

const INPUT: [i64; 4] = [1, 3, 352, 352];

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap_or_else(|| panic!("{json} was accepted"))
}

#[test]
fn models_that_cannot_be_decoded() {
    let sentence = |output: &[i64], labels| refused("{}", &context(&INPUT, output, labels));
    let shape = "the model's output `758` has the shape [1, 3549, 85]: fastestdet reads [1, 5 + classes, height, width]";
    assert_eq!(sentence(&[1, 3549, 85], 0), shape);
    assert!(sentence(&[1, 5, 22, 22], 0).contains("fastestdet reads [1, 5 + classes"));
    assert!(sentence(&[1, -1, 22, 22], 0).contains("fastestdet reads [1, 5 + classes"));
    assert!(sentence(&[4, 85, 22, 22], 0).contains("fastestdet reads [1, 5 + classes"));
    let labels = "the model has 80 classes, but only 5 labels are given: add the rest";
    assert_eq!(sentence(&[1, 85, 22, 22], 5), labels);
    let mut bytes = context(&INPUT, &[1, 85, 22, 22], 0);
    bytes.model.as_mut().unwrap().outputs[0].dtype = DType::I8;
    assert_eq!(refused("{}", &bytes), "the model's output `758` is I8: fastestdet reads F32 and F16");
    bytes.model = Some(ModelInfo::default());
    assert_eq!(refused("{}", &bytes), "the model has no output");
    assert!(refused("{}", &Context::default()).contains("fastestdet needs a model"));
}

#[test]
fn the_grid_may_be_open_until_a_frame_comes() {
    let mut module = module("{}", &context(&[1, 3, -1, -1], &[-1, 6, -1, -1], 0)).unwrap();
    let mut planes = vec![0.0; 6 * 6];
    (planes[4], planes[34]) = (1.0, 1.0);
    let model = FixedModel(vec![(vec![1, 6, 2, 3], planes)]);
    let found = detect(&mut module, model, whole(48, 32), (48, 32)).unwrap();
    assert_eq!((found.len(), found[0].x0, found[0].x1), (1, 4.0, 28.0));
    let model = FixedModel(vec![(vec![1, 7, 2, 3], vec![0.0; 42])]);
    let error = detect(&mut module, model, whole(48, 32), (48, 32)).unwrap_err();
    assert_eq!(error, "the model's output `758` is [1, 7, 2, 3], [-1, 6, -1, -1] was announced");
    let empty = FixedModel(vec![(vec![1, 6, 0, 0], vec![])]);
    assert_eq!(detect(&mut module, empty, whole(48, 32), (48, 32)), Ok(vec![]));
}

#[test]
fn it_suggests_how_a_model_is_fed() {
    let suggestion = |context: &Context| {
        let document = module("{}", context).unwrap().suggest(context)?.to_json();
        Some(serde_json::from_str::<Value>(&document).unwrap())
    };
    let mut known = context(&INPUT, &[1, 85, 22, 22], 0);
    let fed = json!({ "color": "bgr", "mode": "stretch", "std": 255 });
    let expected = json!({
        "family": "fastestdet", "specificity": 70, "params": {}, "threshold": 0.65, "classes": 80,
        "preprocess": { "module": "letterbox", "params": fed },
    });
    assert_eq!(suggestion(&known), Some(expected));
    assert_eq!(suggestion(&context(&INPUT, &[1, 21, 352, 352], 0)), None, "a segmentation, say");
    known.model.as_mut().unwrap().outputs.push(info("more", DType::F32, &[1, 85, 11, 11]));
    assert_eq!(suggestion(&known), None, "heads of another family");
}

#[test]
fn the_schema_is_json_and_knows_every_parameter() {
    let schema: Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let sentence = refused(r#"{"?":1}"#, &context(&INPUT, &[1, 85, 22, 22], 80));
    let known = schema["properties"].as_object().unwrap();
    assert!(sentence.starts_with("unknown parameter `?`; allowed: `score_threshold`, `nms`"), "{sentence}");
    assert!(known.keys().all(|key| sentence.contains(&format!("`{key}`"))));
    assert_eq!((known.len(), PostProcess::KEYS.len()), (7, 7));
}
