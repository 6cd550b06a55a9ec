//! Frame to tensor: colour conversion, letterbox or stretch, normalisation.
//!
//! ```text
//! frame row ─ color ─► 8-bit planes ─ resize ─► 8-bit planes ─ output ─► tensor row
//!             (only rows that are needed, each once)           (layout, type, mean, std)
//! ```
//! Colours are made at the source's size and rounded to 8 bits before they are blended, as the training code of
//! most models does it (decode, then resize). `docs/decisions/0001-letterbox-order.md` has the other order and
//! what it costs. The parameters are in `params.rs` and in `params.schema.json`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod color;
mod geometry;
mod kernels;
mod output;
mod params;
mod resize;
mod scalar;
mod simd;

use edgevision_sdk::{
    Context, FrameView, Geometry, Params, Preprocess, TensorMut, TensorSpec, frame::FrameInfo,
};

use crate::{
    color::Converter,
    geometry::Placement,
    output::Writer,
    params::{Layout, Settings},
    resize::Resizer,
};

edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
edgevision_sdk::export_preprocess!(Letterbox);

/// The module.
#[derive(Clone, Debug)]
pub struct Letterbox {
    settings: Settings,
    writer: Writer,
    plan: Option<Plan>,
}

/// What depends on the kind of frame; made anew when it changes.
#[derive(Clone, Debug)]
struct Plan {
    kind: FrameInfo,
    picture: Placement,
    resizer: Resizer,
}

impl Preprocess for Letterbox {
    fn new(params: Params, context: &Context) -> Result<Self, String> {
        let settings = Settings::new(params, context)?;
        Ok(Self { writer: Writer::new(&settings), settings, plan: None })
    }

    fn tensor_spec(&self) -> TensorSpec {
        let Settings { width, height, layout, dtype, .. } = self.settings;
        let dims = match layout {
            Layout::Nchw => [1, self.settings.channels(), height, width],
            Layout::Nhwc => [1, height, width, self.settings.channels()],
        };
        TensorSpec { dtype, dims: dims.iter().map(|&d| u32::try_from(d).unwrap_or(u32::MAX)).collect() }
    }

    fn run(&mut self, frame: &FrameView, tensor: &mut TensorMut) -> Result<Geometry, String> {
        let Self { settings, writer, plan } = self;
        let kind = FrameInfo { timestamp_ns: None, seq: 0, ..*frame.info() };
        let plan = match plan {
            Some(plan) if plan.kind == kind => plan,
            _ => plan.insert(Plan::new(kind, frame, settings)),
        };
        writer.pad(tensor, plan.picture);
        plan.resizer.next_frame();
        for y in 0..plan.picture.height {
            plan.resizer.make_row(frame, y);
            writer.row(tensor, plan.picture, y, |channel| plan.resizer.plane(channel));
        }
        Ok(plan.geometry(settings))
    }
}

impl Plan {
    fn new(kind: FrameInfo, frame: &FrameView, settings: &Settings) -> Self {
        let picture = Placement::new(settings, kind.width, kind.height);
        let converter = Converter::new(frame, settings.color);
        Self { kind, picture, resizer: Resizer::new(frame, converter, picture) }
    }

    #[allow(clippy::cast_possible_truncation, reason = "sizes are at most 16384, and f32 holds them exactly")]
    fn geometry(&self, settings: &Settings) -> Geometry {
        Geometry {
            scale_x: (self.picture.width as f64 / self.kind.width as f64) as f32,
            scale_y: (self.picture.height as f64 / self.kind.height as f64) as f32,
            offset_x: self.picture.x as f32,
            offset_y: self.picture.y as f32,
            input_width: settings.width as u32,
            input_height: settings.height as u32,
        }
    }
}

#[cfg(test)]
mod tests;
