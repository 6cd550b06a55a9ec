//! Where a box is after its frame was scaled. Pure.

use std::sync::Arc;

use edgevision_wasm_host::detection::Detection;

use super::FrameReport;

/// The size of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Pixels.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Width of a pixel by its height, as a fraction.
    pub par: (u32, u32),
}

impl Geometry {
    /// Shape of the shown picture as a fraction, not reduced.
    fn shape(&self) -> (u128, u128) {
        (u128::from(self.width) * u128::from(self.par.0), u128::from(self.height) * u128::from(self.par.1))
    }
}

/// From positions in one frame to positions in another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mapping {
    scale: (f64, f64),
    offset: (f64, f64),
    after: Geometry,
}

impl Mapping {
    /// Frames of the same shape are stretched over one another. Otherwise there are borders, as `videoscale` adds
    /// them unless told not to (`add-borders`): the picture keeps its shape and is centred. GStreamer does not
    /// tell metas whether it did.
    pub fn between(before: Geometry, after: Geometry) -> Self {
        let (width, height) = picture(before, after);
        let border = |outer: u32, inner: u32| f64::from((outer - inner) / 2);
        Self {
            scale: (f64::from(width) / f64::from(before.width), f64::from(height) / f64::from(before.height)),
            offset: (border(after.width, width), border(after.height, height)),
            after,
        }
    }

    fn point(&self, x: f32, y: f32) -> (f32, f32) {
        let x = point(x, self.scale.0, self.offset.0, self.after.width);
        (x, point(y, self.scale.1, self.offset.1, self.after.height))
    }

    fn apply(&self, found: &mut Detection) {
        (found.x0, found.y0) = self.point(found.x0, found.y0);
        (found.x1, found.y1) = self.point(found.x1, found.y1);
        if let Some(extras) = &mut found.extras {
            Arc::make_mut(extras).move_points(|x, y| self.point(x, y));
        }
    }

    /// The report as if the scaled frame had been analysed.
    pub fn report(&self, report: &FrameReport) -> FrameReport {
        let mut scaled = report.clone();
        (scaled.width, scaled.height) = (self.after.width, self.after.height);
        scaled.analysis.detections.iter_mut().for_each(|found| self.apply(found));
        scaled
    }
}

/// The part of the new frame that shows the old one, by the arithmetic of `videoscale`.
fn picture(before: Geometry, after: Geometry) -> (u32, u32) {
    let ((before_w, before_h), (after_w, after_h)) = (before.shape(), after.shape());
    if before_w * after_h == after_w * before_h {
        return (after.width, after.height);
    }
    let (n, d) = (before_w * u128::from(after.par.1), before_h * u128::from(after.par.0));
    let height = u128::from(after.width) * d / n;
    if height <= u128::from(after.height) {
        (after.width, small(height, after.height))
    } else {
        (small(u128::from(after.height) * n / d, after.width), after.height)
    }
}

/// A size that is known to be at most `limit`, and at least one.
fn small(value: u128, limit: u32) -> u32 {
    u32::try_from(value).unwrap_or(limit).clamp(1, limit)
}

#[allow(clippy::cast_possible_truncation, reason = "positions in a frame need no more than f32")]
fn point(value: f32, scale: f64, offset: f64, limit: u32) -> f32 {
    (f64::from(value) * scale + offset).clamp(0.0, f64::from(limit)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn frame(width: u32, height: u32) -> Geometry {
        Geometry { width, height, par: (1, 1) }
    }

    fn mapped(before: Geometry, after: Geometry) -> [f32; 4] {
        let mut found =
            Detection { x0: 40.0, y0: 100.0, x1: 200.0, y1: 180.0, score: 0.5, class_id: 0, extras: None };
        Mapping::between(before, after).apply(&mut found);
        [found.x0, found.y0, found.x1, found.y1]
    }

    #[test]
    fn boxes_follow_the_picture() {
        let before = frame(320, 240);
        for (name, after, expected) in [
            ("same size", before, [40.0, 100.0, 200.0, 180.0]),
            ("twice", frame(640, 480), [80.0, 200.0, 400.0, 360.0]),
            (
                "half as wide, shown as wide",
                Geometry { par: (2, 1), ..frame(160, 240) },
                [20.0, 100.0, 100.0, 180.0],
            ),
            ("borders left and right", frame(480, 240), [120.0, 100.0, 280.0, 180.0]),
            ("borders above and below", frame(320, 300), [40.0, 130.0, 200.0, 210.0]),
            ("smaller with borders", frame(160, 160), [20.0, 70.0, 100.0, 110.0]),
        ] {
            assert_eq!(mapped(before, after), expected, "{name}");
        }
    }

    #[test]
    fn extreme_sizes_stay_finite_and_inside() {
        let huge = Geometry { width: i32::MAX as u32, height: 1, par: (i32::MAX as u32, 1) };
        for (before, after) in [(huge, frame(1, 1)), (frame(1, 1), huge), (frame(1, i32::MAX as u32), huge)] {
            let edges = mapped(before, after);
            let inside = |value: f32, limit: u32| (0.0..=limit as f32).contains(&value);
            assert!(inside(edges[0], after.width) && inside(edges[3], after.height), "{edges:?}");
        }
    }
}
