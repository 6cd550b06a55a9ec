//! From polygons to runs of masked pixels. Conservative: a pixel that is masked in part is masked.

use std::ops::Range;

use crate::params::Polygon;

/// Masked samples of each row: sorted, apart from each other, never empty.
pub type Rows = Vec<Vec<Range<usize>>>;

/// Corners are rounded to this part of a pixel, so that `0.1 * 1920` is 192 and not a hair more.
const GRID: f64 = 256.0;

/// An edge in pixels, its upper end first.
#[derive(Clone, Copy, Debug)]
struct Edge {
    top: (f64, f64),
    bottom: (f64, f64),
}

/// The masked pixels of a picture.
pub fn rows(polygons: &[Polygon], width: usize, height: usize, invert: bool) -> Rows {
    let polygons: Vec<Vec<Edge>> = polygons.iter().map(|polygon| edges(polygon, width, height)).collect();
    let row = |y: usize| {
        let y = y as f64;
        match invert {
            false => union(
                polygons.iter().flat_map(|edges| inside(edges, y, width).chain(touched(edges, y, width))),
            ),
            true => outside(&polygons, y, width),
        }
    };
    (0..height).map(row).collect()
}

/// The same for planes whose samples are shared by `shared` pixels across and down.
pub fn subsampled(pixels: &Rows, shared: usize) -> Rows {
    let merged = |rows: &[Vec<Range<usize>>]| {
        union(rows.iter().flatten().map(|run| run.start / shared..run.end.div_ceil(shared)))
    };
    pixels.chunks(shared).map(merged).collect()
}

fn edges(polygon: &Polygon, width: usize, height: usize) -> Vec<Edge> {
    let snapped = |share: f64, pixels: usize| (share * pixels as f64 * GRID).round() / GRID;
    let corners: Vec<(f64, f64)> =
        polygon.iter().map(|[x, y]| (snapped(*x, width), snapped(*y, height))).collect();
    let next = corners.iter().cycle().skip(1);
    let edge = |(a, b): (&(f64, f64), &(f64, f64))| match a.1 <= b.1 {
        true => Edge { top: *a, bottom: *b },
        false => Edge { top: *b, bottom: *a },
    };
    corners.iter().zip(next).map(edge).collect()
}

impl Edge {
    /// Where it is at a height between its ends.
    fn x_at(self, y: f64) -> f64 {
        let (top, bottom) = (self.top, self.bottom);
        top.0 + (bottom.0 - top.0) * ((y - top.1) / (bottom.1 - top.1))
    }

    /// Pixels of the row from `y` to `y + 1` into which it cuts.
    fn cuts(self, y: f64, width: usize) -> Option<Range<usize>> {
        let (top, bottom) = (self.top, self.bottom);
        if bottom.1 <= y || top.1 >= y + 1.0 {
            return None;
        }
        let level = top.1 == bottom.1;
        let from = if level || top.1 >= y { top.0 } else { self.x_at(y) };
        let to = if level || bottom.1 <= y + 1.0 { bottom.0 } else { self.x_at(y + 1.0) };
        Some(pixel(from.min(to).floor(), width)..pixel(from.max(to).ceil(), width))
    }
}

/// Pixels of a row whose centre is inside, by the even-odd rule.
fn inside(edges: &[Edge], y: f64, width: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let middle = y + 0.5;
    let crossed = edges.iter().filter(|edge| edge.top.1 <= middle && middle < edge.bottom.1);
    let mut crossings: Vec<f64> = crossed.map(|edge| edge.x_at(middle)).collect();
    crossings.sort_unstable_by(f64::total_cmp);
    // Areas are closed, so that there is a second crossing for each first.
    let pairs = (0..crossings.len() / 2).map(move |pair| (crossings[2 * pair], crossings[2 * pair + 1]));
    pairs.map(move |(from, to)| pixel((from - 0.5).ceil(), width)..pixel((to - 0.5).ceil(), width))
}

fn touched(edges: &[Edge], y: f64, width: usize) -> impl Iterator<Item = Range<usize>> {
    edges.iter().filter_map(move |edge| edge.cuts(y, width))
}

/// Pixels that do not lie in one of the polygons as a whole.
fn outside(polygons: &[Vec<Edge>], y: f64, width: usize) -> Vec<Range<usize>> {
    let whole = polygons.iter().flat_map(|edges| {
        let cut = union(touched(edges, y, width));
        union(inside(edges, y, width)).into_iter().flat_map(move |run| without(run, &cut))
    });
    without(0..width, &union(whole))
}

/// What is left of a run.
fn without(run: Range<usize>, gone: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut left = vec![];
    let mut start = run.start;
    for gap in gone.iter().filter(|gap| gap.end > run.start && gap.start < run.end) {
        left.push(start..gap.start.max(start));
        start = gap.end;
    }
    left.push(start..run.end.max(start));
    left.retain(|run| !run.is_empty());
    left
}

fn union(runs: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = runs.into_iter().filter(|run| !run.is_empty()).collect();
    runs.sort_unstable_by_key(|run| run.start);
    let mut joined: Vec<Range<usize>> = vec![];
    for run in runs {
        match joined.last_mut() {
            Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
            _ => joined.push(run),
        }
    }
    joined
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the width of a row")]
fn pixel(x: f64, width: usize) -> usize {
    x.clamp(0.0, width as f64) as usize
}
