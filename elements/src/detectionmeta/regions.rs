//! Detections as regions of interest.

use std::ops::ControlFlow;

use edgevision_wasm_host::detection::Detection;
use gst::buffer::BufferMetaForeachAction;
use gst_video::VideoRegionOfInterestMeta;

use super::{FrameReport, carrier, extras, raw};

const PARAM: &str = "detection";
/// Where trackers put the number of the object.
const OBJECT_PARAM: &str = "object_id";
/// Parameters that tell an encoder how to treat a region begin like this (`roi/x264enc`): no detections.
const ENCODER_PREFIX: &str = "roi/";

/// A detection as read from a buffer, whoever wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// Number of the region on its buffer, by its writer.
    pub id: i32,
    /// Name of the class; empty if the writer gave none.
    pub label: String,
    /// Number of the class, if the writer gave one.
    pub label_id: Option<i32>,
    /// 0..=1, if the writer gave one.
    pub confidence: Option<f64>,
    /// x, y, width, height in whole pixels of the frame.
    pub rect: (u32, u32, u32, u32),
    /// Number of the object over time, if a tracker gave one.
    pub object_id: Option<i32>,
    /// What found it, if the writer said so.
    pub model_name: Option<String>,
}

/// Adds one region for each detection of the report, without the report.
pub fn attach_detections(buffer: &mut gst::BufferRef, report: &FrameReport) {
    attach(buffer, report);
}

/// Adds one region for each detection and returns their ids.
pub fn attach(buffer: &mut gst::BufferRef, report: &FrameReport) -> Vec<i32> {
    let ids = new_ids(buffer, report);
    for (detection, id) in report.analysis.detections.iter().zip(&ids) {
        let structure = written(gst::Structure::new_empty(PARAM), detection, report);
        let params = std::iter::once(structure).chain(extras::params(detection, report));
        add(buffer, detection, report, *id, params);
    }
    ids
}

/// Entries of the analytics meta come first: the ids are theirs, as DL Streamer wants it.
#[cfg(feature = "v1_24")]
fn new_ids(buffer: &mut gst::BufferRef, report: &FrameReport) -> Vec<i32> {
    super::analytics::attach(buffer, report)
}

/// Ids that no region of the buffer has.
#[cfg(not(feature = "v1_24"))]
fn new_ids(buffer: &mut gst::BufferRef, report: &FrameReport) -> Vec<i32> {
    let taken = buffer.iter_meta::<VideoRegionOfInterestMeta>().map(|region| region.id()).max();
    let first = taken.map_or(1, |id| id.max(0).saturating_add(1));
    (first..).take(report.analysis.detections.len()).collect()
}

fn add<'a>(
    buffer: &'a mut gst::BufferRef,
    detection: &Detection,
    report: &FrameReport,
    id: i32,
    params: impl IntoIterator<Item = gst::Structure>,
) -> gst::MetaRefMut<'a, VideoRegionOfInterestMeta, gst::meta::Standalone> {
    let rect = pixel_rect(detection, report.width, report.height);
    let mut region = VideoRegionOfInterestMeta::add(buffer, &report.label(detection.class_id), rect);
    region.set_id(id);
    for param in params {
        region.add_param(param);
    }
    region
}

/// Replaces the regions of a report on a scaled buffer: GStreamer 1.22 leaves out their parameters, and no version
/// knows about the box in `detection` or about borders. What others have added to a region stays.
pub fn renew(target: &mut gst::BufferRef, source: &gst::BufferRef, scaled: &FrameReport, ids: &[i32]) {
    target.foreach_meta_mut(|meta| {
        let region = meta.as_ref().downcast_ref::<VideoRegionOfInterestMeta>();
        let action = if region.is_some_and(|region| is_of(scaled, ids, region.id(), &raw::roi_type(region))) {
            BufferMetaForeachAction::Remove
        } else {
            BufferMetaForeachAction::Keep
        };
        ControlFlow::Continue(action)
    });
    for (detection, id) in scaled.analysis.detections.iter().zip(ids) {
        let label = scaled.label(detection.class_id);
        let before = source
            .iter_meta::<VideoRegionOfInterestMeta>()
            .find(|region| region.id() == *id && raw::roi_type(region) == label);
        // Somebody has removed it: it stays away.
        let Some(before) = before else { continue };
        // Points are relative to the box, so what else belongs to the detection stays as it is.
        let params = before.params().map(|param| {
            let param = param.to_owned();
            if param.name() == PARAM { written(param, detection, scaled) } else { param }
        });
        add(target, detection, scaled, *id, params).set_parent_id(before.parent_id());
    }
}

