//! Where reports and regions are after an element, in numbers.

use gst_video::VideoRegionOfInterestMeta;
use gstedgevision::detectionmeta::{self, FrameReport};

use super::{
    common,
    passage::{BYTES, reported, through},
};

const EDGES: [f32; 4] = [40.0, 100.0, 200.0, 180.0];

fn frame() -> gst::Buffer {
    common::buffer(BYTES, 99, &reported(EDGES))
}

/// Report and region say the same about the one box, in pixels and in fractions.
#[track_caller]
fn assert_box(buffer: &gst::BufferRef, size: (u32, u32), edges: [f32; 4], name: &str) {
    let report = detectionmeta::report(buffer).unwrap_or_else(|| panic!("{name}: the report is gone"));
    assert_eq!((report.width, report.height), size, "{name}: size");
    assert_eq!(found(&report), edges, "{name}: report");

    let regions = detectionmeta::detections(buffer);
    assert_eq!(regions.len(), 1, "{name}: one region");
    let round = |value: f32| value.round() as u32;
    let [x0, y0, x1, y1] = edges.map(round);
    assert_eq!(regions[0].rect, (x0, y0, x1 - x0, y1 - y0), "{name}: region");
    assert_eq!((regions[0].label.as_str(), regions[0].label_id), ("missing cap", Some(1)), "{name}");
    assert_eq!(regions[0].confidence, Some(f64::from(0.9_f32)), "{name}");
    let [width, height] = [size.0, size.1].map(f64::from);
    let expected = [
        ("x_min", f64::from(edges[0]) / width),
        ("x_max", f64::from(edges[2]) / width),
        ("y_min", f64::from(edges[1]) / height),
        ("y_max", f64::from(edges[3]) / height),
    ];
    for (field, value) in expected {
        assert_eq!(fraction(buffer, field), value, "{name}: {field}");
    }
}

fn found(report: &FrameReport) -> [f32; 4] {
    let [found] = &report.analysis.detections[..] else { panic!("one detection") };
    [found.x0, found.y0, found.x1, found.y1]
}

fn fraction(buffer: &gst::BufferRef, field: &str) -> f64 {
    let region = buffer.meta::<VideoRegionOfInterestMeta>().unwrap();
    region.param("detection").unwrap().get(field).unwrap()
}

#[test]
fn elements_that_keep_the_picture_keep_the_boxes() {
    for elements in [
        "queue",
        "tee ! queue",
        "identity",
        "videorate ! video/x-raw,framerate=50/1",
        "videobalance saturation=0",
        "gamma gamma=2",
        "videoconvert ! video/x-raw,format=RGB",
        "videoconvert ! video/x-raw,format=NV12 ! videoconvert ! video/x-raw,format=GRAY8",
        "videocrop",
    ] {
        let sample = through(elements, frame());
        assert_box(sample.buffer().unwrap(), (320, 240), EDGES, elements);
    }
}

#[test]
fn scaling_scales_the_boxes() {
    for (elements, size, edges) in [
        ("videoscale ! video/x-raw,width=640,height=480", (640, 480), [80.0, 200.0, 400.0, 360.0]),
        ("videoscale ! video/x-raw,width=160,height=240", (160, 240), [20.0, 100.0, 100.0, 180.0]),
        ("videoscale ! video/x-raw,width=333,height=77", (333, 77), [41.625, 32.083_332, 208.125, 57.75]),
        (
            "videoconvertscale ! video/x-raw,format=RGB,width=160,height=120",
            (160, 120),
            [20.0, 50.0, 100.0, 90.0],
        ),
        (
            "videoscale ! video/x-raw,width=640,height=480 ! queue ! videoscale ! video/x-raw,width=160,height=120",
            (160, 120),
            [20.0, 50.0, 100.0, 90.0],
        ),
    ] {
        let sample = through(elements, frame());
        assert_box(sample.buffer().unwrap(), size, edges, elements);
    }
}

/// The box's edges in a picture that is white with black borders: `x0` is where the white begins.
#[test]
fn boxes_stay_on_the_picture_when_videoscale_adds_borders() {
    let whole = reported([0.0, 0.0, 320.0, 240.0]);
    for (shape, size, edges) in [
        ("width=480,height=240", (480, 240), [80.0, 0.0, 400.0, 240.0]),
        ("width=320,height=300", (320, 300), [0.0, 30.0, 320.0, 270.0]),
    ] {
        let elements = format!("videoscale ! video/x-raw,{shape},pixel-aspect-ratio=1/1");
        let sample = through(&elements, common::buffer(BYTES, 235, &whole));
        let out = sample.buffer().unwrap();
        assert_box(out, size, edges, &elements);

        let data = out.map_readable().unwrap();
        let luma = |x: usize, y: usize| data[y * size.0 as usize + x];
        let bright = |x: usize, y: usize| luma(x, y) > 128;
        let [x0, y0, x1, y1] = edges.map(|edge| edge as usize);
        assert!(bright(x0, y0) && bright(x1 - 1, y1 - 1), "{shape}: the picture is inside the box");
        assert!(x0 == 0 || !bright(x0 - 1, y0) && !bright(x1, y0), "{shape}: borders at its sides");
        assert!(y0 == 0 || !bright(x0, y0 - 1) && !bright(x0, y1), "{shape}: borders above and below");
    }
}

