//! Puts strokes onto the planes of a frame. Pure: planes are slices with a stride, nothing is ever touched
//! outside of them, whatever the strokes say.

use super::{
    color::ColorSpace,
    format::PlaneFormat,
    scene::{Rect, Stroke},
    text::Mask,
};

/// One plane of a frame. Rows that do not lie inside `data` are not drawn.
#[derive(Debug)]
pub struct Plane<'a> {
    /// From the first unit on.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Units of a row (of the plane, not pixels of the frame).
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What the bytes are.
    pub format: PlaneFormat,
}

/// What a stroke covers, in units of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) top: usize,
    pub(super) bottom: usize,
}

impl Plane<'_> {
    /// Draws all strokes in their order.
    pub fn draw(&mut self, strokes: &[Stroke], space: ColorSpace) {
        let mut brush = Brush::default();
        for stroke in strokes {
            match stroke {
                Stroke::Fill { rect, color, alpha } => {
                    self.fill(*rect, space.samples(*color), *alpha, &mut brush);
                }
                Stroke::Text { x, y, mask, color } => {
                    self.text(*x, *y, mask, space.samples(*color), &mut brush);
                }
                Stroke::Hide { rect, cells, smooth } => super::hide::hide(self, *rect, *cells, *smooth),
            }
        }
    }

    /// The units that a rectangle of the frame touches.
    pub(super) fn area(&self, rect: Rect) -> Area {
        let PlaneFormat { sub_x, sub_y, .. } = self.format;
        Area {
            from: rect.x0 / sub_x,
            to: rect.x1.div_ceil(sub_x).min(self.width),
            top: rect.y0 / sub_y,
            bottom: rect.y1.div_ceil(sub_y).min(self.height),
        }
    }

    /// The bytes of each row of an area. Rows that are not there are left out.
    pub(super) fn rows(&mut self, area: Area) -> impl Iterator<Item = &mut [u8]> {
        let step = self.format.step();
        let (bytes, rows) = (area.to.saturating_sub(area.from) * step, area.bottom.saturating_sub(area.top));
        let rows = if bytes == 0 { 0 } else { rows };
        let start = area.top.saturating_mul(self.stride).saturating_add(area.from * step);
        let data = self.data.get_mut(start..).unwrap_or_default();
        data.chunks_mut(self.stride.max(1)).take(rows).filter_map(move |row| row.get_mut(..bytes))
    }

    fn fill(&mut self, rect: Rect, color: [u8; 4], alpha: u8, brush: &mut Brush) {
        let area = self.area(rect);
        let Brush { line, alphas } = brush;
        set_line(line, self.format, color, area.to.saturating_sub(area.from));
        if alpha != u8::MAX {
            alphas.clear();
            alphas.resize(line.len(), alpha);
            self.rows(area).for_each(|row| blend_row(row, line, alphas));
            return;
        }
        // Lines at the sides of a box are a few bytes wide and hundreds of rows high.
        match line.len() {
            2 => self.fill_narrow::<2>(area, line),
            4 => self.fill_narrow::<4>(area, line),
            8 => self.fill_narrow::<8>(area, line),
            16 => self.fill_narrow::<16>(area, line),
            _ => self.rows(area).for_each(|row| row.copy_from_slice(line)),
        }
    }

    fn fill_narrow<const BYTES: usize>(&mut self, area: Area, line: &[u8]) {
        let Some(line) = line.first_chunk::<BYTES>() else { return };
        for row in self.rows(area) {
            if let Some(row) = row.first_chunk_mut::<BYTES>() {
                *row = *line;
            }
        }
    }

    fn text(&mut self, x: usize, y: usize, mask: &Mask, color: [u8; 4], brush: &mut Brush) {
        let format = self.format;
        let (coverage, width) = if format.sub_x == 2 && format.sub_y == 2 {
            (&mask.halved, mask.width / 2)
        } else {
            (&mask.coverage, mask.width)
        };
        let from = x / format.sub_x;
        let to = (from + mask.width / format.sub_x).min(self.width);
        set_line(&mut brush.line, format, color, to.saturating_sub(from));
        let area = Area { from, to, top: y / format.sub_y, bottom: self.height };
        for (row, coverage) in self.rows(area).zip(coverage.chunks_exact(width.max(1))) {
            // A third of a text's rows are empty; `fold` looks at all bytes at once, `all` at one by one.
            if coverage.iter().fold(0, |any, coverage| any | coverage) != 0 {
                blend_row(row, &brush.line, alphas(format, coverage, &mut brush.alphas));
            }
        }
    }
}

/// What is used for one row after the other.
#[derive(Default)]
struct Brush {
    line: Vec<u8>,
    alphas: Vec<u8>,
}

/// `units` units of a colour, in a row: each copy doubles what is there.
fn set_line(line: &mut Vec<u8>, format: PlaneFormat, color: [u8; 4], units: usize) {
    line.clear();
    let bytes = units * format.step();
    line.extend(format.samples.iter().map(|sample| color[*sample]));
    while line.len() < bytes {
        let more = line.len().min(bytes - line.len());
        line.extend_from_within(..more);
    }
    line.truncate(bytes);
}

/// For each byte of a row how much of it is covered, from the coverage of its pixels.
fn alphas<'a>(format: PlaneFormat, coverage: &'a [u8], bytes: &'a mut Vec<u8>) -> &'a [u8] {
    let is_halved = format.sub_x == format.sub_y;
    bytes.clear();
    match *format.samples {
        [_] if is_halved => return coverage,
        [_] => bytes.extend(coverage.as_chunks().0.iter().map(|[left, right]| left.midpoint(*right))),
        [_, _] => bytes.extend(coverage.iter().flat_map(|alpha| [*alpha; 2])),
        [_, _, _] => bytes.extend(coverage.iter().flat_map(|alpha| [*alpha; 3])),
        [0, ..] if !is_halved => bytes.extend(coverage.as_chunks().0.iter().flat_map(|[left, right]| {
            let mean = left.midpoint(*right);
            [*left, mean, *right, mean]
        })),
        [..] if !is_halved => bytes.extend(coverage.as_chunks().0.iter().flat_map(|[left, right]| {
            let mean = left.midpoint(*right);
            [mean, *left, mean, *right]
        })),
        _ => bytes.extend(coverage.iter().flat_map(|alpha| [*alpha; 4])),
    }
    bytes
}

fn blend_row(row: &mut [u8], line: &[u8], alphas: &[u8]) {
    for ((below, above), alpha) in row.iter_mut().zip(line).zip(alphas) {
        *below = blend(*below, *above, *alpha);
    }
}

/// `below` covered by `above`; exact for alpha 0 and 255, rounded between.
fn blend(below: u8, above: u8, alpha: u8) -> u8 {
    let alpha = u16::from(alpha);
    let sum = u16::from(below) * (255 - alpha) + u16::from(above) * alpha + 128;
    // Division by 255, rounded (Jim Blinn, "Three wrongs make a right", 1995).
    let [_, high] = (sum + (sum >> 8)).to_le_bytes();
    high
}
