use edgevision_sdk::{Context, DType, Detect};
use serde_json::json;

use super::{context, module};

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap()
}

#[test]
fn the_output_with_the_classes_is_found() {
    let of = |json: &str, outputs: &[(&str, &[i64])]| {
        let head = module(json, &context(DType::F32, outputs, 0)).unwrap().head;
        (head.output, head.classes)
    };
    assert_eq!(of("{}", &[("a", &[1, 1001])]), (0, 1001));
    assert_eq!(of("{}", &[("a", &[-1, 10])]), (0, 10));
    assert_eq!(of("{}", &[("features", &[1, 7, 7, 64]), ("a", &[1, 1, 1, 10])]), (1, 10));
    assert_eq!(of("{}", &[("a", &[5]), ("b", &[1])]), (0, 5));
    assert_eq!(of(r#"{"output":"b"}"#, &[("a", &[1, 5]), ("b", &[1, 7])]), (1, 7));
}

#[test]
fn what_cannot_be_classified_is_refused_with_a_sentence() {
    let sentence =
        |json: &str, outputs: &[(&str, &[i64])], labels| refused(json, &context(DType::F32, outputs, labels));
    assert_eq!(
        sentence("{}", &[("boxes", &[1, 100, 4])], 0),
        "the model has the outputs `boxes` [1, 100, 4]: classify reads one of shape [1, classes]"
    );
    assert_eq!(
        sentence("{}", &[("a", &[1, 5]), ("b", &[1, 7])], 0),
        "the model has the outputs `a` [1, 5], `b` [1, 7]: set `output` to the one with the classes"
    );
    assert_eq!(
        sentence(r#"{"output":"c"}"#, &[("a", &[1, 5])], 0),
        "the model has no output `c` of shape [1, classes]; it has `a` [1, 5]"
    );
    assert!(sentence("{}", &[("a", &[1, 1001])], 1000).contains("only 1000 labels are given"));
    assert!(module(r#"{"offset":-1}"#, &context(DType::F32, &[("a", &[1, 1001])], 1000)).is_ok());
    assert!(refused("{}", &Context::default()).contains("set `model`"));
}

#[test]
fn parameters_are_checked_and_the_schema_knows_them_all() {
    let context = context(DType::F32, &[("a", &[1, 5])], 0);
    for (json, sentence) in [
        (r#"{"top_k":0}"#, "parameter `top_k` is 0: allowed are 1 to 100"),
        (r#"{"score_threshold":1.5}"#, "parameter `score_threshold` is 1.5: allowed are 0 to 1"),
        (r#"{"background":5}"#, "parameter `background` is 5: the model's classes are 0 to 4"),
        (r#"{"scale":0}"#, "parameter `scale` is 0: allowed is any number above 0"),
        (
            r#"{"activation":"sigmoid"}"#,
            "parameter `activation`: unknown value `sigmoid`, expected one of `auto`, `softmax`, `none`",
        ),
    ] {
        assert_eq!(refused(json, &context), sentence);
    }
    let sentence = refused(r#"{"?":1}"#, &context);
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let known = schema["properties"].as_object().unwrap();
    assert!(known.keys().all(|key| sentence.contains(&format!("`{key}`"))), "{sentence}");
    assert_eq!(sentence.matches('`').count() / 2 - 1, known.len());
}

#[test]
fn it_suggests_how_the_model_is_fed() {
    let of = |dtype, input: &[i64], classes| {
        let mut context = context(dtype, &[("a", &[1, classes])], 0);
        let model = context.model.as_mut().unwrap();
        model.inputs[0].shape = input.to_vec();
        model.inputs[0].dtype = dtype;
        let suggestion = module("{}", &context).unwrap().suggest(&context).unwrap().to_json();
        serde_json::from_str::<serde_json::Value>(&suggestion).unwrap()
    };
    let bytes = of(DType::U8, &[1, 224, 224, 3], 1001);
    assert_eq!(bytes["params"], json!({ "background": 0 }));
    assert_eq!(bytes["preprocess"]["params"], json!({ "mode": "stretch", "color": "rgb" }));
    assert_eq!((&bytes["specificity"], &bytes["classes"]), (&json!(70), &json!(1001)));
    assert_eq!(of(DType::F32, &[1, 224, 224, 3], 1000)["preprocess"]["params"]["mean"], json!(127.5));
    let torch = of(DType::F32, &[1, 3, 224, 224], 7);
    assert_eq!((&torch["specificity"], &torch["params"]), (&json!(30), &json!({})));
    assert_eq!(torch["preprocess"]["params"]["std"], json!([58.395, 57.12, 57.375]));
}
