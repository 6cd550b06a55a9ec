//! From the numbers of an output to boxes in pixels of the model's input.

use crate::layout::{Head, cells};

/// A box above the threshold, in input pixels; finite and not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Left edge.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
    /// Confidence.
    pub score: f32,
    /// Class, from 0.
    pub class: u32,
}

impl Candidate {
    /// From centre and size. None if a number is not finite or the box is empty: a model may say anything.
    fn centred([cx, cy, w, h]: [f32; 4], score: f32, class: usize) -> Option<Self> {
        let (x0, y0, x1, y1) = (cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0);
        let finite = [x0, y0, x1, y1, score].iter().all(|v| v.is_finite());
        let class = u32::try_from(class).ok()?;
        (finite && x1 > x0 && y1 > y0).then_some(Self { x0, y0, x1, y1, score, class })
    }
}

/// YOLOX (Ge et al. 2021): `cx = (v0 + gx) s`, `w = exp(v2) s`, score `v4 * v(5+k)`, rows grid by grid in raster
/// order. The class values are sigmoids, so that a score is never above its objectness.
pub fn yolox(
    values: &[f32],
    head: Head,
    (width, height): (u32, u32),
    strides: &[u32],
    threshold: f32,
    found: &mut Vec<Candidate>,
) -> Result<(), String> {
    if cells(width, height, strides) != Some(head.rows) {
        return Err(format!(
            "the model's output has {} rows, but grids of the strides {strides:?} over {width}x{height} have another \
             number of cells: set `strides`",
            head.rows
        ));
    }
    let mut rows = values.chunks_exact(head.columns);
    for &stride in strides {
        let grid = (0..height / stride).flat_map(|y| (0..width / stride).map(move |x| (x, y)));
        // The grid leads: `zip` would else take a row too many from the next stride.
        for ((x, y), row) in grid.zip(rows.by_ref()) {
            if row[4] >= threshold {
                found.extend(yolox_row(row, (x as f32, y as f32), stride as f32, threshold));
            }
        }
    }
    Ok(())
}

fn yolox_row(row: &[f32], (x, y): (f32, f32), stride: f32, threshold: f32) -> Option<Candidate> {
    let (class, value) = largest(row[5..].iter().copied());
    let score = row[4] * value;
    let center = [(row[0] + x) * stride, (row[1] + y) * stride];
    // The same exp natively and in Wasm, to the last bit.
    let size = [libm::expf(row[2]) * stride, libm::expf(row[3]) * stride];
    let candidate = Candidate::centred([center[0], center[1], size[0], size[1]], score, class);
    candidate.filter(|c| c.score >= threshold)
}

/// YOLOv8 export: column n has `cx cy w h` and the score of each class.
pub fn yolov8(values: &[f32], head: Head, threshold: f32, best: &mut Vec<f32>, found: &mut Vec<Candidate>) {
    let n = head.columns;
    let (boxes, scores) = values.split_at(4 * n);
    best.clear();
    best.resize(n, f32::NEG_INFINITY);
    scores.chunks_exact(n).for_each(|class| raise(best, class));
    for column in (0..n).filter(|&column| best[column] >= threshold) {
        let (class, score) = largest(scores.iter().skip(column).step_by(n).copied());
        let numbers = [0, 1, 2, 3].map(|k| boxes[k * n + column]);
        found.extend(Candidate::centred(numbers, score, class));
    }
}

/// `best` becomes the larger of both, element by element; NaN never is. 128 bytes to a loop body, see letterbox.
fn raise(best: &mut [f32], values: &[f32]) {
    let larger = |best: &mut f32, v: &f32| *best = if *v > *best { *v } else { *best };
    let (best, best_rest) = best.as_chunks_mut::<32>();
    let (values, rest) = values.as_chunks::<32>();
    for (best, values) in best.iter_mut().zip(values) {
        best.iter_mut().zip(values).for_each(|(best, v)| larger(best, v));
    }
    best_rest.iter_mut().zip(rest).for_each(|(best, v)| larger(best, v));
}

/// Index and value of the (first) largest; NaN never is.
fn largest(values: impl Iterator<Item = f32>) -> (usize, f32) {
    let start = (0, f32::NEG_INFINITY);
    values.enumerate().fold(start, |best, (i, v)| if v > best.1 { (i, v) } else { best })
}
