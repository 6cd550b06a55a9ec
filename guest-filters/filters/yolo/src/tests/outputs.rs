//! The decoded layouts, each from numbers that are boxes on sight.

use edgevision_sdk::{
    DType, Detection, Geometry, ModelInfo, TensorInfo,
    testing::{self, TypedModel, info, whole},
};

use super::{context, detect, module, plain};

const N: usize = 40;

/// Rows that are empty but for those given, by number.
fn rows(columns: usize, set: &[(usize, &[f32])]) -> Vec<f32> {
    let mut values = vec![0.0; N * columns];
    set.iter().for_each(|(row, numbers)| values[row * columns..][..numbers.len()].copy_from_slice(numbers));
    values
}

fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|c| values.iter().skip(c).step_by(columns).copied()).collect()
}

/// All boxes of an output that is `rows` in a layout, over an input of 320x160.
fn found(json: &str, columns: usize, values: Vec<f32>) -> Vec<([f32; 4], f32, u32)> {
    let shape = [1, N, columns];
    let announced = shape.map(|d| i64::try_from(d).unwrap());
    let mut yolo = module(json, &context(&[1, 3, 160, 320], &announced, 0)).unwrap();
    let output = (shape.map(|d| u32::try_from(d).unwrap()).to_vec(), values);
    detect(&mut yolo, output, whole(320, 160), (320, 160)).unwrap().iter().map(plain).collect()
}

