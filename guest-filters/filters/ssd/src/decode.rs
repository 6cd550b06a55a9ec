//! From the numbers of the outputs to boxes in pixels of the model's input.

use edgevision_sdk::boxes::{Boxes, Candidate, largest, max};

use crate::{
    head::Head,
    layout::Layout,
    params::{Order, Settings, Units},
};

/// One frame.
pub struct Decoder<'a> {
    /// Which outputs are what.
    pub head: &'a Head,
    /// What is asked for.
    pub settings: &'a Settings,
    /// Width and height of the input.
    pub input: (u32, u32),
}

impl Decoder<'_> {
    /// Adds what is found in the outputs to `boxes`.
    pub fn run(&self, values: &[&[f32]], boxes: &mut Boxes) -> Result<(), String> {
        let of = |at: usize| values.get(at).copied().ok_or("the model has too few outputs");
        match self.head.layout {
            Layout::ScoresBoxes { scores, boxes: edges, columns } => {
                self.rows(of(scores)?, columns, of(edges)?, boxes);
            }
            Layout::DetectionOutput { output } => self.list(of(output)?, boxes),
            Layout::Tensorflow { boxes: edges, classes, scores, count } => {
                let most = count.map(of).transpose()?.and_then(|count| count.first()).copied();
                let numbers = of(classes)?.iter().zip(of(scores)?);
                let rows = of(edges)?.as_chunks::<4>().0.iter().zip(numbers).enumerate();
                for (index, (edges, (&class, &score))) in rows.take(counted(most)) {
                    self.add(*edges, score, class, index, boxes);
                }
            }
        }
        Ok(())
    }

    /// A row of scores and one of edges for each box.
    fn rows(&self, scores: &[f32], columns: usize, edges: &[f32], boxes: &mut Boxes) {
        let rows = scores.chunks_exact(columns).zip(edges.as_chunks::<4>().0).enumerate();
        let threshold = boxes.threshold();
        for (index, (row, edges)) in rows {
            let classes = row.get(self.head.first_class..).unwrap_or_default();
            if max(classes) < threshold {
                continue;
            }
            let corners = self.corners(*edges);
            if self.settings.multi_label == Some(false) {
                let (class, score) = largest(classes.iter().copied());
                boxes.add(Candidate::from_corners(corners, score, class, index));
            } else {
                for (class, &score) in classes.iter().enumerate().filter(|(_, v)| **v >= threshold) {
                    boxes.add(Candidate::from_corners(corners, score, class, index));
                }
            }
        }
    }

    /// Rows `image class score x0 y0 x1 y1`.
    fn list(&self, values: &[f32], boxes: &mut Boxes) {
        let rows = values.as_chunks::<7>().0.iter().enumerate();
        // An image that is no number ends the list, too.
        for (index, &[image, class, score, a, b, c, d]) in rows.take_while(|(_, row)| row[0] >= 0.0) {
            if image == 0.0 {
                self.add([a, b, c, d], score, class, index, boxes);
            }
        }
    }

    /// A class that is no number of one, or background, is no detection.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn add(&self, edges: [f32; 4], score: f32, class: f32, index: usize, boxes: &mut Boxes) {
        let class = class.round();
        if !(0.0..16_777_216.0).contains(&class) {
            return;
        }
        if let Some(class) = (class as usize).checked_sub(self.head.first_class) {
            boxes.add(Candidate::from_corners(self.corners(edges), score, class, index));
        }
    }

    /// Left, upper, right and lower edge in pixels of the input.
    #[allow(clippy::cast_precision_loss, reason = "inputs are smaller than 2^24 pixels wide")]
    fn corners(&self, [a, b, c, d]: [f32; 4]) -> [f32; 4] {
        let (x, y) = match self.settings.boxes {
            Units::Relative => (self.input.0 as f32, self.input.1 as f32),
            Units::Pixels => (1.0, 1.0),
        };
        match self.settings.order.unwrap_or(self.head.layout.order()) {
            Order::Xyxy => [a * x, b * y, c * x, d * y],
            Order::Yxyx => [b * x, a * y, d * x, c * y],
        }
    }
}

/// How many rows count; all of them without a count, none if it is no number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as saturates, NaN is 0")]
fn counted(count: Option<f32>) -> usize {
    count.map_or(usize::MAX, |count| count as usize)
}
