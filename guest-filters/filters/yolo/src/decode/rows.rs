//! Layouts with a row for each box.

use edgevision_sdk::boxes::{Boxes, Candidate, max};

use super::{Decoder, Place, scaled};

impl Decoder<'_> {
    /// YOLOX (Ge et al. 2021): `cx = (v0 + gx) s`, `w = exp(v2) s`, score `v4 * v(5+k)`, rows grid by grid in raster
    /// order.
    #[allow(clippy::cast_precision_loss, reason = "inputs are smaller than 2^24 pixels wide")]
    pub(super) fn grids(&self, boxes: &mut Boxes) -> Result<(), String> {
        self.check_grids()?;
        let mut rows = self.rows().enumerate();
        let (width, height) = self.input;
        for &stride in &self.settings.strides {
            let grid = (0..height / stride).flat_map(|y| (0..width / stride).map(move |x| (x, y)));
            // The grid leads: `zip` would else take a row too many from the next stride.
            for ((x, y), (index, row)) in grid.zip(rows.by_ref()) {
                let cell = |row: &[f32]| yolox_box(row, (x as f32, y as f32), stride as f32);
                self.add_row(index, row, cell, boxes);
            }
        }
        Ok(())
    }

    /// Rows `cx cy w h objectness classes`.
    pub(super) fn decoded_rows(&self, boxes: &mut Boxes) {
        let scale = self.scale();
        for (index, row) in self.rows().enumerate() {
            self.add_row(index, row, |row| scaled([row[0], row[1], row[2], row[3]], scale), boxes);
        }
    }

    /// A row with objectness. The class values are at most 1, so that a score is never above its objectness: most
    /// rows end there.
    #[inline]
    fn add_row(&self, index: usize, row: &[f32], center: impl Fn(&[f32]) -> [f32; 4], boxes: &mut Boxes) {
        let objectness = row[4];
        let classes = &row[5..5 + self.matrix.classes];
        if objectness >= boxes.threshold() && objectness * max(classes) >= boxes.threshold() {
            let place = Place { center: center(row), index, objectness };
            self.add(place, classes.iter().copied(), boxes);
        }
    }

    /// Rows `cx cy w h classes`.
    pub(super) fn plain_rows(&self, boxes: &mut Boxes) {
        let scale = self.scale();
        for (index, row) in self.rows().enumerate() {
            let classes = &row[4..4 + self.matrix.classes];
            if max(classes) >= boxes.threshold() {
                let center = scaled([row[0], row[1], row[2], row[3]], scale);
                let place = Place { center, index, objectness: 1.0 };
                self.add(place, classes.iter().copied(), boxes);
            }
        }
    }

    /// Rows `x0 y0 x1 y1 score class`. A class that is no number of one is no detection.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    pub(super) fn final_rows(&self, boxes: &mut Boxes) {
        let scale = self.scale();
        for (index, row) in self.rows().enumerate() {
            let (score, class) = (row[4], row[5].round());
            if score >= boxes.threshold() && (0.0..16_777_216.0).contains(&class) {
                let corners = scaled([row[0], row[1], row[2], row[3]], scale);
                boxes.add(Candidate::from_corners(corners, score, class as usize, index));
            }
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.matrix.values.chunks_exact(self.matrix.columns.max(1)).take(self.matrix.rows)
    }
}

fn yolox_box(row: &[f32], (x, y): (f32, f32), stride: f32) -> [f32; 4] {
    // The same exp natively and in Wasm, to the last bit.
    let size = [libm::expf(row[2]) * stride, libm::expf(row[3]) * stride];
    [(row[0] + x) * stride, (row[1] + y) * stride, size[0], size[1]]
}
