//! What rides on a buffer: one region of interest for each detection, which any GStreamer element can read, and
//! one [`FrameReport`], which says how the frame was analysed.
//!
//! The regions have the form that Intel DL Streamer reads and writes: `roi_type` is the label, and a parameter
//! structure `detection` carries `label_id`, `confidence` and the box as fractions of the frame.

mod regions;
mod report;

pub(crate) use regions::pixel_rect;
pub use regions::{Region, attach_detections, detections};
pub use report::{FrameReport, attach_report, report};
