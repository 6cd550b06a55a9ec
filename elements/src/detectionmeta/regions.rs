//! Detections as regions of interest.

use edgevision_wasm_host::detection::Detection;
use gst_video::VideoRegionOfInterestMeta;

use super::FrameReport;

const PARAM: &str = "detection";

/// A detection as read from a region of interest, whoever wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Name of the class.
    pub label: String,
    /// Number of the class, if the writer gave one.
    pub label_id: Option<i32>,
    /// 0..=1, if the writer gave one.
    pub confidence: Option<f64>,
    /// x, y, width, height in whole pixels of the frame.
    pub rect: (u32, u32, u32, u32),
}

/// Adds one region for each detection of the report.
pub fn attach_detections(buffer: &mut gst::BufferRef, report: &FrameReport) {
    for detection in &report.analysis.detections {
        let label = report.label(detection.class_id);
        let rect = pixel_rect(detection, report.width, report.height);
        let mut region = VideoRegionOfInterestMeta::add(buffer, &label, rect);
        region.add_param(structure(detection, &label, report.width, report.height));
    }
}

/// The detections on a buffer: every region of interest that carries a `detection` structure.
pub fn detections(buffer: &gst::BufferRef) -> Vec<Region> {
    buffer.iter_meta::<VideoRegionOfInterestMeta>().filter_map(|meta| read(&meta)).collect()
}

fn read(meta: &VideoRegionOfInterestMeta) -> Option<Region> {
    let param = meta.param(PARAM)?;
    Some(Region {
        label: meta.roi_type().to_owned(),
        label_id: param.get("label_id").ok(),
        confidence: param.get("confidence").ok(),
        rect: meta.rect(),
    })
}

fn structure(detection: &Detection, label: &str, width: u32, height: u32) -> gst::Structure {
    let (width, height) = (f64::from(width), f64::from(height));
    gst::Structure::builder(PARAM)
        .field("label", label)
        .field("label_id", i32::try_from(detection.class_id).unwrap_or(i32::MAX))
        .field("confidence", f64::from(detection.score))
        .field("x_min", f64::from(detection.x0) / width)
        .field("x_max", f64::from(detection.x1) / width)
        .field("y_min", f64::from(detection.y0) / height)
        .field("y_max", f64::from(detection.y1) / height)
        .build()
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
        Detection { x0, y0, x1, y1, score: 0.5, class_id: 0 }
    }

    #[test]
    fn whole_pixels_stay_inside_the_frame() {
        assert_eq!(pixel_rect(&detection(1.4, 2.6, 10.5, 12.2), 20, 20), (1, 3, 10, 9));
        assert_eq!(pixel_rect(&detection(0.0, 0.0, 20.0, 20.0), 20, 20), (0, 0, 20, 20));
        assert_eq!(pixel_rect(&detection(19.9, 19.9, 20.0, 20.0), 20, 20), (19, 19, 1, 1));
        assert_eq!(pixel_rect(&detection(3.1, 3.1, 3.2, 3.2), 20, 20), (3, 3, 1, 1));
    }
}