#[test]
fn copies_of_a_buffer_carry_everything() {
    super::passage::init();
    let frame = frame();
    let mut shared = frame.clone();
    shared.make_mut();
    for (name, copy) in
        [("deep", frame.copy_deep().unwrap()), ("shallow", frame.copy()), ("writable", shared)]
    {
        assert_ne!(copy.as_ptr(), frame.as_ptr(), "{name}");
        assert_box(&copy, (320, 240), EDGES, name);
    }
}

/// Nobody tells where the pixels went: a box in the wrong place would be worse than none.
#[test]
fn elements_that_move_pixels_unsaid_drop_the_boxes() {
    for elements in [
        "videocrop left=20 top=30",
        "videobox left=20 top=30",
        "videobox left=-20",
        "videoflip video-direction=90r",
        "videoflip video-direction=horiz",
    ] {
        let sample = through(elements, frame());
        assert!(detectionmeta::report(sample.buffer().unwrap()).is_none(), "{elements}");
        assert_eq!(detectionmeta::detections(sample.buffer().unwrap()), [], "{elements}");
    }
}

#[test]
fn what_others_know_about_a_region_survives_scaling() {
    let mut frame = frame();
    let mut region = frame.get_mut().unwrap().iter_meta_mut::<VideoRegionOfInterestMeta>().next().unwrap();
    region.set_parent_id(77);
    region.add_param(gst::Structure::builder("object_id").field("id", 12_i32).build());
    let sample = through("videoscale ! video/x-raw,width=640,height=480", frame);
    let region = &detectionmeta::detections(sample.buffer().unwrap())[0];
    assert_eq!((region.object_id, region.rect), (Some(12), (80, 200, 320, 160)));
    let meta = sample.buffer().unwrap().meta::<VideoRegionOfInterestMeta>().unwrap();
    assert_eq!(meta.parent_id(), 77);
}

#[test]
fn a_region_that_somebody_removed_does_not_come_back() {
    let mut frame = frame();
    frame.get_mut().unwrap().meta_mut::<VideoRegionOfInterestMeta>().unwrap().remove().unwrap();
    let sample = through("videoscale ! video/x-raw,width=640,height=480", frame);
    assert_eq!(sample.buffer().unwrap().iter_meta::<VideoRegionOfInterestMeta>().count(), 0);
    assert_eq!(detectionmeta::foreign_detections(sample.buffer().unwrap()), []);
    assert_eq!(found(&detectionmeta::report(sample.buffer().unwrap()).unwrap()), [80.0, 200.0, 400.0, 360.0]);
}

#[test]
fn two_detectors_in_a_row_are_both_scaled() {
    let mut frame = frame();
    detectionmeta::attach(frame.get_mut().unwrap(), reported([0.0, 0.0, 32.0, 24.0]));
    let sample = through("videoscale ! video/x-raw,width=640,height=480", frame);
    let buffer = sample.buffer().unwrap();
    let reports = detectionmeta::reports(buffer);
    assert_eq!(
        reports.iter().map(|report| found(report)).collect::<Vec<_>>(),
        [[80.0, 200.0, 400.0, 360.0], [0.0, 0.0, 64.0, 48.0]]
    );
    let rects: Vec<_> = detectionmeta::detections(buffer).iter().map(|region| region.rect).collect();
    assert_eq!(rects, [(80, 200, 320, 160), (0, 0, 64, 48)]);
}

#[test]
fn the_record_after_a_scaler_is_about_the_scaled_frame() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    through(
        &format!("videoscale ! video/x-raw,width=640,height=480 ! evpublish location={}", path.display()),
        frame(),
    );
    let record: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(record["resolution"], serde_json::json!({"width": 640, "height": 480}));
    let object = &record["objects"][0];
    assert_eq!([&object["x"], &object["y"], &object["w"], &object["h"]], [80, 200, 320, 160]);
    let edges = serde_json::json!({"x_min": 0.125, "y_min": 0.416667, "x_max": 0.625, "y_max": 0.75});
    assert_eq!(object["detection"]["bounding_box"], edges);
}
