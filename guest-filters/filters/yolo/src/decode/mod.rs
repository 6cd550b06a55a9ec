//! From the numbers of an output to boxes in pixels of the model's input.

mod columns;
mod rows;

use edgevision_sdk::boxes::{Boxes, Candidate, largest};

use crate::{
    head::Matrix,
    layout::{Layout, cells},
    params::{Settings, Units},
};

/// One frame.
pub struct Decoder<'a> {
    /// The output.
    pub matrix: Matrix<'a>,
    /// Width and height of the input.
    pub input: (u32, u32),
    /// What is asked for.
    pub settings: &'a Settings,
}

/// A box and where it was found.
#[derive(Clone, Copy)]
struct Place {
    /// Centre, width and height in input pixels.
    center: [f32; 4],
    /// Row or column.
    index: usize,
    /// Multiplied with the score of each class.
    objectness: f32,
}

impl Decoder<'_> {
    /// Adds what is found to `boxes`. `best` is room that is kept from frame to frame.
    pub fn run(&self, best: &mut Vec<f32>, boxes: &mut Boxes) -> Result<(), String> {
        match self.matrix.layout {
            Layout::Yolox => return self.grids(boxes),
            Layout::Yolov5 => self.decoded_rows(boxes),
            Layout::Yolov8 => self.columns(best, boxes),
            Layout::Yolov8Rows => self.plain_rows(boxes),
            Layout::Yolov10 => self.final_rows(boxes),
        }
        Ok(())
    }

    /// Adds the best class, or each.
    fn add(&self, place: Place, classes: impl Iterator<Item = f32>, boxes: &mut Boxes) {
        let Place { center, index, objectness } = place;
        if self.settings.multi_label {
            for (class, score) in classes.enumerate() {
                let score = objectness * score;
                // NaN is below every threshold.
                if score >= boxes.threshold() {
                    boxes.add(Candidate::from_center(center, score, class, index));
                }
            }
            return;
        }
        let (class, score) = largest(classes);
        boxes.add(Candidate::from_center(center, objectness * score, class, index));
    }

    /// What the numbers of a decoded box are multiplied with, horizontally and vertically.
    #[allow(clippy::cast_precision_loss, reason = "inputs are smaller than 2^24 pixels wide")]
    fn scale(&self) -> [f32; 2] {
        match self.settings.units {
            Units::Pixels => [1.0; 2],
            Units::Relative => [self.input.0 as f32, self.input.1 as f32],
        }
    }

    fn check_grids(&self) -> Result<(), String> {
        let ((width, height), strides) = (self.input, &self.settings.strides);
        if cells(self.input, strides) == Some(self.matrix.rows) {
            return Ok(());
        }
        Err(format!(
            "the model's output has {} rows, but grids of the strides {strides:?} over {width}x{height} have another \
             number of cells: set `strides`, or `layout`",
            self.matrix.rows
        ))
    }
}

fn scaled(numbers: [f32; 4], [x, y]: [f32; 2]) -> [f32; 4] {
    [numbers[0] * x, numbers[1] * y, numbers[2] * x, numbers[3] * y]
}
