//! Squares of 8 x 8 pixels, and those that are bright and touch each other.

use crate::SIDE;

/// Pixels of a side of a cell.
const CELL: usize = 8;
/// Cells of a side of the picture.
const GRID: usize = SIDE / CELL;
/// Least mean of a bright cell, of 0..=1.
const BRIGHT: f32 = 0.7;

/// Mean brightness of each cell, in raster order.
pub struct Cells([f32; GRID * GRID]);

/// Bright cells that touch, with the cells' limits (ends are exclusive).
pub struct Region {
    x: (usize, usize),
    y: (usize, usize),
    cells: usize,
    /// Mean over its cells.
    pub brightness: f32,
}

impl Cells {
    /// Of a picture of three planes.
    pub fn of(image: &[f32]) -> Self {
        let mut cells = [0.0; GRID * GRID];
        for (number, row) in image.chunks_exact(SIDE).enumerate() {
            let y = number % SIDE / CELL;
            for (x, pixels) in row.chunks_exact(CELL).enumerate() {
                cells[y * GRID + x] += pixels.iter().sum::<f32>() / PIXELS;
            }
        }
        Self(cells)
    }

    /// All regions, in raster order of their first cells.
    pub fn regions(mut self) -> Vec<Region> {
        (0..GRID * GRID).filter_map(|first| self.take_region(first)).collect()
    }

    /// Collects the region of a cell and darkens it, so that it is found once.
    fn take_region(&mut self, first: usize) -> Option<Region> {
        let mut region = Region { x: (GRID, 0), y: (GRID, 0), cells: 0, brightness: 0.0 };
        let mut waiting = vec![first];
        while let Some(cell) = waiting.pop() {
            let brightness = std::mem::take(&mut self.0[cell]);
            // NaN is not bright.
            if brightness >= BRIGHT {
                region.add(cell % GRID, cell / GRID, brightness);
                waiting.extend(neighbours(cell % GRID, cell / GRID));
            }
        }
        (region.cells > 0).then_some(region)
    }
}

/// Values of a cell in three planes.
const PIXELS: f32 = 192.0;
const _: () = assert!(3 * CELL * CELL == 192);

/// Cells beside, above and below.
fn neighbours(x: usize, y: usize) -> impl Iterator<Item = usize> {
    let beside = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
    beside.into_iter().filter(|&(x, y)| x < GRID && y < GRID).map(|(x, y)| y * GRID + x)
}

impl Region {
    fn add(&mut self, x: usize, y: usize, brightness: f32) {
        self.x = (self.x.0.min(x), self.x.1.max(x + 1));
        self.y = (self.y.0.min(y), self.y.1.max(y + 1));
        self.cells += 1;
        // A running mean.
        self.brightness += (brightness - self.brightness) / to_float(self.cells);
    }

    /// `x0, y0, x1, y1`.
    pub fn pixels(&self) -> [f32; 4] {
        [self.x.0, self.y.0, self.x.1, self.y.1].map(|cells| to_float(cells * CELL))
    }
}

/// Counts of cells and pixels are exact as floats.
fn to_float(count: usize) -> f32 {
    u16::try_from(count).map_or(f32::MAX, f32::from)
}
