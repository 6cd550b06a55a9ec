//! From scores and distance bins to boxes in pixels of the model's input.
//!
//! Generalised focal loss (Li et al. 2020): each distance from the centre of a cell to an edge is a distribution over
//! `bins` numbers; its expectation times the stride is the distance. Boxes are clipped to the input before NMS, as
//! the authors do.

use edgevision_sdk::boxes::{Boxes, Candidate, largest, max};

use crate::{
    head::{Grid, Head, Part},
    params::{Center, Settings},
};

/// One frame.
pub struct Decoder<'a> {
    /// Which outputs belong to which grid.
    pub head: &'a Head,
    /// What is asked for.
    pub settings: &'a Settings,
}

impl Decoder<'_> {
    /// Adds what is found in the outputs to `boxes`.
    pub fn run(&self, values: &[&[f32]], boxes: &mut Boxes) {
        for grid in &self.head.grids {
            let rows = |part: Part| {
                let values = values.get(part.output).copied().unwrap_or_default();
                values.chunks_exact(part.row).skip(part.skip).map(move |row| &row[part.column..])
            };
            let cells = rows(grid.scores).zip(rows(grid.bins)).take(grid.width * grid.height);
            for (cell, (scores, bins)) in cells.enumerate() {
                self.add(grid, cell, &scores[..self.head.classes], bins, boxes);
            }
        }
    }

    fn add(&self, grid: &Grid, cell: usize, scores: &[f32], bins: &[f32], boxes: &mut Boxes) {
        // The sigmoid rises: the largest logit is the largest score.
        let best = self.score(max(scores));
        if best >= boxes.threshold() {
            let (class, _) = largest(scores.iter().copied());
            let index = grid.scores.skip + cell;
            boxes.add(Candidate::from_corners(self.corners(grid, cell, bins), best, class, index));
        }
    }

    fn score(&self, value: f32) -> f32 {
        if self.settings.sigmoid { 1.0 / (1.0 + libm::expf(-value)) } else { value }
    }

    #[allow(clippy::cast_precision_loss, reason = "inputs are smaller than 2^24 pixels wide")]
    fn corners(&self, grid: &Grid, cell: usize, bins: &[f32]) -> [f32; 4] {
        let stride = grid.stride as f32;
        let center = [self.center(cell % grid.width, stride), self.center(cell / grid.width, stride)];
        let size = [self.head.input.0 as f32, self.head.input.1 as f32];
        let mut distances = bins.chunks_exact(self.settings.bins).map(|bins| expectation(bins) * stride);
        let [left, upper, right, lower] = [0; 4].map(|_| distances.next().unwrap_or(f32::NAN));
        let clip = |value: f32, axis: usize| value.clamp(0.0, size[axis]);
        [
            clip(center[0] - left, 0),
            clip(center[1] - upper, 1),
            clip(center[0] + right, 0),
            clip(center[1] + lower, 1),
        ]
    }

    #[allow(clippy::cast_precision_loss, reason = "grids are smaller than 2^24 cells wide")]
    fn center(&self, cell: usize, stride: f32) -> f32 {
        let is_corner = match self.settings.center {
            Center::Auto => self.head.is_plus,
            Center::Middle => false,
            Center::Corner => true,
        };
        if is_corner { cell as f32 * stride } else { (cell as f32 + 0.5) * stride - 0.5 }
    }
}

/// The mean of 0, 1, 2 … under the softmax of `bins`; NaN if one of them is.
#[allow(clippy::cast_precision_loss, reason = "bins are few")]
fn expectation(bins: &[f32]) -> f32 {
    let most = max(bins);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for (value, &bin) in bins.iter().enumerate() {
        // The same bits natively and in Wasm.
        let weight = libm::expf(bin - most);
        sum += weight;
        weighted += weight * value as f32;
    }
    weighted / sum
}
