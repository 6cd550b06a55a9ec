//! What the tests of `evoverlay` have in common.

use gst::prelude::*;
use gst_check::Harness;
use gst_video::prelude::*;
use gstedgevision::evoverlay::color::{self, ColorSpace};

/// Edges of the box on most frames.
pub const BOX: [f32; 4] = [40.0, 100.0, 200.0, 180.0];

/// The element between two pads, with frames of this kind.
pub fn harness_for(info: &gst_video::VideoInfo, properties: &str) -> Harness {
    gst::init().unwrap();
    gstedgevision::evoverlay::register(None).unwrap();
    let element = gst::parse::launch(&format!("evoverlay {properties}")).unwrap();
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps(info.to_caps().unwrap());
    harness
}

/// The same with 320 x 240 frames of this format.
pub fn harness(format: gst_video::VideoFormat, properties: &str) -> (Harness, gst_video::VideoInfo) {
    gst::init().unwrap();
    let info =
        gst_video::VideoInfo::builder(format, 320, 240).fps(gst::Fraction::new(25, 1)).build().unwrap();
    (harness_for(&info, properties), info)
}

/// Where a buffer's bytes are.
pub fn address(buffer: &gst::Buffer) -> usize {
    buffer.map_readable().unwrap().as_ptr() as usize
}

/// The three samples of the pixel at `x`, `y`; grey frames have one.
pub fn samples(buffer: &gst::Buffer, info: &gst_video::VideoInfo, x: usize, y: usize) -> Vec<u8> {
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let sample = |component: u32| {
        let index = component as usize;
        let sub = |value: usize, shift: u32| value >> shift;
        let (w_sub, h_sub) = (info.format_info().w_sub()[index], info.format_info().h_sub()[index]);
        let stride = usize::try_from(frame.comp_stride(component)).unwrap();
        let step = usize::try_from(frame.comp_pstride(component)).unwrap();
        frame.comp_data(component).unwrap()[sub(y, h_sub) * stride + sub(x, w_sub) * step]
    };
    (0..frame.n_components()).map(sample).collect()
}

/// The samples of a class.
pub fn expected(info: &gst_video::VideoInfo, class_id: u32) -> Vec<u8> {
    let samples = ColorSpace::of(info).samples(color::class_color(class_id));
    samples[..usize::try_from(info.n_components()).unwrap()].to_vec()
}

/// Runs a pipeline to its end.
pub fn run(description: &str) {
    run_to_end(&gst::parse::launch(description).unwrap());
}

/// Runs a pipeline that is made already.
pub fn run_to_end(pipeline: &gst::Element) {
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds);
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(matches!(end.as_ref().map(|end| end.type_()), Some(gst::MessageType::Eos)), "{end:?}");
}
