//! Frames with reports, for the tests of the elements that read them.

use std::sync::Arc;

use edgevision_wasm_host::{
    analysis::{Analysis, Status, Timings},
    detection::Detection,
    frame::Transfer,
};
use gstedgevision::detectionmeta::{self, FrameReport};

/// A detection of class `class_id` with these edges.
pub fn detection(edges: [f32; 4], class_id: u32) -> Detection {
    let [x0, y0, x1, y1] = edges;
    Detection { x0, y0, x1, y1, score: 0.9, class_id, extras: None }
}

/// A report on a frame of 320 x 240 at `ms` milliseconds of stream time.
pub fn report(status: Status, ms: u64, detections: Vec<Detection>) -> Arc<FrameReport> {
    Arc::new(FrameReport {
        camera: "line3".into(),
        seq: ms / 40,
        timestamp_ns: Some(ms * 1_000_000),
        system_time_ns: 1_795_341_600_000_000_000 + ms * 1_000_000,
        width: 320,
        height: 240,
        analysis: Analysis {
            status,
            detections,
            tensors: Vec::new(),
            timings: Timings::default(),
            bytes_copied: 0,
            message: None,
        },
        transfer: Some(Transfer::InPlace),
        labels: vec!["good".to_owned(), "missing cap".to_owned()].into(),
        model: None,
        engine: None,
        modules: Arc::new([]),
    })
}

/// `evpublish` in a harness, with these properties.
#[allow(dead_code, reason = "not every test file publishes")]
pub fn evpublish(properties: &str) -> gst_check::Harness {
    gst::init().unwrap();
    gstedgevision::evpublish::register(None).unwrap();
    let element = gst::parse::launch(&format!("evpublish {properties}")).unwrap();
    let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps_str("video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1");
    harness
}

/// A buffer of `size` bytes of value `fill` that carries the report.
pub fn buffer(size: usize, fill: u8, report: &Arc<FrameReport>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![fill; size]);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(report.timestamp_ns.map(gst::ClockTime::from_nseconds));
    detectionmeta::attach(writable, Arc::clone(report));
    buffer
}
