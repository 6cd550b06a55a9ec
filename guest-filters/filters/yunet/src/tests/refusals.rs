use edgevision_sdk::{Context, Detect};
use serde_json::json;

use super::{context, module, shapes};

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap()
}

#[test]
fn models_of_other_families_are_refused_with_a_sentence() {
    let sentence = |change: fn(&mut Vec<(String, Vec<u32>)>)| {
        let mut outputs = shapes();
        change(&mut outputs);
        refused("{}", &context(&outputs))
    };
    assert_eq!(
        sentence(|outputs| *outputs =
            vec![("scores".into(), vec![1, 4420, 2]), ("boxes".into(), vec![1, 4420, 4])]),
        "the model has the outputs scores, boxes: yunet reads cls_8, obj_8, bbox_8, kps_8 and the same for 16 and 32"
    );
    assert_eq!(
        sentence(|outputs| outputs.retain(|(name, _)| name != "kps_16")),
        "the model has an output `cls_16`, but no `kps_16`"
    );
    assert_eq!(
        sentence(|outputs| outputs[2].1 = vec![1, 16, 5]),
        "the model's output `bbox_8` [1, 16, 5] is none of yunet's: [1, cells, numbers]"
    );
    assert!(sentence(|outputs| outputs[3].1 = vec![1, 16, 9]).contains("`kps_8` [1, 16, 9]"));
    assert!(refused("{}", &Context::default()).contains("set `model`"));
}

#[test]
fn parameters_are_checked_and_the_schema_knows_them_all() {
    let context = context(&shapes());
    assert!(refused(r#"{"score":"sum"}"#, &context).contains("unknown value `sum`"));
    assert_eq!(refused(r#"{"nms_iou":2}"#, &context), "parameter `nms_iou` is 2: allowed are 0 to 1");
    let sentence = refused(r#"{"?":1}"#, &context);
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let known = schema["properties"].as_object().unwrap();
    assert!(known.keys().all(|key| sentence.contains(&format!("`{key}`"))), "{sentence}");
    assert_eq!(sentence.matches('`').count() / 2 - 1, known.len());
}

#[test]
fn it_suggests_how_the_model_is_fed() {
    let context = context(&shapes());
    let suggestion = module("{}", &context).unwrap().suggest(&context).unwrap().to_json();
    let suggestion: serde_json::Value = serde_json::from_str(&suggestion).unwrap();
    let expected = json!({
        "family": "yunet", "specificity": 95, "params": {}, "classes": 1,
        "preprocess": { "module": "letterbox", "params": { "color": "bgr", "align": "top_left", "pad": 0 } },
    });
    assert_eq!(suggestion, expected);
}
