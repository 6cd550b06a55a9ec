//! Boxes, texts, and when they are there.

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;
use gstedgevision::{
    detectionmeta,
    evoverlay::color::{self, ColorSpace},
};

use super::{
    common::{buffer, detection, report},
    support::{BOX, address, expected, harness, samples},
};

#[test]
fn boxes_have_the_colour_of_their_class_in_every_format() {
    for format in gstedgevision::evoverlay::format::formats() {
        let (mut harness, info) = harness(format, "");
        let report = report(Status::Ok, 0, vec![detection(BOX, 1)]);
        let out = harness.push_and_pull(buffer(info.size(), 99, &report)).unwrap();
        for (x, y) in [(40, 140), (199, 140), (120, 100), (120, 179)] {
            assert_eq!(samples(&out, &info, x, y), expected(&info, 1), "{format} {x},{y}");
        }
        let untouched = vec![99; usize::try_from(info.n_components()).unwrap()];
        assert_eq!(samples(&out, &info, 120, 140), untouched, "{format}: inside");
        assert_eq!(samples(&out, &info, 300, 20), untouched, "{format}: outside");
    }
}

#[test]
fn draws_in_place_when_nobody_else_can_see_it() {
    let (mut harness, info) = harness(gst_video::VideoFormat::I420, "");
    let frame = buffer(info.size(), 99, &report(Status::Ok, 0, vec![detection(BOX, 0)]));
    let before = address(&frame);
    let out = harness.push_and_pull(frame).unwrap();
    assert_eq!(address(&out), before);
}

#[test]
fn draws_on_a_copy_when_somebody_else_holds_the_buffer_or_its_memory() {
    let (mut harness, info) = harness(gst_video::VideoFormat::I420, "");
    let frame = buffer(info.size(), 99, &report(Status::Ok, 40, vec![detection(BOX, 0)]));
    let shared_memory = frame.copy();
    for shared in [frame.clone(), shared_memory] {
        let out = harness.push_and_pull(shared).unwrap();
        assert_ne!(address(&out), address(&frame));
        assert!(frame.map_readable().unwrap().iter().all(|byte| *byte == 99), "the original is as it was");
        assert_eq!(samples(&out, &info, 40, 140), expected(&info, 0));
        assert_eq!(out.pts(), Some(gst::ClockTime::from_mseconds(40)));
        assert_eq!(detectionmeta::report(&out).unwrap().seq, 1, "the report goes on");
        assert_eq!(detectionmeta::detections(&out).len(), 1, "the regions go on, once");
    }
}

#[test]
fn a_frame_with_nothing_to_draw_is_the_same_buffer() {
    let (mut harness, info) = harness(gst_video::VideoFormat::Nv12, "");
    let empty = buffer(info.size(), 99, &report(Status::Ok, 0, vec![]));
    let bare = gst::Buffer::from_mut_slice(vec![99; info.size()]);
    for frame in [empty, bare] {
        let out = harness.push_and_pull(frame.clone()).unwrap();
        assert_eq!(out.as_ptr(), frame.as_ptr());
    }
}

#[test]
fn regions_of_other_elements_are_drawn() {
    let (mut harness, info) = harness(gst_video::VideoFormat::I420, "");
    let mut frame = gst::Buffer::from_mut_slice(vec![99; info.size()]);
    let report = report(Status::Ok, 0, vec![detection(BOX, 1)]);
    detectionmeta::attach_detections(frame.get_mut().unwrap(), &report);
    let out = harness.push_and_pull(frame).unwrap();
    assert_eq!(samples(&out, &info, 40, 140), expected(&info, 1));
}

#[test]
fn all_detectors_and_all_regions_are_drawn_and_hold_for_themselves() {
    const SECOND: [f32; 4] = [220.0, 100.0, 300.0, 180.0];
    let (mut harness, info) = harness(gst_video::VideoFormat::I420, "");
    let mut edges_after = |ms, second: Status, found: Vec<_>| {
        let mut frame = buffer(info.size(), 99, &report(Status::Ok, ms, vec![detection(BOX, 1)]));
        let writable = frame.get_mut().unwrap();
        detectionmeta::attach(writable, report(second, ms, found));
        gst_video::VideoRegionOfInterestMeta::add(writable, "cup", (10, 200, 20, 20));
        let out = harness.push_and_pull(frame).unwrap();
        assert_ne!(samples(&out, &info, 10, 210), [99; 3], "the region of somebody else");
        [samples(&out, &info, 40, 140), samples(&out, &info, 220, 140)]
    };
    let both = [expected(&info, 1), expected(&info, 0)];
    assert_eq!(edges_after(0, Status::Ok, vec![detection(SECOND, 0)]), both);
    assert_eq!(edges_after(40, Status::Skipped, vec![]), both, "the second detector's box stays");
    assert_eq!(edges_after(80, Status::Trapped, vec![]), [expected(&info, 1), vec![99; 3]]);
}

#[test]
fn boxes_stay_while_frames_are_skipped_and_go_when_the_module_fails() {
    let (mut harness, info) = harness(gst_video::VideoFormat::I420, "");
    let mut edge_after = |status, ms, boxes| {
        let out = harness.push_and_pull(buffer(info.size(), 99, &report(status, ms, boxes))).unwrap();
        samples(&out, &info, 40, 140)
    };
    edge_after(Status::Ok, 0, vec![detection(BOX, 0)]);
    assert_eq!(edge_after(Status::Skipped, 40, vec![]), expected(&info, 0));
    assert_eq!(edge_after(Status::Trapped, 80, vec![]), [99; 3]);
    assert_eq!(edge_after(Status::Skipped, 120, vec![]), [99; 3]);
}

#[test]
fn a_failure_and_a_notice_stand_at_the_top_right() {
    for (properties, status, color) in
        [("", Status::Timeout, color::ALARM), ("notice=hello", Status::Ok, color::NOTICE)]
    {
        let (mut harness, info) = harness(gst_video::VideoFormat::I420, properties);
        let out = harness.push_and_pull(buffer(info.size(), 99, &report(status, 0, vec![]))).unwrap();
        let badge = ColorSpace::of(&info).samples(color);
        assert_eq!(samples(&out, &info, 319, 0), badge[..3]);
    }
}

#[test]
fn a_short_buffer_is_an_error_on_the_bus() {
    let (mut harness, info) = harness(gst_video::VideoFormat::I420, "");
    let bus = gst::Bus::new();
    harness.element().unwrap().set_bus(Some(&bus));
    let result = harness.push(buffer(info.size() / 2, 99, &report(Status::Ok, 0, vec![detection(BOX, 0)])));
    assert_eq!(result, Err(gst::FlowError::Error));
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else { panic!("an error") };
    let expected = "a buffer does not hold the 320x240 I420 frame that its caps announce";
    assert_eq!(error.error().message(), expected, "where applications look, not in the debug text");
}
