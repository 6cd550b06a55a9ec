//! What cannot be decoded is refused before the first frame, with a sentence.

use edgevision_sdk::{Context, DType, boxes::PostProcess};

use super::{context, module, refused};

const RFB: [(&str, &[i64]); 2] = [("scores", &[1, 9, 2]), ("boxes", &[1, 9, 4])];

#[test]
fn models_that_cannot_be_decoded() {
    let sentence = |outputs: &[(&str, &[i64])]| refused("{}", &context(outputs, 0));
    assert_eq!(
        sentence(&[("output", &[1, 3549, 85])]),
        "the model's outputs `output` [1, 3549, 85] are not what ssd reads (scores [1, N, columns] and boxes \
         [1, N, 4]; [1, 1, N, 7]; or boxes [1, N, 4], classes [1, N], scores [1, N] and a count): name them in \
         `outputs`, or use another module"
    );
    let unclear: [(&str, &[i64]); 3] = [("a", &[1, 10, 4]), ("b", &[1, 10]), ("c", &[1, 10])];
    assert!(sentence(&unclear).contains("name them in `outputs`"));
    let named = r#"{"outputs":{"classes":"b","scores":"c"}}"#;
    assert!(module(named, &context(&unclear, 0)).is_ok());
    assert!(sentence(&[("a", &[1, 9, 4]), ("b", &[1, 9, 4])]).contains("name them in `outputs`"));
    assert!(sentence(&[("scores", &[1, 8, 2]), ("boxes", &[1, 9, 4])]).contains("are not what ssd reads"));
    assert!(
        refused(r#"{"layout":"detection_output"}"#, &context(&RFB, 0)).contains("are not what ssd reads")
    );
    assert!(refused("{}", &Context::default()).contains("ssd needs a model"));
}

#[test]
fn labels_types_and_names_that_do_not_fit() {
    let ten: [(&str, &[i64]); 2] = [("scores", &[1, 9, 11]), ("boxes", &[1, 9, 4])];
    let labels = "the model has 10 classes, but only 9 labels are given: add the rest";
    assert_eq!(refused("{}", &context(&ten, 9)), labels);
    assert!(module("{}", &context(&ten, 10)).is_ok());
    let first = "parameter `first_class` is 2, but the model's scores have 2 column(s): nothing is left";
    assert_eq!(refused(r#"{"first_class":2}"#, &context(&RFB, 0)), first);
    let mut bytes = context(&RFB, 0);
    bytes.model.as_mut().unwrap().outputs[1].dtype = DType::U8;
    assert_eq!(refused("{}", &bytes), "the model's output `boxes` is U8: ssd reads F32 and F16");
    assert_eq!(
        refused(r#"{"outputs":{"boxes":"box"}}"#, &context(&RFB, 0)),
        "parameter `outputs.boxes` is `box`, but the model's outputs are scores, boxes"
    );
}

#[test]
fn parameters_are_checked() {
    let cases = [
        (r#"{"first_class":1001}"#, "parameter `first_class` is 1001: allowed are 0 to 1000"),
        (r#"{"order":"yx"}"#, "parameter `order`: unknown value `yx`, expected `xyxy` or `yxyx`"),
        (
            r#"{"outputs":{"box":"x"}}"#,
            "parameter `outputs`: unknown key `box`; allowed: `boxes`, `scores`, `classes`, `count`",
        ),
        (r#"{"max_detections":0}"#, "parameter `max_detections` is 0: allowed are 1 to 1000"),
    ];
    for (json, sentence) in cases {
        assert_eq!(refused(json, &context(&RFB, 0)), sentence);
    }
}

#[test]
fn the_schema_is_json_and_knows_every_parameter() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let sentence = refused(r#"{"?":1}"#, &context(&RFB, 0));
    let known = schema["properties"].as_object().unwrap();
    assert!(known.keys().all(|key| sentence.contains(&format!("`{key}`"))));
    assert!(PostProcess::KEYS.iter().all(|&key| known.contains_key(key)));
    assert_eq!(sentence.matches('`').count() / 2 - 1, known.len());
}
