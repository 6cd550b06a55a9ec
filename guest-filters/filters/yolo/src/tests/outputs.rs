use edgevision_sdk::Geometry;

use super::{context, detect, module, whole};

/// An empty YOLOX output for an input of 32x32 and two classes: 16 + 4 + 1 rows of 7.
fn yolox() -> (Vec<u32>, Vec<f32>) {
    (vec![1, 21, 7], vec![0.0; 21 * 7])
}

const YOLOX: &str = r#"{"layout":"yolox"}"#;

fn set(output: &mut (Vec<u32>, Vec<f32>), row: usize, values: [f32; 7]) {
    output.1[row * 7..][..7].copy_from_slice(&values);
}

#[test]
fn a_yolox_row_is_a_cell_of_its_grid() {
    let mut yolo = module(YOLOX, &context(&[1, 3, 32, 32], &[1, 21, 7], 2)).unwrap();
    let mut output = yolox();
    // Row 6 is cell (2, 1) of stride 8; row 19 is cell (1, 1) of stride 16.
    set(&mut output, 6, [0.5, 0.25, 0.0, 0.5f32.ln(), 0.8, 0.5, 1.0]);
    set(&mut output, 19, [0.5, 0.5, -1.0, -1.0, 0.9, 0.9, 0.1]);
    let found = detect(&mut yolo, output, whole(32, 32), (32, 32)).unwrap();
    assert_eq!(found.len(), 2);
    let (first, second) = (found[0], found[1]);
    assert!((first.score - 0.81).abs() < 1e-6 && first.class_id == 0);
    let half = 8.0 * (-1f32).exp();
    assert!((first.x0 - (24.0 - half)).abs() < 1e-4 && (first.y1 - (24.0 + half)).abs() < 1e-4);
    assert_eq!((second.x0, second.x1, second.y0, second.y1), (16.0, 24.0, 8.0, 12.0));
    assert_eq!((second.score, second.class_id), (0.8, 1));
}

#[test]
fn a_yolov8_column_is_a_box() {
    let mut yolo = module("{}", &context(&[1, 3, 32, 32], &[1, 6, 40], 0)).unwrap();
    let mut values = vec![0.0; 6 * 40];
    for (row, value) in [10.0, 20.0, 4.0, 8.0, 0.3, 0.6].into_iter().enumerate() {
        values[row * 40 + 37] = value;
    }
    let found = detect(&mut yolo, (vec![1, 6, 40], values), whole(32, 32), (32, 32)).unwrap();
    assert_eq!(found.len(), 1);
    let d = found[0];
    assert_eq!((d.x0, d.y0, d.x1, d.y1, d.score, d.class_id), (8.0, 16.0, 12.0, 24.0, 0.6, 1));
}

#[test]
fn numbers_that_are_none_are_no_detections() {
    let mut yolo =
        module(r#"{"layout":"yolox","score_threshold":0}"#, &context(&[1, 3, 32, 32], &[1, 21, 7], 0))
            .unwrap();
    let good = [0.5, 0.5, 0.0, 0.0, 0.9, 0.9, 0.1];
    let mut output = yolox();
    for (row, (index, value)) in [
        (0, f32::NAN),
        (1, f32::INFINITY),
        (2, f32::NAN),
        (2, 1e9),
        (3, f32::NEG_INFINITY),
        (4, f32::NAN),
        (4, f32::INFINITY),
        (5, f32::INFINITY),
        (5, f32::NEG_INFINITY),
    ]
    .into_iter()
    .enumerate()
    {
        let mut bad = good;
        bad[index] = value;
        // A class that is minus infinity leaves the other one.
        if value == f32::NEG_INFINITY && index == 5 {
            bad[6] = f32::NAN;
        }
        set(&mut output, row, bad);
    }
    set(&mut output, 20, good);
    for row in 9..20 {
        set(&mut output, row, [0.0, 0.0, 0.0, 0.0, f32::NAN, f32::NAN, f32::NAN]);
    }
    let found = detect(&mut yolo, output, whole(32, 32), (32, 32)).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let mut nan = module("{}", &context(&[1, 3, 32, 32], &[1, 6, 40], 0)).unwrap();
    assert_eq!(detect(&mut nan, (vec![1, 6, 40], vec![f32::NAN; 240]), whole(32, 32), (32, 32)), Ok(vec![]));
}

#[test]
fn boxes_are_mapped_back_and_clipped() {
    let mut yolo = module("{}", &context(&[1, 3, 100, 100], &[1, 5, 40], 0)).unwrap();
    // A frame of 200x100 in the middle of the input: half size, 25 pixels of padding above and below.
    let geometry = Geometry {
        scale_x: 0.5,
        scale_y: 0.5,
        offset_y: 25.0,
        input_width: 100,
        input_height: 100,
        ..Geometry::default()
    };
    let boxes = [
        [50.0, 50.0, 20.0, 10.0],
        [2.0, 26.0, 20.0, 20.0],
        [50.0, 10.0, 20.0, 20.0],
        [90.0, 90.0, 400.0, 1.0],
    ];
    let mut values = vec![0.0; 5 * 40];
    for (n, numbers) in boxes.iter().enumerate() {
        (0..4).for_each(|k| values[k * 40 + n] = numbers[k]);
        values[4 * 40 + n] = 0.9 - n as f32 * 0.1;
    }
    let found = detect(&mut yolo, (vec![1, 5, 40], values), geometry, (200, 100)).unwrap();
    let boxes: Vec<_> = found.iter().map(|d| [d.x0, d.y0, d.x1, d.y1]).collect();
    // The third and the fourth lie in the padding.
    assert_eq!(boxes, [[80.0, 40.0, 120.0, 60.0], [0.0, 0.0, 24.0, 22.0]]);
}

#[test]
fn outputs_that_do_not_fit_are_errors_of_the_frame() {
    let mut yolo = module(YOLOX, &context(&[1, 3, 32, 32], &[1, 21, 7], 0)).unwrap();
    let error = detect(&mut yolo, yolox(), whole(64, 64), (64, 64)).unwrap_err();
    assert!(error.contains("over 64x64 have another number of cells: set `strides`"), "{error}");
    let error = detect(&mut yolo, (vec![1, 20, 7], vec![0.0; 140]), whole(32, 32), (32, 32)).unwrap_err();
    assert_eq!(error, "the model's output is [1, 20, 7], [1, 21, 7] was announced");
}

#[test]
fn one_class_at_most_and_never_more_than_asked() {
    let json = r#"{"layout":"yolov8","max_detections":3}"#;
    let mut yolo = module(json, &context(&[1, 3, 32, 32], &[1, 6, 40], 0)).unwrap();
    let mut values = vec![2.0; 6 * 40];
    (0..40).for_each(|n| values[n] = n as f32 * 4.0);
    let found = detect(&mut yolo, (vec![1, 6, 40], values), whole(160, 32), (160, 32)).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|d| d.class_id == 0 && d.score == 1.0));
}
