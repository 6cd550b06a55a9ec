//! The layout with a column for each box.

use edgevision_sdk::boxes::{Boxes, max_of_columns};

use super::{Decoder, Place, scaled};

impl Decoder<'_> {
    /// YOLOv8 export: column n has `cx cy w h` and the score of each class.
    pub(super) fn columns(&self, best: &mut Vec<f32>, boxes: &mut Boxes) {
        let n = self.matrix.columns;
        let values = self.matrix.values;
        let scores = values.get(4 * n..(4 + self.matrix.classes) * n).unwrap_or_default();
        best.resize(n, 0.0);
        max_of_columns(scores, best);
        let (scale, threshold) = (self.scale(), boxes.threshold());
        for index in (0..n).filter(|&index| best[index] >= threshold) {
            let numbers = [0, 1, 2, 3].map(|k| values[k * n + index]);
            let place = Place { center: scaled(numbers, scale), index, objectness: 1.0 };
            self.add(place, scores.iter().skip(index).step_by(n).copied(), boxes);
        }
    }
}
