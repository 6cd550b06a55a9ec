//! The means of the blocks of a plane, and painting with them.

use std::ops::Range;

use edgevision_sdk::{FrameView, FrameViewMut};

use crate::region::Rows;

/// Most bytes of a sample.
const MOST_STEP: usize = 3;

/// The blocks of one plane. They are cut from the left upper corner; the last ones may be smaller.
#[derive(Debug)]
pub struct Mosaic {
    /// Samples on a side of a block.
    block: usize,
    /// Bytes of a sample.
    step: usize,
    columns: usize,
    /// Blocks that are needed: those under the mask, and their neighbours.
    across: Range<usize>,
    down: Range<usize>,
    /// Mean of each block: row by row, `step` bytes each.
    means: Vec<u8>,
    sums: Vec<u64>,
    /// For blurring: the left one of the two columns between which each sample lies.
    lefts: Vec<usize>,
    /// How far each sample is on the way to the right one, in 1/256.
    weights: Vec<u32>,
    /// A row of blocks, weighted between the one above and the one below; in 1/256.
    line: Vec<u32>,
}

impl Mosaic {
    /// For a plane of `width` samples of `step` bytes, cut into blocks of `block` samples.
    pub fn new(rows: &Rows, width: usize, block: usize, step: usize) -> Self {
        let (columns, lines) = (width.div_ceil(block), rows.len().div_ceil(block));
        let masked = |y: &usize| rows.get(*y).is_some_and(|runs| !runs.is_empty());
        let top = (0..rows.len()).find(masked).unwrap_or(0);
        let bottom = (0..rows.len()).rfind(masked).map_or(0, |y| y + 1);
        let left = rows.iter().flatten().map(|run| run.start).min().unwrap_or(0);
        let right = rows.iter().flatten().map(|run| run.end).max().unwrap_or(0);
        let needed = |from: usize, to: usize, most: usize| {
            (from / block).saturating_sub(1)..(to.div_ceil(block) + 1).min(most)
        };
        Self {
            block,
            step,
            columns,
            across: needed(left, right, columns),
            down: needed(top, bottom, lines),
            means: vec![0; columns * lines * step],
            sums: vec![0; columns * step],
            lefts: (0..width).map(|x| between(x, block, columns).0).collect(),
            weights: (0..width).map(|x| between(x, block, columns).1).collect(),
            line: vec![0; columns * step],
        }
    }

    /// Takes the means of a frame.
    pub fn measure(&mut self, frame: &FrameView, plane: usize) {
        let rows = frame.rows(plane);
        for line in self.down.clone() {
            let ys = line * self.block..((line + 1) * self.block).min(rows);
            self.sums.fill(0);
            ys.clone().for_each(|y| self.add(frame.row(plane, y)));
            self.finish(line, ys.len(), frame.row(plane, 0).len() / self.step);
        }
    }

    fn add(&mut self, row: &[u8]) {
        let (block, step) = (self.block * self.step, self.step);
        let pieces = row.chunks(block).enumerate().take(self.across.end).skip(self.across.start);
        for (column, piece) in pieces {
            let sums = &mut self.sums[column * step..][..step];
            match sums {
                [sum] => *sum += u64::from(piece.iter().map(|&value| u32::from(value)).sum::<u32>()),
                _ => {
                    let mut here = [0_u32; MOST_STEP];
                    for sample in piece.chunks_exact(step) {
                        here.iter_mut().zip(sample).for_each(|(sum, value)| *sum += u32::from(*value));
                    }
                    sums.iter_mut().zip(here).for_each(|(sum, here)| *sum += u64::from(here));
                }
            }
        }
    }

    fn finish(&mut self, line: usize, height: usize, width: usize) {
        let step = self.step;
        for column in self.across.clone() {
            let samples = height * self.block.min(width - column * self.block);
            for channel in 0..step {
                let mean = self.sums[column * step + channel] / (samples.max(1) as u64);
                self.means[(line * self.columns + column) * step + channel] =
                    u8::try_from(mean).unwrap_or(u8::MAX);
            }
        }
    }