#[test]
fn decoded_rows_with_objectness() {
    let values =
        rows(8, &[(37, &[10.0, 20.0, 4.0, 8.0, 0.5, 0.2, 0.9, 0.1]), (3, &[9.0, 9.0, 2.0, 2.0, 0.2, 1.0])]);
    let expected = [([8.0, 16.0, 12.0, 24.0], 0.45, 1)];
    assert_eq!(found(r#"{"layout":"yolov5"}"#, 8, values), expected);
    let relative = rows(8, &[(37, &[0.5, 0.5, 0.25, 0.5, 0.5, 0.2, 0.9, 0.1])]);
    let found = found(r#"{"layout":"yolov5","boxes":"relative"}"#, 8, relative);
    assert_eq!(found, [([120.0, 40.0, 200.0, 120.0], 0.45, 1)]);
}

#[test]
fn decoded_rows_and_columns_without_objectness() {
    let values =
        rows(6, &[(37, &[10.0, 20.0, 4.0, 8.0, 0.3, 0.6]), (0, &[90.0, 90.0, 20.0, 20.0, 0.75, 0.1])]);
    let expected = [([80.0, 80.0, 100.0, 100.0], 0.75, 0), ([8.0, 16.0, 12.0, 24.0], 0.6, 1)];
    assert_eq!(found(r#"{"layout":"yolov8_rows"}"#, 6, values.clone()), expected);
    let mut yolo = module("{}", &context(&[1, 3, 160, 320], &[1, 6, 40], 0)).unwrap();
    let output = (vec![1, 6, 40], transposed(&values, 6));
    let columns = detect(&mut yolo, output, whole(320, 160), (320, 160)).unwrap();
    assert_eq!(columns.iter().map(plain).collect::<Vec<_>>(), expected);
}

#[test]
fn end_to_end_rows_are_reported_as_they_are() {
    // Two that NMS would merge; a class that is none; one below the threshold.
    let values = rows(
        6,
        &[
            (0, &[10.0, 20.0, 14.0, 28.0, 0.5, 2.0]),
            (1, &[10.0, 20.0, 14.0, 29.0, 0.75, 2.0]),
            (2, &[10.0, 20.0, 14.0, 28.0, 0.9, f32::NAN]),
            (3, &[10.0, 20.0, 14.0, 28.0, 0.9, -1.0]),
            (4, &[10.0, 20.0, 14.0, 28.0, 0.2, 1.0]),
        ],
    );
    let (best, second) = (([10.0, 20.0, 14.0, 29.0], 0.75, 2), ([10.0, 20.0, 14.0, 28.0], 0.5, 2));
    assert_eq!(found("{}", 6, values.clone()), [best, second]);
    assert_eq!(found(r#"{"nms":"greedy"}"#, 6, values), [best]);
}

#[test]
fn several_labels_for_a_box_only_if_asked_for() {
    let values = rows(7, &[(5, &[10.0, 20.0, 4.0, 8.0, 0.3, 0.6, 0.25])]);
    let edges = [8.0, 16.0, 12.0, 24.0];
    assert_eq!(found(r#"{"layout":"yolov8_rows"}"#, 7, values.clone()), [(edges, 0.6, 1)]);
    let json = r#"{"layout":"yolov8_rows","multi_label":true}"#;
    assert_eq!(found(json, 7, values.clone()), [(edges, 0.6, 1), (edges, 0.3, 0), (edges, 0.25, 2)]);
    let agnostic = r#"{"layout":"yolov8_rows","multi_label":true,"agnostic":true}"#;
    assert_eq!(found(agnostic, 7, values), [(edges, 0.6, 1)]);
}

#[test]
fn what_follows_the_classes_is_ignored() {
    // One class and keypoints whose numbers would be the best classes.
    let values = rows(9, &[(5, &[10.0, 20.0, 4.0, 8.0, 0.3, 55.0, 44.0, 33.0, 22.0])]);
    let expected = [([8.0, 16.0, 12.0, 24.0], 0.3, 0)];
    assert_eq!(found(r#"{"layout":"yolov8_rows","classes":1}"#, 9, values.clone()), expected);
    let context = context(&[1, 3, 160, 320], &[1, 9, 40], 1);
    let mut columns = module(r#"{"classes":1}"#, &context).unwrap();
    let output = (vec![1, 9, 40], transposed(&values, 9));
    let found = detect(&mut columns, output, whole(320, 160), (320, 160)).unwrap();
    assert_eq!(found.iter().map(plain).collect::<Vec<_>>(), expected);
}

/// 0.3 in the 16-bit float that is next to it, and what a box of whole numbers is in it: exact.
fn half(value: f32) -> [u8; 2] {
    let known = [(0.0, 0u16), (10.0, 0x4900), (20.0, 0x4D00), (4.0, 0x4400), (8.0, 0x4800), (0.75, 0x3A00)];
    known.iter().find(|(number, _)| *number == value).unwrap().1.to_le_bytes()
}

#[test]
fn halves_are_read() {
    let values = transposed(&rows(6, &[(37, &[10.0, 20.0, 4.0, 8.0, 0.0, 0.75])]), 6);
    let bytes: Vec<u8> = values.iter().flat_map(|&v| half(v)).collect();
    let mut context = context(&[1, 3, 160, 320], &[1, 6, 40], 0);
    context.model.as_mut().unwrap().outputs[0].dtype = DType::F16;
    let mut yolo = module("{}", &context).unwrap();
    let model = TypedModel(vec![(DType::F16, vec![1, 6, 40], bytes)]);
    let found: Vec<Detection> = testing::detect(&mut yolo, model, whole(320, 160), (320, 160)).unwrap();
    assert_eq!(found.iter().map(plain).collect::<Vec<_>>(), [([8.0, 16.0, 12.0, 24.0], 0.75, 1)]);
}

#[test]
fn the_output_with_boxes_need_not_be_the_first() {
    let output = |name: &str, shape: &[i64]| -> TensorInfo { info(name, DType::F32, shape) };
    let model = ModelInfo {
        inputs: vec![output("images", &[1, 3, 160, 320])],
        outputs: vec![
            output("proto", &[1, 2, 4, 8]),
            output("boxes", &[1, 8, 40]),
            output("more", &[1, 5, 40]),
        ],
    };
    let context = edgevision_sdk::Context { model: Some(model), labels: 0, score_threshold: 0.25 };
    let mut yolo = module("{}", &context).unwrap();
    assert_eq!((yolo.head.output, yolo.head.classes, yolo.outputs.len()), (1, 4, 2));
    let values = transposed(&rows(8, &[(37, &[10.0, 20.0, 4.0, 8.0, 0.5])]), 8);
    let outputs = vec![(vec![1, 2, 4, 8], vec![0.0; 64]), (vec![1, 8, 40], values)];
    let model = edgevision_sdk::testing::FixedModel(outputs);
    assert_eq!(testing::detect(&mut yolo, model, whole(320, 160), (320, 160)).unwrap().len(), 1);
    assert_eq!(module(r#"{"output":"more"}"#, &context).unwrap().head.output, 2);
}

#[test]
fn boxes_are_mapped_back_and_clipped() {
    let mut yolo = module("{}", &context(&[1, 3, 100, 100], &[1, 5, 40], 0)).unwrap();
    // A frame of 200x100 in the middle of the input: half size, 25 pixels of padding above and below.
    let geometry = Geometry { scale_x: 0.5, scale_y: 0.5, offset_y: 25.0, ..whole(100, 100) };
    let boxes: [&[f32]; 4] = [
        &[50.0, 50.0, 20.0, 10.0, 0.9],
        &[2.0, 26.0, 20.0, 20.0, 0.8],
        &[50.0, 10.0, 20.0, 20.0, 0.7],
        &[90.0, 90.0, 400.0, 1.0, 0.6],
    ];
    let set: Vec<(usize, &[f32])> = boxes.into_iter().enumerate().collect();
    let values = transposed(&rows(5, &set), 5);
    let found = detect(&mut yolo, (vec![1, 5, 40], values), geometry, (200, 100)).unwrap();
    let boxes: Vec<_> = found.iter().map(|d| [d.x0, d.y0, d.x1, d.y1]).collect();
    // The third and the fourth lie in the padding.
    assert_eq!(boxes, [[80.0, 40.0, 120.0, 60.0], [0.0, 0.0, 24.0, 22.0]]);
}

#[test]
fn nothing_comes_of_nan_and_never_more_than_asked() {
    let context = context(&[1, 3, 32, 32], &[1, 6, 40], 0);
    let mut nan = module("{}", &context).unwrap();
    assert_eq!(detect(&mut nan, (vec![1, 6, 40], vec![f32::NAN; 240]), whole(32, 32), (32, 32)), Ok(vec![]));
    let mut yolo = module(r#"{"layout":"yolov8","max_detections":3}"#, &context).unwrap();
    let mut values = vec![2.0; 6 * 40];
    (0..40).for_each(|n| values[n] = n as f32 * 4.0);
    let found = detect(&mut yolo, (vec![1, 6, 40], values), whole(160, 32), (160, 32)).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|d| d.class_id == 0 && d.score == 1.0));
}
