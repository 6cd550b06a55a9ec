//! Makes a part of a plane unrecognisable. Pure.
//!
//! Both ways keep nothing but the means of a few cells: `pixelate` paints each cell with its mean, `blur` runs
//! smoothly from the mean of one cell to the next. No sharper picture can be won back from either, and no pixel
//! outside of the part shines in.

use super::{
    draw::{Area, Plane},
    scene::Rect,
};

/// Means of the cells: one value for each sample of [`super::format::PlaneFormat`].
type Mean = [u8; 4];

/// Replaces a part of the plane by `cells` (columns, rows) of means; fewer when it has fewer units.
pub(super) fn hide(plane: &mut Plane<'_>, rect: Rect, cells: (usize, usize), smooth: bool) {
    let area = plane.area(rect);
    if area.from >= area.to || area.top >= area.bottom {
        return;
    }
    let grid = Grid {
        area,
        columns: cells.0.clamp(1, area.to - area.from),
        rows: cells.1.clamp(1, area.bottom - area.top),
    };
    let means = grid.means(plane);
    if smooth {
        grid.run_smoothly(plane, &means);
    } else {
        grid.paint(plane, &means);
    }
}

struct Grid {
    area: Area,
    columns: usize,
    rows: usize,
}

impl Grid {
    /// Where the cell of this number begins, in units from the area's left edge.
    fn column_start(&self, column: usize) -> usize {
        column * (self.area.to - self.area.from) / self.columns
    }

    /// The lines of the plane that a row of cells covers.
    fn lines(&self, row: usize) -> std::ops::Range<usize> {
        let start = |row: usize| self.area.top + row * (self.area.bottom - self.area.top) / self.rows;
        start(row)..start(row + 1)
    }

    fn area(&self, row: usize) -> Area {
        let std::ops::Range { start, end } = self.lines(row);
        Area { top: start, bottom: end, ..self.area }
    }

    fn means(&self, plane: &mut Plane<'_>) -> Vec<Mean> {
        let samples = plane.format.samples;
        let mut means = Vec::with_capacity(self.columns * self.rows);
        for row in 0..self.rows {
            let mut sums = vec![[0_u64; 4]; self.columns];
            for line in plane.rows(self.area(row)) {
                self.add_line(line, samples, &mut sums);
            }
            let lines = self.lines(row).len();
            means.extend(sums.iter().enumerate().map(|(column, sums)| {
                let units = (self.column_start(column + 1) - self.column_start(column)) * lines;
                mean(sums, units, samples)
            }));
        }
        means
    }

    fn add_line(&self, line: &[u8], samples: &[usize], sums: &mut [[u64; 4]]) {
        for (column, sums) in sums.iter_mut().enumerate() {
            let (from, to) = (self.column_start(column), self.column_start(column + 1));
            let cell = line.get(from * samples.len()..to * samples.len()).unwrap_or_default();
            match samples.len() {
                1 => add::<1>(cell, samples, sums),
                2 => add::<2>(cell, samples, sums),
                3 => add::<3>(cell, samples, sums),
                _ => add::<4>(cell, samples, sums),
            }
        }
    }

    fn paint(&self, plane: &mut Plane<'_>, means: &[Mean]) {
        let samples = plane.format.samples;
        for (row, means) in means.chunks(self.columns).enumerate() {
            let columns = means.iter().enumerate();
            let line: Vec<u8> = columns
                .flat_map(|(column, mean)| {
                    let units = self.column_start(column + 1) - self.column_start(column);
                    std::iter::repeat_n(mean, units)
                        .flat_map(|mean| samples.iter().map(|sample| mean[*sample]))
                })
                .collect();
            plane.rows(self.area(row)).for_each(|row| row.copy_from_slice(&line));
        }
    }

    /// First along each row of cells, then from one such line to the next.
    fn run_smoothly(&self, plane: &mut Plane<'_>, means: &[Mean]) {
        let samples = plane.format.samples;
        let across = steps(self.area.to - self.area.from, self.columns);
        let lines: Vec<Vec<u32>> =
            means.chunks(self.columns).map(|means| along(means, samples, &across)).collect();
        let down = steps(self.area.bottom - self.area.top, self.rows);
        for (row, (line, weight)) in plane.rows(self.area).zip(down) {
            let (upper, lower) = (&lines[line], &lines[(line + 1).min(self.rows - 1)]);
            for ((byte, upper), lower) in row.iter_mut().zip(upper).zip(lower) {
                // Two weights of 8 bits each have been multiplied in.
                let value = upper * (256 - weight) + lower * weight + (1 << 15);
                *byte = value.to_le_bytes()[2];
            }
        }
    }
}

/// Adds the samples of all units.
fn add<const STEP: usize>(cell: &[u8], samples: &[usize], sums: &mut [u64; 4]) {
    let mut of_place = [0_u32; STEP];
    // A line of a cell is far shorter than 2^24 units.
    for unit in cell.as_chunks::<STEP>().0 {
        of_place.iter_mut().zip(unit).for_each(|(sum, byte)| *sum += u32::from(*byte));
    }
    samples.iter().zip(of_place).for_each(|(sample, sum)| sums[*sample] += u64::from(sum));
}

/// The bytes of a line, times 256, that runs from one mean to the next.
fn along(means: &[Mean], samples: &[usize], across: &[(usize, u32)]) -> Vec<u32> {
    let mut line = Vec::with_capacity(across.len() * samples.len());
    for (column, weight) in across {
        let (left, right) = (&means[*column], &means[(column + 1).min(means.len() - 1)]);
        line.extend(
            samples
                .iter()
                .map(|sample| u32::from(left[*sample]) * (256 - weight) + u32::from(right[*sample]) * weight),
        );
    }
    line
}

fn mean(sums: &[u64; 4], units: usize, samples: &[usize]) -> Mean {
    let mut mean = [0; 4];
    for (sample, (mean, sum)) in mean.iter_mut().zip(sums).enumerate() {
        // Packed 4:2:2 has two lumas in each unit.
        let in_unit = samples.iter().filter(|other| **other == sample).count();
        let count = (units * in_unit).max(1) as u64;
        *mean = u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX);
    }
    mean
}

/// For each of `length` units the cell whose centre is before it, and how far it is to the next centre in 1/256.
fn steps(length: usize, cells: usize) -> Vec<(usize, u32)> {
    let step = |unit: usize| {
        // Distance from the first centre in 1/256 of a cell.
        let at = ((2 * unit + 1) * cells * 128 / length).saturating_sub(128);
        (at / 256, u32::try_from(at % 256).unwrap_or(0))
    };
    (0..length).map(step).collect()
}
