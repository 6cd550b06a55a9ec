//! Detections as GStreamer's own analytics meta.

use gst::glib;
use gst_analytics::{AnalyticsODMtd, AnalyticsRelationMeta, prelude::*};
use gst_video::VideoRegionOfInterestMeta;
use gstedgevision::detectionmeta::{self, Region};

use super::{
    common,
    passage::{BYTES, init, reported, through},
};

const EDGES: [f32; 4] = [40.0, 100.0, 200.0, 180.0];

/// Label, x, y, width, height and confidence of each entry.
fn entries(buffer: &gst::BufferRef) -> Vec<(String, [i32; 4], f32)> {
    let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else { return Vec::new() };
    let entry = |entry: gst_analytics::AnalyticsMtdRef<'_, AnalyticsODMtd>| {
        let place = entry.location().unwrap();
        let label = entry.obj_type().unwrap().as_str().to_string();
        (label, [place.x, place.y, place.w, place.h], place.loc_conf_lvl)
    };
    meta.iter::<AnalyticsODMtd>().map(entry).collect()
}

fn expected(rect: [i32; 4]) -> (String, [i32; 4], f32) {
    ("missing cap".to_owned(), rect, 0.9)
}

#[test]
fn each_detection_is_an_entry_with_the_id_of_its_region() {
    let mut frame = common::buffer(4, 0, &reported(EDGES));
    detectionmeta::attach(frame.get_mut().unwrap(), reported([1.0, 1.0, 3.0, 3.0]));
    assert_eq!(entries(&frame), [expected([40, 100, 160, 80]), expected([1, 1, 2, 2])], "of both detectors");
    assert_eq!(frame.iter_meta::<AnalyticsRelationMeta>().count(), 1);
    let meta = frame.meta::<AnalyticsRelationMeta>().unwrap();
    let ids: Vec<_> = meta.iter::<AnalyticsODMtd>().map(|entry| entry.id().cast_signed()).collect();
    let regions: Vec<_> = frame.iter_meta::<VideoRegionOfInterestMeta>().map(|region| region.id()).collect();
    assert_eq!(ids, regions);
    assert_eq!(detectionmeta::detections(&frame).len(), 2, "read once, not twice");
    assert_eq!(detectionmeta::foreign_detections(&frame), []);
}

#[test]
fn nothing_found_is_no_meta() {
    init();
    let empty = common::report(edgevision_wasm_host::analysis::Status::Ok, 0, vec![]);
    let frame = common::buffer(4, 0, &empty);
    assert!(frame.meta::<AnalyticsRelationMeta>().is_none());
}

#[test]
fn entries_of_others_are_read() {
    let mut frame = common::buffer(4, 0, &reported(EDGES));
    let mut meta = frame.get_mut().unwrap().meta_mut::<AnalyticsRelationMeta>().unwrap();
    meta.add_od_mtd(glib::Quark::from_str("cup"), -4, 6, 8, 10, 0.5).unwrap();
    let expected = Region {
        id: 1,
        label: "cup".to_owned(),
        confidence: Some(0.5),
        rect: (0, 6, 4, 10),
        ..Region::default()
    };
    assert_eq!(detectionmeta::foreign_detections(&frame), [expected]);
}

#[test]
fn entries_are_scaled_with_the_frame() {
    for (elements, rect) in [
        ("videoconvert ! video/x-raw,format=RGB", [40, 100, 160, 80]),
        ("videoscale ! video/x-raw,width=640,height=480", [80, 200, 320, 160]),
        ("videoscale ! video/x-raw,width=160,height=240", [20, 100, 80, 80]),
    ] {
        let sample = through(elements, common::buffer(BYTES, 99, &reported(EDGES)));
        assert_eq!(entries(sample.buffer().unwrap()), [expected(rect)], "{elements}");
        assert_eq!(detectionmeta::detections(sample.buffer().unwrap()).len(), 1, "{elements}");
    }
}

#[test]
fn gstreamers_own_overlay_draws_the_boxes() {
    init();
    if gst::ElementFactory::find("objectdetectionoverlay").is_none() {
        eprintln!("skipped: this GStreamer has no objectdetectionoverlay");
        return;
    }
    let elements =
        "videoconvert ! objectdetectionoverlay draw-labels=false ! videoconvert ! video/x-raw,format=GRAY8";
    let sample = through(elements, common::buffer(BYTES, 99, &reported(EDGES)));
    let data = sample.buffer().unwrap().map_readable().unwrap();
    let plain = data[5 * 320 + 5];
    let drawn = |x: usize, y: usize| {
        let near = |value: usize| value - 2..value + 3;
        near(y).any(|y| near(x).any(|x| data[y * 320 + x].abs_diff(plain) > 20))
    };
    for (x, y) in [(40, 140), (200, 140), (120, 100), (120, 180)] {
        assert!(drawn(x, y), "an edge at {x},{y}");
    }
    for (x, y) in [(120, 140), (20, 140), (220, 140), (120, 80), (120, 200), (300, 20)] {
        assert!(!drawn(x, y), "nothing at {x},{y}");
    }
}