    /// Paints the masked samples of a plane, smoothly or block by block.
    pub fn paint(&mut self, output: &mut FrameViewMut, plane: usize, rows: &Rows, smooth: bool) {
        let lines = rows.len().div_ceil(self.block);
        for (y, (row, runs)) in output.plane_rows_mut(plane).zip(rows).enumerate() {
            if runs.is_empty() {
                continue;
            }
            if smooth {
                self.mix_lines(between(y, self.block, lines));
                runs.iter().for_each(|run| self.paint_smooth(row, run.clone()));
            } else {
                runs.iter().for_each(|run| self.paint_blocks(row, y / self.block, run.clone()));
            }
        }
    }

    fn paint_blocks(&self, row: &mut [u8], line: usize, run: Range<usize>) {
        for column in run.start / self.block..run.end.div_ceil(self.block) {
            let from = run.start.max(column * self.block) * self.step;
            let to = run.end.min((column + 1) * self.block) * self.step;
            let mean = &self.means[(line * self.columns + column) * self.step..][..self.step];
            match mean {
                [value] => row[from..to].fill(*value),
                _ => row[from..to].chunks_exact_mut(self.step).for_each(|to| to.copy_from_slice(mean)),
            }
        }
    }

    fn mix_lines(&mut self, (upper, weight): (usize, u32)) {
        let length = self.columns * self.step;
        let lower = (upper + 1).min(self.means.len() / length - 1);
        let (above, below) =
            (&self.means[upper * length..][..length], &self.means[lower * length..][..length]);
        for (to, (a, b)) in self.line.iter_mut().zip(above.iter().zip(below)) {
            *to = u32::from(*a) * (256 - weight) + u32::from(*b) * weight;
        }
    }

    /// Between two centres of blocks the two means stay the same, so that the inner loop is one multiplication.
    fn paint_smooth(&self, row: &mut [u8], run: Range<usize>) {
        let mut start = run.start;
        while start < run.end {
            let left = self.lefts[start];
            // The next centre is at most a block away.
            let next = (start + 1..run.end.min(start + self.block + 1)).find(|x| self.lefts[*x] != left);
            let end = next.unwrap_or_else(|| run.end.min(start + self.block));
            self.paint_between(row, left, start..end);
            start = end;
        }
    }

    fn paint_between(&self, row: &mut [u8], left: usize, samples: Range<usize>) {
        let (step, right) = (self.step, (left + 1).min(self.columns - 1));
        let bytes = &mut row[samples.start * step..samples.end * step];
        for channel in 0..step {
            let (a, b) = (self.line[left * step + channel], self.line[right * step + channel]);
            let mixed = |weight: u32| ((a * (256 - weight) + b * weight + (1 << 15)) >> 16).to_le_bytes()[0];
            let weights = &self.weights[samples.clone()];
            match step {
                1 => bytes.iter_mut().zip(weights).for_each(|(to, weight)| *to = mixed(*weight)),
                _ => bytes
                    .iter_mut()
                    .skip(channel)
                    .step_by(step)
                    .zip(weights)
                    .for_each(|(to, weight)| *to = mixed(*weight)),
            }
        }
    }
}

/// Between the centres of which two blocks a sample lies: the first of them, and how far it is on the way to the
/// second, in 1/256. Beyond the outermost centres there is nothing between.
fn between(at: usize, block: usize, blocks: usize) -> (usize, u32) {
    // In half samples, to keep centres whole.
    let (at, block) = (2 * at + 1, 2 * block);
    let Some(beyond) = at.checked_sub(block / 2) else { return (0, 0) };
    let (first, rest) = (beyond / block, beyond % block);
    if first + 1 >= blocks {
        return (blocks - 1, 0);
    }
    (first, u32::try_from(rest * 256 / block).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn samples_lie_between_the_centres_of_blocks() {
        let of = |at| between(at, 8, 3);
        assert_eq!([0, 3].map(of), [(0, 0), (0, 0)]);
        assert_eq!([4, 8, 11, 12].map(of), [(0, 16), (0, 144), (0, 240), (1, 16)]);
        assert_eq!([19, 20, 23].map(of), [(1, 240), (2, 0), (2, 0)]);
        assert_eq!(between(5, 8, 1), (0, 0));
    }
}
