//! Outputs that say given boxes: the way back from a box to its bins, written from the description alone.

use edgevision_sdk::{
    Detection,
    testing::{FixedModel, detect, whole},
};

use super::{context, module};

pub const CLASSES: usize = 3;
pub const BINS: usize = 8;
/// Stride, cells in a line, lines: cells that the input of 100x68 cuts off count.
pub const GRIDS: [(usize, usize, usize); 4] = [(8, 13, 9), (16, 7, 5), (32, 4, 3), (64, 2, 2)];

/// What a model says about a cell.
#[derive(Clone, Copy)]
pub struct Cell {
    /// Which of the grids.
    pub grid: usize,
    /// Column and line.
    pub at: (usize, usize),
    /// From the centre to left, upper, right and lower edge, in strides: 0 to 7.
    pub distances: [f64; 4],
    pub scores: [f32; CLASSES],
}

/// Logits whose softmax has this mean: two neighbours share the weight. A constant added to all changes nothing.
fn bins(distance: f64) -> [f32; BINS] {
    let low = distance.floor().min(6.0);
    let share = distance - low;
    let mut bins = [-80.0; BINS];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    for (bin, weight) in [(low as usize, 1.0 - share), (low as usize + 1, share)] {
        bins[bin] = (weight.max(1e-30).ln() + 5.0) as f32;
    }
    bins
}

/// Scores and bins of all cells of a grid; cells that are not given show nothing.
fn grid(grid: usize, cells: &[Cell]) -> (Vec<f32>, Vec<f32>) {
    let (_, width, height) = GRIDS[grid];
    let (mut scores, mut all) = (vec![0.0; width * height * CLASSES], vec![0.0; width * height * 4 * BINS]);
    for cell in cells.iter().filter(|cell| cell.grid == grid) {
        let index = cell.at.1 * width + cell.at.0;
        scores[index * CLASSES..][..CLASSES].copy_from_slice(&cell.scores);
        let bins = cell.distances.map(bins).concat();
        all[index * 4 * BINS..][..4 * BINS].copy_from_slice(&bins);
    }
    (scores, all)
}

/// An output: name, dimensions, elements.
type Made = (String, Vec<u32>, Vec<f32>);

/// A pair of outputs for each of the first `count` grids, all scores first.
pub fn pairs(count: usize, cells: &[Cell]) -> Vec<Made> {
    let dims =
        |g: usize, columns| [1, GRIDS[g].1 * GRIDS[g].2, columns].map(|d| u32::try_from(d).unwrap()).to_vec();
    let scores = (0..count).map(|g| (format!("cls_{g}"), dims(g, CLASSES), grid(g, cells).0));
    let bins = (0..count).map(|g| (format!("dis_{g}"), dims(g, 4 * BINS), grid(g, cells).1));
    scores.chain(bins).collect()
}

/// One output for the first `count` grids.
pub fn single(count: usize, cells: &[Cell]) -> Vec<Made> {
    let row = |(scores, bins): (&[f32], &[f32])| [scores, bins].concat();
    let values: Vec<f32> = (0..count)
        .flat_map(|g| {
            let (scores, bins) = grid(g, cells);
            scores.chunks(CLASSES).zip(bins.chunks(4 * BINS)).flat_map(row).collect::<Vec<_>>()
        })
        .collect();
    let columns = CLASSES + 4 * BINS;
    let dims = [1, values.len() / columns, columns].map(|d| u32::try_from(d).unwrap()).to_vec();
    vec![("output".into(), dims, values)]
}

/// What the module reports for these outputs, the picture being the input.
pub fn found(json: &str, outputs: Vec<Made>) -> Vec<Detection> {
    let shapes: Vec<Vec<i64>> =
        outputs.iter().map(|(_, dims, _)| dims.iter().map(|&d| i64::from(d)).collect()).collect();
    let announced: Vec<(&str, &[i64])> =
        outputs.iter().zip(&shapes).map(|((name, ..), shape)| (&name[..], &shape[..])).collect();
    let mut module = module(json, &context(&announced, CLASSES)).unwrap();
    let model = FixedModel(outputs.into_iter().map(|(_, dims, values)| (dims, values)).collect());
    detect(&mut module, model, whole(100, 68), (100, 68)).unwrap()
}
