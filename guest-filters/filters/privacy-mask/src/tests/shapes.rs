//! Which pixels count as masked, against points taken one by one.
#![allow(clippy::single_range_in_vec_init, reason = "rows of one run")]

use super::{SHAPES, is_inside, points};
use crate::region;

const SIZES: [(usize, usize); 5] = [(1, 1), (17, 13), (64, 48), (3, 200), (160, 90)];
/// Points across and down in each pixel.
const FINE: usize = 8;

fn is_masked(rows: &region::Rows, x: usize, y: usize) -> bool {
    rows[y].iter().any(|run| run.contains(&x))
}

/// Calls back with each pixel and whether any, and all, of its points are inside of some polygon.
fn sampled(shapes: &str, (width, height): (usize, usize), mut check: impl FnMut(usize, usize, bool, bool)) {
    let polygons = points(shapes);
    let at = |pixel: usize, part: usize, size: usize| {
        (pixel as f64 + (part as f64 + 0.5) / FINE as f64) / size as f64
    };
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let inside = (0..FINE * FINE).filter(|part| {
            let point = (at(x, part % FINE, width), at(y, part / FINE, height));
            polygons.iter().any(|polygon| is_inside(polygon, point.0, point.1))
        });
        let inside = inside.count();
        check(x, y, inside > 0, inside == FINE * FINE);
    }
}

#[test]
fn whatever_a_polygon_covers_is_masked() {
    for shapes in SHAPES {
        for size in SIZES {
            let rows = region::rows(&points(shapes), size.0, size.1, false);
            assert_eq!(rows.len(), size.1);
            sampled(shapes, size, |x, y, any, _| {
                assert!(!any || is_masked(&rows, x, y), "{shapes} {size:?}: pixel {x},{y} is not masked");
            });
        }
    }
}

#[test]
fn inverted_nothing_but_the_inside_is_left() {
    for shapes in SHAPES {
        for size in SIZES {
            let rows = region::rows(&points(shapes), size.0, size.1, true);
            sampled(shapes, size, |x, y, _, all| {
                assert!(all || is_masked(&rows, x, y), "{shapes} {size:?}: pixel {x},{y} is not masked");
            });
        }
    }
}

/// Masking more than an edge's pixels would be wrong, too.
#[test]
fn what_is_well_outside_stays() {
    for shapes in SHAPES {
        let size = (160, 90);
        let rows = region::rows(&points(shapes), size.0, size.1, false);
        let (mut touched, mut masked) = (0, 0);
        sampled(shapes, size, |x, y, any, _| {
            touched += usize::from(any);
            masked += usize::from(is_masked(&rows, x, y));
        });
        // Corners of pixels that no sampled point hits: a few along each edge.
        assert!(masked <= touched + touched / 10 + 60, "{shapes}: {masked} masked, {touched} touched");
    }
}

#[test]
fn edges_between_pixels_mask_no_neighbour() {
    let half = points("[[[0,0],[0.5,0],[0.5,1],[0,1]]]");
    for width in [2, 192, 1920] {
        assert_eq!(region::rows(&half, width, 4, false), vec![vec![0..width / 2]; 4]);
        assert_eq!(region::rows(&half, width, 4, true), vec![vec![width / 2..width]; 4]);
    }
    let tenth = points("[[[0.1,0.1],[0.3,0.1],[0.3,0.7],[0.1,0.7]]]");
    let rows = region::rows(&tenth, 1920, 1080, false);
    assert_eq!(
        (rows[107].len(), &rows[108], &rows[755], rows[756].len()),
        (0, &vec![192..576], &vec![192..576], 0)
    );
}

#[test]
fn chroma_is_masked_with_any_of_its_pixels() {
    let pixels = vec![vec![], vec![3..4], vec![0..1, 4..5], vec![]];
    assert_eq!(region::subsampled(&pixels, 2), [vec![1..2], vec![0..1, 2..3]]);
    assert_eq!(region::subsampled(&pixels, 1), pixels);
    assert_eq!(region::subsampled(&vec![vec![4..5]; 3], 2), [vec![2..3], vec![2..3]]);
}
