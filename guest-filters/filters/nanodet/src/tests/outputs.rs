//! Boxes that the outputs were made from come out again.

use proptest::prelude::*;

use super::made::{CLASSES, Cell, GRIDS, found, pairs, single};

/// Edges in pixels, clipped to the input of 100x68.
fn edges(cell: &Cell, is_corner: bool) -> [f64; 4] {
    let stride = GRIDS[cell.grid].0 as f64;
    let center =
        |at: usize| if is_corner { at as f64 * stride } else { at as f64 * stride + (stride - 1.0) / 2.0 };
    let (x, y) = (center(cell.at.0), center(cell.at.1));
    let [left, upper, right, lower] = cell.distances.map(|d| d * stride);
    let clip = |v: f64, most: f64| v.clamp(0.0, most);
    [clip(x - left, 100.0), clip(y - upper, 68.0), clip(x + right, 100.0), clip(y + lower, 68.0)]
}

fn cell(grid: usize, at: (usize, usize), distances: [f64; 4], scores: [f32; CLASSES]) -> Cell {
    Cell { grid, at, distances, scores }
}

proptest! {
    #[test]
    fn a_box_comes_out_as_it_went_in(
        grid in 0usize..4, at: (usize, usize), distances: [u8; 4], class in 0..CLASSES, score in 0.3f32..1.0,
    ) {
        let at = (at.0 % GRIDS[grid].1, at.1 % GRIDS[grid].2);
        let mut scores = [0.1; CLASSES];
        scores[class] = score;
        let cell = cell(grid, at, distances.map(|d| f64::from(d) / 255.0 * 7.0), scores);
        for (outputs, is_corner) in [(pairs(4, &[cell]), false), (single(4, &[cell]), true)] {
            let expected = edges(&cell, is_corner);
            let is_box = expected[2] - expected[0] > 1e-3 && expected[3] - expected[1] > 1e-3;
            let found = found("{}", outputs);
            if is_box {
                prop_assert_eq!(found.len(), 1);
                let ours = [found[0].x0, found[0].y0, found[0].x1, found[0].y1];
                let close = ours.iter().zip(expected).all(|(&a, b)| (f64::from(a) - b).abs() < 1e-2);
                prop_assert!(close, "{ours:?} {expected:?}");
                prop_assert_eq!((found[0].score, found[0].class_id as usize), (score, class));
            }
        }
    }
}

#[test]
fn the_centre_can_be_chosen() {
    let cells = [cell(1, (3, 2), [1.0; 4], [0.0, 0.9, 0.0])];
    let left = |json: &str, outputs| found(json, outputs)[0].x0.round();
    assert_eq!((left("{}", pairs(3, &cells)), left("{}", single(4, &cells))), (40.0, 32.0));
    assert_eq!(left("{}", single(3, &cells)), 40.0, "older than Plus");
    assert_eq!(left(r#"{"center":"corner"}"#, pairs(3, &cells)), 32.0);
    assert_eq!(left(r#"{"center":"middle"}"#, single(4, &cells)), 40.0);
}

#[test]
fn models_have_three_grids_or_four_or_those_that_are_set() {
    let cells = [cell(0, (1, 1), [1.0; 4], [0.9, 0.0, 0.0]), cell(2, (2, 1), [1.0; 4], [0.0, 0.8, 0.0])];
    for count in [3, 4] {
        assert_eq!(found("{}", pairs(count, &cells)).len(), 2);
        assert_eq!(found("{}", single(count, &cells)).len(), 2);
    }
    assert_eq!(found(r#"{"strides":[8,16]}"#, pairs(2, &cells)).len(), 1);
    assert_eq!(found(r#"{"strides":[8]}"#, single(1, &cells)).len(), 1);
}

#[test]
fn logits_become_scores_only_if_asked_for() {
    let cells = [cell(1, (3, 2), [1.0; 4], [0.0, 2.0, -5.0])];
    // All other cells have logits of 0: scores of 0.5, below this threshold.
    let json = r#"{"sigmoid":true,"score_threshold":0.6}"#;
    let scored = found(json, pairs(3, &cells));
    assert_eq!((scored.len(), scored[0].class_id), (1, 1));
    assert!((f64::from(scored[0].score) - 1.0 / (1.0 + (-2f64).exp())).abs() < 1e-6);
    assert_eq!(found("{}", pairs(3, &cells))[0].score, 1.0, "clipped");
}

#[test]
fn numbers_that_are_none_are_no_detections() {
    let good = cell(1, (3, 2), [1.0; 4], [0.0, 0.9, 0.0]);
    let mut outputs = pairs(3, &[good, cell(1, (1, 1), [1.0; 4], [f32::NAN; 3])]);
    let spoilt = |outputs: &mut Vec<(String, Vec<u32>, Vec<f32>)>, bin: usize, value| {
        outputs[4].2[(2 * 7 + 3) * 32 + bin] = value;
    };
    assert_eq!(found("{}", outputs.clone()).len(), 1);
    for value in [f32::NAN, f32::INFINITY] {
        spoilt(&mut outputs, 9, value);
        assert_eq!(found("{}", outputs.clone()), []);
    }
}
