//! What the module says about models that it recognises.

use edgevision_sdk::Detect;
use serde_json::{Value, json};

use super::{context, module};

#[test]
fn it_suggests_how_a_model_is_fed() {
    let suggestion = |input: &[i64], output: &[i64]| {
        let context = context(input, output, 0);
        let document = module("{}", &context).unwrap().suggest(&context)?.to_json();
        Some(serde_json::from_str::<Value>(&document).unwrap())
    };
    let of = |family, specificity, params: &Value, classes: Option<usize>| {
        Some(json!({
            "family": family, "specificity": specificity, "params": {}, "classes": classes,
            "preprocess": { "module": "letterbox", "params": params },
        }))
    };
    let input = [1, 3, 416, 416];
    let bgr = json!({ "color": "bgr", "align": "top_left" });
    let rgb = json!({ "color": "rgb", "align": "center", "std": 255 });
    assert_eq!(suggestion(&input, &[1, 3549, 85]), of("yolox", 90, &bgr, Some(80)));
    assert_eq!(suggestion(&input, &[1, 10647, 85]), of("yolov5", 90, &rgb, Some(80)));
    assert_eq!(suggestion(&input, &[1, 84, 3549]), of("yolov8", 80, &rgb, Some(80)));
    assert_eq!(suggestion(&[1, 3, -1, -1], &[1, 84, 100]), of("yolov8", 40, &rgb, Some(80)));
    assert_eq!(suggestion(&[-1, 3, -1, -1], &[-1, 84, -1]), of("yolov8", 40, &rgb, Some(80)));
    assert_eq!(suggestion(&input, &[1, 3549, 5]), of("yolov8_rows", 70, &rgb, Some(1)));
    assert_eq!(suggestion(&input, &[1, 300, 6]), of("yolov10", 70, &rgb, None));
    assert_eq!(suggestion(&[1, 416], &[1, 84, 3549]), None, "no picture");
}
