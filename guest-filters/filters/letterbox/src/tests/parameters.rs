use edgevision_sdk::{Context, DType, Preprocess};

use super::{context, module};

fn refused(json: &str, context: &Context) -> String {
    module(json, context).err().unwrap_or_else(|| panic!("{json} was accepted"))
}

#[test]
fn the_shape_comes_from_the_model() {
    let spec = |dtype, shape: &[i64], json: &str| module(json, &context(dtype, shape)).unwrap().tensor_spec();
    let nchw = spec(DType::F32, &[1, 3, 352, 416], "{}");
    assert_eq!((nchw.dtype, nchw.dims), (DType::F32, vec![1, 3, 352, 416]));
    let nhwc = spec(DType::U8, &[1, 224, 320, 3], "{}");
    assert_eq!((nhwc.dtype, nhwc.dims), (DType::U8, vec![1, 224, 320, 3]));
    assert_eq!(spec(DType::F32, &[-1, 1, 28, 28], "{}").dims, [1, 1, 28, 28]);
    let open = spec(DType::F32, &[-1, 3, -1, -1], r#"{"width":64,"height":32}"#);
    assert_eq!(open.dims, [1, 3, 32, 64]);
    assert_eq!(spec(DType::F32, &[1, -1, 8, 8], r#"{"layout":"nchw","color":"bgr"}"#).dims, [1, 3, 8, 8]);
}

#[test]
fn refusals_say_what_and_what_is_allowed() {
    let none = Context::default();
    let model = context(DType::F32, &[1, 3, 416, 416]);
    let cases = [
        (
            r#"{"widht":1}"#,
            &model,
            "unknown parameter `widht`; allowed: `width`, `height`, `mode`, `align`, \
          `pad`, `upscale`, `dtype`, `layout`, `color`, `mean`, `std`",
        ),
        ("{}", &none, "parameter `width` is missing, and there is no model that says it: set `width`"),
        (r#"{"width":0,"height":1}"#, &none, "parameter `width` is 0: allowed are 1 to 16384"),
        (
            r#"{"height":640}"#,
            &model,
            "parameter `height` is 640, but the model's input has 416: leave `height` out",
        ),
        (
            r#"{"mode":"fit"}"#,
            &model,
            "parameter `mode`: unknown value `fit`, expected `letterbox` or `stretch`",
        ),
        (r#"{"pad":300}"#, &model, "parameter `pad` has the value 300: allowed is 0 to 255"),
        (r#"{"pad":[1,2]}"#, &model, "parameter `pad`: expected a number or a list of three numbers"),
        (r#"{"std":[1,0,1]}"#, &model, "parameter `std` has the value 0: allowed is above 0"),
        (r#"{"mean":1e39}"#, &model, "parameter `mean` has the value inf: allowed is any finite number"),
        (
            r#"{"dtype":"u8"}"#,
            &model,
            "parameter `dtype` is U8, but the model's input is F32: leave `dtype` out",
        ),
        (
            r#"{"color":"gray"}"#,
            &model,
            "`color` asks for 1 channel(s), but the model's input has 3: leave `color` out",
        ),
        (
            r#"{"width":8,"height":8,"dtype":"i64"}"#,
            &none,
            "a tensor of I64 was asked for: letterbox writes F32, F16, U8 and I8",
        ),
        (r#"{"upscale":1}"#, &model, "parameter `upscale`: invalid type: integer `1`, expected a boolean"),
    ];
    for (json, context, sentence) in cases {
        assert_eq!(refused(json, context), sentence, "{json}");
    }
}

#[test]
fn models_that_take_no_image_are_refused() {
    let sentence = |shape: &[i64]| refused("{}", &context(DType::F32, shape));
    assert!(sentence(&[1, 10]).contains("an image has 4 dimensions"));
    assert!(sentence(&[4, 3, 8, 8]).contains("takes 4 images at once"));
    assert!(sentence(&[1, 16, 8, 8]).contains("1 or 3 channels are not found: set `layout`"));
    assert!(sentence(&[1, 3, -1, 8]).contains("`height` is missing"));
    assert!(refused("{}", &context(DType::I32, &[1, 3, 8, 8])).contains("I32"));
}

#[test]
fn the_schema_is_json_and_knows_every_parameter() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../params.schema.json")).unwrap();
    let sentence = refused(r#"{"?":1}"#, &Context::default());
    let known = schema["properties"].as_object().unwrap();
    assert_eq!(known.keys().filter(|key| !sentence.contains(&format!("`{key}`"))).count(), 0);
    assert_eq!(sentence.matches('`').count() / 2 - 1, known.len());
}
