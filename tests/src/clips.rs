//! Makes short clips for tests.

use std::path::Path;

use gst::prelude::*;

/// Writes `frames` frames of a moving test pattern; `encode` is what stands between the raw video and the file, for
/// example `x264enc ! mp4mux`.
///
/// # Panics
/// When GStreamer cannot do it.
pub fn make(path: &Path, size: (u32, u32), frames: u32, encode: &str) {
    let (width, height) = size;
    let description = format!(
        "videotestsrc num-buffers={frames} pattern=ball ! \
         video/x-raw,format=I420,width={width},height={height},framerate=25/1 ! {encode} ! filesink name=file"
    );
    run(&description, path);
}

/// Writes the first `frames` frames of `clip`, H.264 in MP4, at another size.
///
/// # Panics
/// When GStreamer cannot do it.
pub fn scale(clip: &Path, path: &Path, size: (u32, u32), frames: u32, encode: &str) {
    let (width, height) = size;
    let description = format!(
        "filesrc location={} ! qtdemux ! h264parse ! avdec_h264 ! identity eos-after={} ! videoscale ! \
         video/x-raw,width={width},height={height} ! {encode} ! filesink name=file",
        clip.display(),
        frames + 1
    );
    run(&description, path);
}

fn run(description: &str, path: &Path) {
    gst::init().unwrap_or_else(|error| panic!("GStreamer: {error}"));
    let pipeline = gst::parse::launch(description).unwrap_or_else(|error| panic!("{description}: {error}"));
    let bin = pipeline.downcast_ref::<gst::Bin>().unwrap_or_else(|| panic!("no bin"));
    bin.by_name("file").unwrap_or_else(|| panic!("no filesink")).set_property("location", path);
    let _state = pipeline.set_state(gst::State::Playing);
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end =
        pipeline.bus().and_then(|bus| bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &kinds));
    let _state = pipeline.set_state(gst::State::Null);
    let ended = end.as_ref().is_some_and(|message| message.type_() == gst::MessageType::Eos);
    assert!(ended, "{description}: {end:?}");
}