/// All detections on a buffer: regions of interest, and from GStreamer 1.24 on (cargo feature `v1_24`) the object
/// detections of the analytics meta that have no region. Regions that only tell an encoder something are none.
pub fn detections(buffer: &gst::BufferRef) -> Vec<Region> {
    #[allow(unused_mut, reason = "the feature adds more")]
    let mut found: Vec<Region> =
        buffer.iter_meta::<VideoRegionOfInterestMeta>().filter_map(|region| read(&region)).collect();
    #[cfg(feature = "v1_24")]
    super::analytics::add_missing(buffer, &mut found);
    found
}

/// The detections on a buffer that are in no [`FrameReport`] of the buffer: those of other people's elements.
pub fn foreign_detections(buffer: &gst::BufferRef) -> Vec<Region> {
    let ours = carrier::all(buffer);
    let is_ours = |region: &Region| {
        ours.iter().any(|carried| is_of(&carried.report, &carried.region_ids, region.id, &region.label))
    };
    detections(buffer).into_iter().filter(|region| !is_ours(region)).collect()
}

/// True for the regions that came with a report. Elements that give no ids leave 0, so the label has to fit, too.
fn is_of(report: &FrameReport, ids: &[i32], id: i32, label: &str) -> bool {
    let place = ids.iter().position(|known| *known == id);
    let detection = place.and_then(|place| report.analysis.detections.get(place));
    detection.is_some_and(|detection| report.label(detection.class_id) == label)
}

fn read(meta: &gst::MetaRef<'_, VideoRegionOfInterestMeta>) -> Option<Region> {
    let param = meta.param(PARAM);
    if param.is_none() && meta.params().any(|param| param.name().starts_with(ENCODER_PREFIX)) {
        return None;
    }
    Some(Region {
        id: meta.id(),
        label: raw::roi_type(meta),
        label_id: param.and_then(|param| param.get("label_id").ok()),
        confidence: param.and_then(confidence),
        rect: meta.rect(),
        object_id: meta.param(OBJECT_PARAM).and_then(|param| param.get("id").ok()),
        model_name: param.and_then(|param| param.get("model_name").ok()),
    })
}

fn confidence(param: &gst::StructureRef) -> Option<f64> {
    let single = || param.get::<f32>("confidence").map(f64::from);
    param.get::<f64>("confidence").or_else(|_| single()).ok()
}

/// The structure with all that we know about a detection.
fn written(mut param: gst::Structure, detection: &Detection, report: &FrameReport) -> gst::Structure {
    let (width, height) = (f64::from(report.width), f64::from(report.height));
    param.set("label", report.label(detection.class_id));
    param.set("label_id", i32::try_from(detection.class_id).unwrap_or(i32::MAX));
    param.set("confidence", f64::from(detection.score));
    param.set("x_min", f64::from(detection.x0) / width);
    param.set("x_max", f64::from(detection.x1) / width);
    param.set("y_min", f64::from(detection.y0) / height);
    param.set("y_max", f64::from(detection.y1) / height);
    if let Some(model) = &report.model {
        param.set("model_name", &**model);
    }
    param
}

/// The box in whole pixels, edges rounded, at least one pixel wide and high, inside the frame.
pub(crate) fn pixel_rect(detection: &Detection, width: u32, height: u32) -> (u32, u32, u32, u32) {
    let (x, w) = pixel_span(detection.x0, detection.x1, width);
    let (y, h) = pixel_span(detection.y0, detection.y1, height);
    (x, y, w, h)
}

fn pixel_span(from: f32, to: f32, limit: u32) -> (u32, u32) {
    let start = round(from).min(limit.saturating_sub(1));
    let end = round(to).clamp(start + 1, limit.max(start + 1));
    (start, end - start)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and frames are no larger than 32767 pixels"
)]
fn round(value: f32) -> u32 {
    value.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(x0: f32, y0: f32, x1: f32, y1: f32) -> Detection {
        Detection { x0, y0, x1, y1, score: 0.5, class_id: 0, extras: None }
    }

    #[test]
    fn whole_pixels_stay_inside_the_frame() {
        assert_eq!(pixel_rect(&detection(1.4, 2.6, 10.5, 12.2), 20, 20), (1, 3, 10, 9));
        assert_eq!(pixel_rect(&detection(0.0, 0.0, 20.0, 20.0), 20, 20), (0, 0, 20, 20));
        assert_eq!(pixel_rect(&detection(19.9, 19.9, 20.0, 20.0), 20, 20), (19, 19, 1, 1));
        assert_eq!(pixel_rect(&detection(3.1, 3.1, 3.2, 3.2), 20, 20), (3, 3, 1, 1));
    }
}
