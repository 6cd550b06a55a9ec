//! Frame to frame: fills, blurs or pixelates what lies in polygons.
//!
//! ```text
//! polygons ─ region ─► runs of samples, row by row and plane by plane ─┬─ fill      one colour
//!            (once for each size and format)                          └─ mosaic    means of blocks
//! ```
//! A pixel counts as masked when a polygon covers any part of it, and a chroma sample when any of its pixels does: at
//! an edge rather too much is hidden than too little. The parameters are in `params.rs` and in `params.schema.json`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod color;
mod mosaic;
mod params;
mod region;

#[cfg(test)]
mod tests;

use edgevision_sdk::{Context, Filter, FrameView, FrameViewMut, Params, PixelFormat};

use crate::{
    mosaic::Mosaic,
    params::{Mode, Settings},
    region::Rows,
};

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_filter!(PrivacyMask);

/// The module.
pub struct PrivacyMask {
    settings: Settings,
    /// For frames of the last one's size and format.
    plan: Option<Plan>,
}

/// What is to be done to frames of one size and format.
struct Plan {
    format: PixelFormat,
    width: usize,
    height: usize,
    planes: Vec<PlanePlan>,
}

struct PlanePlan {
    rows: Rows,
    /// Only for modes that need one.
    mosaic: Option<Mosaic>,
}

impl Plan {
    fn new(settings: &Settings, frame: &FrameView) -> Self {
        let (format, width, height) = (frame.format(), frame.width(), frame.height());
        let pixels = region::rows(&settings.polygons, width, height, settings.invert);
        let planes = (0..format.planes()).map(|index| {
            let rows = region::subsampled(&pixels, format.subsampling(index));
            let mosaic = settings.block(height).map(|block| {
                Mosaic::new(
                    &rows,
                    frame.row(index, 0).len() / format.step(index),
                    block / format.subsampling(index),
                    format.step(index),
                )
            });
            PlanePlan { rows, mosaic }
        });
        Self { format, width, height, planes: planes.collect() }
    }

    fn serves(&self, frame: &FrameView) -> bool {
        (self.format, self.width, self.height) == (frame.format(), frame.width(), frame.height())
    }
}

impl Filter for PrivacyMask {
    fn new(params: Params, _context: &Context) -> Result<Self, String> {
        Ok(Self { settings: Settings::new(params)?, plan: None })
    }

    fn run(&mut self, frame: &FrameView, output: &mut FrameViewMut) -> Result<(), String> {
        let plan = self.plan.take().filter(|plan| plan.serves(frame));
        let plan = self.plan.insert(plan.unwrap_or_else(|| Plan::new(&self.settings, frame)));
        output.copy_from(frame);
        for (index, plane) in plan.planes.iter_mut().enumerate() {
            match (&mut plane.mosaic, self.settings.mode) {
                (Some(mosaic), mode) => {
                    mosaic.measure(frame, index);
                    mosaic.paint(output, index, &plane.rows, mode == Mode::Blur);
                }
                (None, _) => {
                    let color = color::samples(self.settings.color, frame.info(), index);
                    fill(output, index, &plane.rows, &color[..frame.format().step(index)]);
                }
            }
        }
        Ok(())
    }
}

/// Puts one sample everywhere.
fn fill(output: &mut FrameViewMut, plane: usize, rows: &Rows, sample: &[u8]) {
    let step = sample.len();
    for (row, runs) in output.plane_rows_mut(plane).zip(rows) {
        for run in runs {
            let bytes = &mut row[run.start * step..run.end * step];
            match sample {
                [value] => bytes.fill(*value),
                _ => bytes.chunks_exact_mut(step).for_each(|to| to.copy_from_slice(sample)),
            }
        }
    }
}
