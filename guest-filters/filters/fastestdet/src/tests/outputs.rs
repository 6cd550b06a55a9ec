//! Cells against the formulas in f64, and cells that are none.

use edgevision_sdk::{
    Detection,
    testing::{FixedModel, detect, whole},
};
use proptest::prelude::*;

use super::{context, module};

/// Cells of a line and lines; the input has 16 pixels for each.
const GRID: [usize; 2] = [4, 3];
const CELLS: usize = GRID[0] * GRID[1];
const CLASSES: usize = 2;

/// What the module finds in cells of `[objectness, x, y, w, h, class 0, class 1]`.
fn found(json: &str, cells: &[[f32; 5 + CLASSES]]) -> Vec<Detection> {
    let shape = [1, 5 + CLASSES, GRID[1], GRID[0]];
    let announced = shape.map(|d| i64::try_from(d).unwrap());
    let mut module = module(json, &context(&[1, 3, 48, 64], &announced, 0)).unwrap();
    let mut planes = vec![0.0; (5 + CLASSES) * CELLS];
    for (index, cell) in cells.iter().enumerate() {
        cell.iter().enumerate().for_each(|(plane, &value)| planes[plane * CELLS + index] = value);
    }
    let dims = shape.map(|d| u32::try_from(d).unwrap()).to_vec();
    detect(&mut module, FixedModel(vec![(dims, planes)]), whole(64, 48), (64, 48)).unwrap()
}

/// Edges, score and class of a cell by the formulas of the authors, clipped to the picture.
fn expected(index: usize, cell: [f32; 5 + CLASSES]) -> ([f64; 4], f64, u32) {
    let [objectness, x, y, w, h, first, second] = cell.map(f64::from);
    let sigmoid = |v: f64| v.exp() / (v.exp() + 1.0);
    let (column, line) = ((index % GRID[0]) as f64, (index / GRID[0]) as f64);
    let (cx, cy) = ((column + x.tanh()) * 16.0, (line + y.tanh()) * 16.0);
    let (w, h) = (sigmoid(w) * 64.0, sigmoid(h) * 48.0);
    let edges = [cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0];
    let limits = [64.0, 48.0, 64.0, 48.0];
    let clipped = [0, 1, 2, 3].map(|edge| edges[edge].clamp(0.0, limits[edge]));
    let class = u32::from(second > first);
    (clipped, objectness.powf(0.6) * first.max(second).powf(0.4), class)
}

proptest! {
    #[test]
    fn cells_are_decoded_by_the_formulas(
        index in 0..CELLS, objectness in 0.3f32..1.0, numbers: [i8; 4], first in 0.3f32..1.0, second in 0.3f32..1.0,
    ) {
        let [x, y, w, h] = numbers.map(|v| f32::from(v) / 40.0);
        let cell = [objectness, x, y, w, h, first, second];
        let mut cells = [[0.0; 5 + CLASSES]; CELLS];
        cells[index] = cell;
        let (edges, score, class) = expected(index, cell);
        let found = found("{}", &cells);
        prop_assert_eq!(found.len(), usize::from(edges[2] > edges[0] && edges[3] > edges[1]));
        for d in found {
            let ours = [d.x0, d.y0, d.x1, d.y1];
            prop_assert!(ours.iter().zip(edges).all(|(&a, b)| (f64::from(a) - b).abs() < 1e-3), "{ours:?} {edges:?}");
            prop_assert!((f64::from(d.score) - score).abs() < 1e-5 && d.class_id == class);
        }
    }
}

#[test]
fn a_box_may_reach_the_threshold_by_one_of_its_two_numbers() {
    // 0.9^0.6 * 0.1^0.4 = 0.37 and the other way round 0.24.
    let cells = [[0.9, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0], [0.1, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0]];
    assert_eq!(found("{}", &cells).len(), 1);
    assert_eq!(found(r#"{"score_threshold":0.2,"nms":"none"}"#, &cells).len(), 2);
    assert_eq!(found(r#"{"score_threshold":0.38}"#, &cells).len(), 0);
}

#[test]
fn numbers_that_are_none_are_no_detections() {
    let good = [0.9, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0];
    let bad = |at: usize, value| {
        let mut cell = good;
        cell[at] = value;
        cell
    };
    let inf = f32::INFINITY;
    let cells = [
        bad(0, f32::NAN),
        bad(1, f32::NAN),
        bad(2, f32::NAN),
        bad(3, f32::NAN),
        bad(4, f32::NAN),
        bad(5, f32::NAN),
        bad(0, inf),
        bad(0, -1.0),
        bad(3, -inf),
        bad(4, -inf),
        [f32::NAN; 7],
        good,
    ];
    let found = found(r#"{"nms":"none"}"#, &cells);
    assert_eq!(found.len(), 1, "{found:?}");
    // A distance that is endless is one whole cell.
    assert_eq!(self::found("{}", &[bad(1, inf)])[0].x0, 0.0);
}

#[test]
fn halves_of_the_picture_are_mapped_back() {
    let mut module = module("{}", &context(&[1, 3, 48, 64], &[1, 7, 3, 4], 0)).unwrap();
    let mut planes = vec![0.0; 7 * CELLS];
    // Cell (2, 1): the middle of the picture is its upper left corner.
    for (plane, value) in [(0, 1.0), (5, 0.5)] {
        planes[plane * CELLS + 6] = value;
    }
    let stretched = edgevision_sdk::Geometry { scale_x: 0.5, scale_y: 0.25, ..whole(64, 48) };
    let model = FixedModel(vec![(vec![1, 7, 3, 4], planes)]);
    let found = detect(&mut module, model, stretched, (128, 192)).unwrap();
    let edges = [found[0].x0, found[0].y0, found[0].x1, found[0].y1];
    assert_eq!(edges, [32.0, 16.0, 96.0, 112.0]);
}
