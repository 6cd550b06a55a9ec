//! Landmarks as dots, and the lines of their skeleton.

use edgevision_wasm_host::extras::Landmark;

use super::{Canvas, even, pixel};
use crate::evoverlay::{
    color::{self, Rgb},
    scene::{Labelled, Rect},
};

/// Most dots, and most lines, on a frame: more are a blot, and cost time.
const MOST: usize = 4000;

impl Canvas<'_> {
    /// Skeletons below, dots above; those of the surest objects if there are too many.
    pub(super) fn landmarks(&mut self, boxes: &[Labelled]) {
        let landmarks = |labelled: &'_ Labelled| Some(labelled.extras.as_ref()?.landmarks.as_ref()?.clone());
        let objects: Vec<_> = boxes
            .iter()
            .rev()
            .filter_map(|labelled| Some((landmarks(labelled)?, self.style.color(labelled))))
            .collect();
        let lines = objects.iter().flat_map(|(own, color)| own.lines().map(|ends| (ends, *color)));
        for ((from, to), color) in lines.take(MOST).collect::<Vec<_>>() {
            self.line_between(from, to, color);
        }
        let dots = objects.iter().flat_map(|(own, color)| own.points.iter().map(|point| (*point, *color)));
        for (point, color) in dots.take(MOST) {
            self.dot(point, color);
        }
    }

    /// A square of two lines' width on a ground that sets it off.
    fn dot(&mut self, point: Landmark, color: Rgb) {
        // Even, so that dots are square whatever the grid of the chroma.
        let (x, y) = (even(pixel(point.x, self.width)), even(pixel(point.y, self.height)));
        self.square((x, y), self.line + 2, color::text_color_on(color));
        self.square((x, y), self.line, color);
    }

    fn square(&mut self, (x, y): (usize, usize), reach: usize, color: Rgb) {
        let rect = Rect {
            x0: x.saturating_sub(reach),
            y0: y.saturating_sub(reach),
            x1: (x + reach).min(self.width),
            y1: (y + reach).min(self.height),
        };
        self.fill(rect, color, u8::MAX);
    }

    /// Cells as wide as a line, from one end to the other; those that lie beside each other are one rectangle.
    fn line_between(&mut self, from: Landmark, to: Landmark, color: Rgb) {
        let cell = |point: Landmark| {
            (pixel(point.x, self.width) / self.line, pixel(point.y, self.height) / self.line)
        };
        let ((x0, y0), (x1, y1)) = (cell(from), cell(to));
        let is_flat = x0.abs_diff(x1) >= y0.abs_diff(y1);
        // Along the longer side, from its lower end.
        let ends = if is_flat { [(x0, y0), (x1, y1)] } else { [(y0, x0), (y1, x1)] };
        let [first, last] = if ends[0].0 <= ends[1].0 { ends } else { [ends[1], ends[0]] };
        let mut start = first.0;
        for along in first.0..=last.0 {
            let across = between(first, last, along);
            if along == last.0 || between(first, last, along + 1) != across {
                let run = self.cells(start..along + 1, across, is_flat);
                self.fill(run, color, u8::MAX);
                start = along + 1;
            }
        }
    }

    fn cells(&self, along: std::ops::Range<usize>, across: usize, is_flat: bool) -> Rect {
        let (along, across) = ((along.start * self.line, along.end * self.line), across * self.line);
        let across = (across, across + self.line);
        let ((x0, x1), (y0, y1)) = if is_flat { (along, across) } else { (across, along) };
        Rect { x0, y0, x1: x1.min(self.width), y1: y1.min(self.height) }
    }
}

/// Where a line from `first` to `last` is at `along`, rounded.
fn between(first: (usize, usize), last: (usize, usize), along: usize) -> usize {
    let length = (last.0 - first.0).max(1);
    let way = (along - first.0) * first.1.abs_diff(last.1);
    let way = (way + length / 2) / length;
    if last.1 >= first.1 { first.1 + way } else { first.1 - way }
}
