//! From the numbers of a cell to a box in pixels of the model's input.
//!
//! The authors' formulas (`example/onnx-runtime/runtime.py`): objectness and classes are probabilities already,
//! score = `objectness^0.6 * class^0.4`, centre = cell + tanh, size = sigmoid of the input's.

use edgevision_sdk::boxes::{Boxes, Candidate, largest, max_of_columns};

use crate::head::{Grid, NUMBERS};

/// Weights of objectness and class in the score.
const WEIGHTS: (f32, f32) = (0.6, 0.4);

/// Adds a box for each cell that reaches the threshold, with its best class. `best` is room that is kept.
#[allow(clippy::cast_precision_loss, reason = "inputs are smaller than 2^24 pixels wide")]
pub fn cells(grid: &Grid, (width, height): (u32, u32), best: &mut Vec<f32>, boxes: &mut Boxes) {
    let n = grid.width * grid.height;
    let classes = grid.planes.get(NUMBERS * n..).unwrap_or_default();
    best.resize(n, 0.0);
    max_of_columns(classes, best);
    let (pixels, lines) = (width as f32, height as f32);
    let threshold = boxes.threshold();
    for (index, &best) in best.iter().enumerate() {
        let [objectness, x, y, w, h] = [0, 1, 2, 3, 4].map(|plane| grid.planes[plane * n + index]);
        // A mean is not above both: no power is needed for a cell that shows nothing.
        if !(objectness >= threshold || best >= threshold) {
            continue;
        }
        let score = libm::powf(objectness, WEIGHTS.0) * libm::powf(best, WEIGHTS.1);
        if score >= threshold {
            let cell = ((index % grid.width) as f32, (index / grid.width) as f32);
            let center = [
                (cell.0 + libm::tanhf(x)) / grid.width as f32 * pixels,
                (cell.1 + libm::tanhf(y)) / grid.height as f32 * lines,
                sigmoid(w) * pixels,
                sigmoid(h) * lines,
            ];
            let (class, _) = largest(classes.iter().skip(index).step_by(n).copied());
            boxes.add(Candidate::from_center(center, score, class, index));
        }
    }
}

/// The same bits natively and in Wasm.
fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-value))
}
