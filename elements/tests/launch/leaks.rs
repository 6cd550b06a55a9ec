//! GStreamer's own leaks tracer: nothing of a pipeline with our elements is alive when GStreamer is shut down.

use gst::prelude::*;

use super::{
    cycles::{Line, init},
    process::{detect, gst, picture, run, words},
};

/// Lines about objects that were alive at the end.
fn alive(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("object-alive, type-name") && !line.contains("%s")).collect()
}

#[test]
fn gst_launch_leaves_nothing() {
    let end = "evpublish location=/dev/null ! fakesink";
    for source in
        [picture(8), "videotestsrc num-buffers=8 ! video/x-raw,format=NV12,width=64,height=48 ! tee".into()]
    {
        let description = format!("{source} ! {} ! evoverlay ! {end}", detect());
        let mut command = gst("gst-launch-1.0");
        command.env("GST_TRACERS", "leaks").env("GST_DEBUG", "GST_TRACER:7");
        let ended = run(command.arg("-q").args(words(&description)));
        assert!(ended.success, "{}", ended.text);
        assert!(alive(&ended.text).is_empty(), "{}", alive(&ended.text).join("\n"));
    }
}

#[test]
#[ignore = "started by another test"]
fn child_leaves_pipelines_in_all_states() {
    init();
    for _ in 0..10 {
        let line = Line::ours();
        line.set(gst::State::Playing);
        line.wait_for(1);
        line.set(gst::State::Ready);
        line.set(gst::State::Playing);
        line.pipeline.send_event(gst::event::FlushStart::new());
        line.pipeline.send_event(gst::event::FlushStop::new(true));
    }
    // SAFETY: no object of GStreamer is used after this.
    unsafe { gst::deinit() };
}

#[test]
fn stopped_pipelines_leave_nothing() {
    let mut child = gst(std::env::current_exe().unwrap().to_str().unwrap());
    child.env("GST_TRACERS", "leaks").env("GST_DEBUG", "GST_TRACER:7");
    let name = "leaks::child_leaves_pipelines_in_all_states";
    let ended = run(child.args(["--exact", name, "--ignored", "--nocapture"]));
    assert!(ended.success && ended.text.contains("1 passed"), "{}", ended.text);
    assert!(alive(&ended.text).is_empty(), "{}", alive(&ended.text).join("\n"));
}

/// The checks above can fail: a buffer that is kept is found.
#[test]
#[ignore = "started by another test"]
fn child_keeps_a_buffer() {
    init();
    std::mem::forget(gst::Buffer::with_size(10).unwrap());
    // SAFETY: no object of GStreamer is used after this.
    unsafe { gst::deinit() };
}

#[test]
fn the_tracer_finds_a_leak() {
    let mut child = gst(std::env::current_exe().unwrap().to_str().unwrap());
    child.env("GST_TRACERS", "leaks").env("GST_DEBUG", "GST_TRACER:7").env_remove("G_DEBUG");
    let ended = run(child.args(["--exact", "leaks::child_keeps_a_buffer", "--ignored", "--nocapture"]));
    assert!(alive(&ended.text).iter().any(|line| line.contains("GstBuffer")), "{}", ended.text);
}
