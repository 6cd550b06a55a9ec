//! One buffer through a row of elements.

use std::sync::Arc;

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;
use gstedgevision::detectionmeta::FrameReport;

use super::common;

/// 320 x 240, as the reports of these tests say.
const CAPS: &str = "video/x-raw,format=I420,width=320,height=240,framerate=25/1,pixel-aspect-ratio=1/1";
pub const BYTES: usize = 320 * 240 * 3 / 2;

pub fn init() {
    gst::init().unwrap();
    gstedgevision::plugin_register_static().unwrap();
}

/// A report with one box.
pub fn reported(edges: [f32; 4]) -> Arc<FrameReport> {
    init();
    common::report(Status::Ok, 0, vec![common::detection(edges, 1)])
}

/// What comes out of the elements when the buffer goes in.
#[track_caller]
pub fn through(elements: &str, mut buffer: gst::Buffer) -> gst::Sample {
    init();
    let description =
        format!("appsrc name=a format=time caps={CAPS} ! {elements} ! appsink name=s sync=false");
    let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
    let (source, sink) = (pipeline.by_name("a").unwrap(), pipeline.by_name("s").unwrap());
    pipeline.set_state(gst::State::Playing).unwrap();
    buffer.make_mut().set_duration(gst::ClockTime::from_mseconds(40));
    assert_eq!(source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]), gst::FlowReturn::Ok);
    // So that nobody but the pipeline holds it.
    drop(buffer);
    assert_eq!(source.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]), gst::FlowReturn::Ok);
    let sample = sink.emit_by_name::<Option<gst::Sample>>("pull-sample", &[]);
    pipeline.set_state(gst::State::Null).unwrap();
    sample.unwrap_or_else(|| panic!("nothing comes out of {elements}"))
}
