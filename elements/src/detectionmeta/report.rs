//! How one detector analysed one frame.

use std::sync::Arc;

use edgevision_wasm_host::{analysis::Analysis, frame::Transfer};

use super::carrier::{self, Carried};

/// How one frame was analysed and by what. Shared, never changed after it was attached.
#[derive(Clone, Debug)]
pub struct FrameReport {
    /// The camera's name.
    pub camera: Arc<str>,
    /// Number of the frame, counted by its camera from 0.
    pub seq: u64,
    /// Stream time in nanoseconds, if the source gave one.
    pub timestamp_ns: Option<u64>,
    /// Wall clock when the frame reached the detector, in nanoseconds since 1970.
    pub system_time_ns: u64,
    /// Width of the frame that carries the report, in pixels. An element that scales the frame changes it.
    pub width: u32,
    /// Height of that frame in lines.
    pub height: u32,
    /// Status, detections (pixels of that frame) and timings.
    pub analysis: Analysis,
    /// How the bytes reached the worker; none when no worker saw the frame.
    pub transfer: Option<Transfer>,
    /// Names of the classes, by class id.
    pub labels: Arc<[String]>,
    /// The model as `name@` and the first 8 hex digits of its SHA-256.
    pub model: Option<Arc<str>>,
    /// The inference engine that runs the model.
    pub engine: Option<&'static str>,
    /// The modules in the order of their use, each as `name@` and the first 8 hex digits of its SHA-256.
    pub modules: Arc<[String]>,
}

impl FrameReport {
    /// Name of a class; its number when the labels do not reach that far, and `?` when no model has so many classes.
    pub fn label(&self, class_id: u32) -> String {
        let known = usize::try_from(class_id).ok().and_then(|id| self.labels.get(id));
        known.cloned().unwrap_or_else(|| match class_id {
            ..MOST_CLASSES => class_id.to_string(),
            // Regions name their class by a quark, and GLib keeps quarks for ever: a module must not be able to invent
            // new ones without end.
            MOST_CLASSES.. => "?".to_owned(),
        })
    }
}

const MOST_CLASSES: u32 = 1 << 16;

/// Attaches a report without its detections; see [`attach`](super::attach) for both. Earlier ones stay.
pub fn attach_report(buffer: &mut gst::BufferRef, report: Arc<FrameReport>) {
    carrier::attach(buffer, Carried { report, region_ids: Arc::new([]) });
}

/// The reports of all detectors that a buffer went through, in their order.
pub fn reports(buffer: &gst::BufferRef) -> Vec<Arc<FrameReport>> {
    carrier::all(buffer).into_iter().map(|carried| carried.report).collect()
}

/// The report of the last detector that a buffer went through.
pub fn report(buffer: &gst::BufferRef) -> Option<Arc<FrameReport>> {
    reports(buffer).pop()
}
