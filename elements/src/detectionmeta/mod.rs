//! What rides on a buffer: one region of interest for each detection, which any GStreamer element can read, and
//! one [`FrameReport`] for each detector, which says how it analysed the frame.
//!
//! The regions have the form that Intel DL Streamer reads and writes: `roi_type` is the label, and a parameter
//! structure `detection` carries `label_id`, `confidence`, the box as fractions of the frame, and `model_name`.
//! Landmarks, attributes and tensors are further parameters of their region, in the form of its `GVA::Tensor`.
//! With the cargo feature `v1_24` each detection is an entry of the buffer's `GstAnalyticsRelationMeta`, too; its
//! region has the same id.
//!
//! # What happens to them on the way
//!
//! Both have the tags of a region of interest (`video`, `orientation`, `size`), so that they live and die together:
//!
//! | element | report and regions |
//! |---|---|
//! | `queue`, `tee`, copies of a buffer, elements that work in place | as they are |
//! | `videoconvert`, `videoscale`, `videoconvertscale` and all who know `gst-video-scale` | scaled to the new frame |
//! | elements that move pixels and don't say how (`videocrop`, `videobox`, `videoflip`), encoders, decoders | gone |
//!
//! GStreamer scales the regions itself, but 1.22 forgets their parameters: the report puts them back.

#[cfg(feature = "v1_24")]
mod analytics;
mod carrier;
mod extras;
mod raw;
mod regions;
mod report;
mod scaling;

use std::sync::Arc;

pub(crate) use extras::{precision, relative_points};
pub(crate) use regions::pixel_rect;
pub use regions::{Region, attach_detections, detections, foreign_detections};
pub use report::{FrameReport, attach_report, report, reports};

/// Attaches a report and its detections. What a detector upstream has attached stays.
pub fn attach(buffer: &mut gst::BufferRef, report: Arc<FrameReport>) {
    let ids = regions::attach(buffer, &report);
    carrier::attach(buffer, carrier::Carried { report, region_ids: ids.into() });
}
