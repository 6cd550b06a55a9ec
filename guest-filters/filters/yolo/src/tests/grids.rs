//! YOLOX: rows that are cells of grids.

use edgevision_sdk::testing::whole;

use super::{context, detect, module};

/// An empty output for an input of 32x32 and two classes: 16 + 4 + 1 rows of 7.
fn empty() -> (Vec<u32>, Vec<f32>) {
    (vec![1, 21, 7], vec![0.0; 21 * 7])
}

const YOLOX: &str = r#"{"layout":"yolox"}"#;

fn set(output: &mut (Vec<u32>, Vec<f32>), row: usize, values: [f32; 7]) {
    output.1[row * 7..][..7].copy_from_slice(&values);
}

#[test]
fn a_row_is_a_cell_of_its_grid() {
    let mut yolo = module(YOLOX, &context(&[1, 3, 32, 32], &[1, 21, 7], 2)).unwrap();
    let mut output = empty();
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
fn numbers_that_are_none_are_no_detections() {
    let json = r#"{"layout":"yolox","score_threshold":0}"#;
    let mut yolo = module(json, &context(&[1, 3, 32, 32], &[1, 21, 7], 0)).unwrap();
    let good = [0.5, 0.5, 0.0, 0.0, 0.9, 0.9, 0.1];
    let mut output = empty();
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
}

#[test]
fn outputs_that_do_not_fit_are_errors_of_the_frame() {
    let mut yolo = module(YOLOX, &context(&[1, 3, 32, 32], &[1, 21, 7], 0)).unwrap();
    let error = detect(&mut yolo, empty(), whole(64, 64), (64, 64)).unwrap_err();
    assert!(error.contains("over 64x64 have another number of cells: set `strides`"), "{error}");
    let error = detect(&mut yolo, (vec![1, 20, 7], vec![0.0; 140]), whole(32, 32), (32, 32)).unwrap_err();
    assert_eq!(error, "the model's output `output` is [1, 20, 7], [1, 21, 7] was announced");
}
