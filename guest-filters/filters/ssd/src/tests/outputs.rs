//! Each layout from numbers that are boxes on sight; the input is 200x100.

use edgevision_sdk::{
    DType,
    testing::{self, TypedModel, info, whole},
};

use super::{answered, context, found, module, plain};

const LEFT: [f32; 4] = [0.1, 0.2, 0.3, 0.6];
const RIGHT: [f32; 4] = [0.5, 0.0, 1.5, 1.0];
/// The same in pixels, clipped.
const LEFT_PIXELS: [f32; 4] = [20.0, 20.0, 60.0, 60.0];
const RIGHT_PIXELS: [f32; 4] = [100.0, 0.0, 200.0, 100.0];

fn close(ours: &[([f32; 4], f32, u32)], expected: &[([f32; 4], f32, u32)]) {
    assert_eq!(ours.len(), expected.len(), "{ours:?}");
    for (a, b) in ours.iter().zip(expected) {
        assert!(a.0.iter().zip(b.0).all(|(a, b)| (a - b).abs() < 1e-4), "{ours:?}");
        assert_eq!((a.1, a.2), (b.1, b.2));
    }
}

#[test]
fn scores_and_boxes_in_any_order() {
    let scores = ("scores", &[1, 3, 3][..], vec![0.9, 0.05, 0.05, 0.1, 0.3, 0.6, 0.0, 0.8, 0.2]);
    let boxes = ("boxes", &[1, 3, 4][..], [LEFT, LEFT, RIGHT].concat());
    // The first is background; the second shows two classes; each its own NMS.
    let expected = [(RIGHT_PIXELS, 0.8, 0), (LEFT_PIXELS, 0.6, 1), (LEFT_PIXELS, 0.3, 0)];
    close(&found("{}", &[scores.clone(), boxes.clone()]), &expected);
    close(&found("{}", &[boxes.clone(), scores.clone()]), &expected);
    close(&found(r#"{"multi_label":false}"#, &[scores.clone(), boxes.clone()]), &expected[..2]);
    close(&found(r#"{"agnostic":true}"#, &[scores.clone(), boxes.clone()]), &expected[..2]);
    let all = found(r#"{"first_class":0,"multi_label":false}"#, &[scores, boxes]);
    close(&all, &[(LEFT_PIXELS, 0.9, 0), (RIGHT_PIXELS, 0.8, 1), (LEFT_PIXELS, 0.6, 2)]);
}

#[test]
fn one_column_has_no_background() {
    let scores = ("conf", &[1, 2, 1][..], vec![0.9, 0.1]);
    let boxes = ("loc", &[1, 2, 4][..], [LEFT, RIGHT].concat());
    close(&found("{}", &[scores, boxes]), &[(LEFT_PIXELS, 0.9, 0)]);
}

#[test]
fn overlapping_boxes_of_a_class_are_suppressed_where_the_model_has_not_done_it() {
    let scores = ("scores", &[1, 2, 2][..], vec![0.1, 0.9, 0.2, 0.8]);
    let boxes = ("boxes", &[1, 2, 4][..], [LEFT, LEFT].concat());
    close(&found("{}", &[scores.clone(), boxes.clone()]), &[(LEFT_PIXELS, 0.9, 0)]);
    assert_eq!(found(r#"{"nms":"none"}"#, &[scores, boxes]).len(), 2);
}

/// Rows of a detection output.
fn list(rows: &[(f32, f32, f32, [f32; 4])]) -> Vec<f32> {
    rows.iter()
        .flat_map(|&(image, class, score, edges)| [image, class, score].into_iter().chain(edges))
        .collect()
}

#[test]
fn a_detection_output_ends_at_the_first_image_below_zero() {
    let rows = [
        (0.0, 1.0, 0.5, LEFT),
        (0.0, 0.0, 0.9, RIGHT),
        (1.0, 2.0, 0.9, RIGHT),
        (0.0, 3.0, 0.2, RIGHT),
        (0.0, 2.0, 0.75, LEFT),
        (0.0, f32::NAN, 0.75, LEFT),
        (-1.0, 1.0, 0.9, RIGHT),
        (0.0, 1.0, 0.9, RIGHT),
    ];
    let output = ("detection_out", &[1, 1, 8, 7][..], list(&rows));
    // No NMS: the model has done it. Background, another image and what is below the threshold are left out.
    close(&found("{}", std::slice::from_ref(&output)), &[(LEFT_PIXELS, 0.75, 1), (LEFT_PIXELS, 0.5, 0)]);
    let zero = found(r#"{"first_class":0}"#, &[output]);
    close(&zero, &[(RIGHT_PIXELS, 0.9, 0), (LEFT_PIXELS, 0.75, 2), (LEFT_PIXELS, 0.5, 1)]);
}

fn turned([a, b, c, d]: [f32; 4]) -> [f32; 4] {
    [b, a, d, c]
}

#[test]
fn tensorflows_four_outputs() {
    let boxes = ("detection_boxes", &[1, 4, 4][..], [turned(LEFT), turned(RIGHT), LEFT, RIGHT].concat());
    let classes = ("detection_classes", &[1, 4][..], vec![18.0, 1.0, 1.0, 1.0]);
    let scores = ("detection_scores", &[1, 4][..], vec![0.75, 0.5, 0.2, 0.9]);
    let count = |n| ("num_detections", &[1][..], vec![n]);
    let both = [(LEFT_PIXELS, 0.75, 17), (RIGHT_PIXELS, 0.5, 0)];
    let outputs = |n| [boxes.clone(), classes.clone(), scores.clone(), count(n)];
    close(&found("{}", &outputs(3.0)), &both);
    close(&found("{}", &outputs(1.0)), &both[..1]);
    assert_eq!(found("{}", &outputs(f32::NAN)), []);
    assert_eq!(found("{}", &outputs(-1.0)), []);
    assert_eq!(found("{}", &outputs(1e9)).len(), 3);
    let [b, c, s, n] = outputs(3.0);
    close(&found("{}", &[n, s, c, b]), &both);
    close(
        &found(r#"{"order":"xyxy"}"#, &[scores, count(4.0), boxes, classes])[..1],
        &[(RIGHT_PIXELS, 0.9, 0)],
    );
}

#[test]
fn whole_numbers_and_pixels_as_other_exporters_write_them() {
    let mut context = context(&[], 0);
    context.model.as_mut().unwrap().outputs = vec![
        info("boxes", DType::F32, &[1, -1, 4]),
        info("labels", DType::I64, &[1, -1]),
        info("scores", DType::F32, &[1, -1]),
    ];
    let mut ssd = module(r#"{"boxes":"pixels","order":"xyxy"}"#, &context).unwrap();
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let model = TypedModel(vec![
        (DType::F32, vec![1, 1, 4], bytes(&LEFT_PIXELS)),
        (DType::I64, vec![1, 1], 3i64.to_le_bytes().to_vec()),
        (DType::F32, vec![1, 1], bytes(&[0.5])),
    ]);
    let found = testing::detect(&mut ssd, model, whole(200, 100), (200, 100)).unwrap();
    assert_eq!(found.iter().map(plain).collect::<Vec<_>>(), [(LEFT_PIXELS, 0.5, 2)]);
}

#[test]
fn numbers_that_are_none_are_no_detections() {
    let nan = [f32::NAN; 4];
    let boxes =
        ("boxes", &[1, 4, 4][..], [nan, [0.5, 0.5, 0.4, 0.6], [0.0, 0.0, f32::INFINITY, 1.0], LEFT].concat());
    let scores = ("scores", &[1, 4, 2][..], vec![0.1, 0.9, 0.1, 0.9, 0.1, 0.9, f32::NAN, f32::NAN]);
    assert_eq!(found("{}", &[boxes, scores]), []);
}

#[test]
fn outputs_that_do_not_fit_are_errors_of_the_frame() {
    let mut ssd = module("{}", &context(&[("scores", &[1, 2, 2]), ("boxes", &[1, 2, 4])], 0)).unwrap();
    let wrong = [("scores", &[1, 3, 2][..], vec![0.0; 6]), ("boxes", &[1, 2, 4][..], vec![0.0; 8])];
    let error = answered(&mut ssd, &wrong).unwrap_err();
    assert_eq!(error, "the model's output `scores` is [1, 3, 2], [1, 2, 2] was announced");
}
