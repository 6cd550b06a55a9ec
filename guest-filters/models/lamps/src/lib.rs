//! A model without weights, to be copied from: boxes around what shines, such as signal lamps.
//!
//! ```text
//! [1,3,96,96] RGB 0..1 ─► 12 x 12 cells, mean brightness ─► bright neighbours together ─► [1,32,6]
//! ```
//! Rows of the output are `x0, y0, x1, y1, score, class` in input pixels, as end-to-end YOLO models give them, the
//! brightest first; rows that are left over have the score 0. The score is the mean brightness of the cells, class is 0.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod cells;

use cells::{Cells, Region};

/// Pixels of a side of the picture.
pub const SIDE: usize = 96;
/// Most boxes of a picture.
pub const BOXES: usize = 32;
/// Values of a box.
const ROW: usize = 6;

edgevision_sdk::export_model! {
    describe: r#"{"inputs":[{"name":"image","dtype":"f32","shape":[1,3,96,96]}],"outputs":[{"name":"boxes","dtype":"f32","shape":[1,32,6]}]}"#,
    infer: infer,
}

/// `image` becomes `boxes`; the error is what `infer_model` returns.
pub fn infer(image: &[f32], boxes: &mut [f32]) -> Result<(), i32> {
    if image.len() != 3 * SIDE * SIDE || boxes.len() != BOXES * ROW {
        return Err(1);
    }
    boxes.fill(0.0);
    let mut regions = Cells::of(image).regions();
    regions.sort_by(|a, b| b.brightness.total_cmp(&a.brightness));
    for (row, region) in boxes.chunks_exact_mut(ROW).zip(&regions) {
        row.copy_from_slice(&row_of(region));
    }
    Ok(())
}

fn row_of(region: &Region) -> [f32; ROW] {
    let [x0, y0, x1, y1] = region.pixels();
    [x0, y0, x1, y1, region.brightness, 0.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dark picture with rectangles (x0, y0, x1, y1) of a brightness.
    fn boxes_of(lamps: &[([usize; 4], f32)]) -> Vec<[f32; ROW]> {
        let mut image = vec![0.1; 3 * SIDE * SIDE];
        for &([x0, y0, x1, y1], brightness) in lamps {
            for (channel, y, x) in
                (0..3).flat_map(|c| (y0..y1).flat_map(move |y| (x0..x1).map(move |x| (c, y, x))))
            {
                image[(channel * SIDE + y) * SIDE + x] = brightness;
            }
        }
        let mut boxes = vec![9.0; BOXES * ROW];
        infer(&image, &mut boxes).unwrap();
        boxes
            .chunks_exact(ROW)
            .map(|row| row.try_into().unwrap())
            .filter(|row: &[f32; ROW]| row[4] > 0.0)
            .collect()
    }

    #[test]
    fn each_lamp_is_a_box_and_the_brightest_comes_first() {
        let boxes = boxes_of(&[([8, 16, 24, 24], 0.8), ([64, 64, 80, 88], 1.0)]);
        let close = |a: [f32; ROW], b: [f32; ROW]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3);
        assert_eq!(boxes.len(), 2, "{boxes:?}");
        assert!(close(boxes[0], [64.0, 64.0, 80.0, 88.0, 1.0, 0.0]), "{boxes:?}");
        assert!(close(boxes[1], [8.0, 16.0, 24.0, 24.0, 0.8, 0.0]), "{boxes:?}");
    }

    #[test]
    fn darkness_has_no_boxes_and_wrong_lengths_are_an_error() {
        assert!(boxes_of(&[]).is_empty());
        assert_eq!(infer(&[0.0; 3], &mut [0.0; BOXES * ROW]), Err(1));
    }

    #[test]
    fn anything_but_numbers_is_dark() {
        assert!(boxes_of(&[([0, 0, 96, 96], f32::NAN)]).is_empty());
    }
}
