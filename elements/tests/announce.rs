//! `evpublish` towards the application: bus messages, the signal, and detections of other people's elements.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::{
    fs,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use common::{buffer, detection, evpublish, report};
use edgevision_wasm_host::analysis::Status;
use gst::{glib, prelude::*};
use gst_check::Harness;
use gst_video::VideoRegionOfInterestMeta;

fn two_boxes() -> gst::Buffer {
    let boxes = vec![detection([32.0, 24.0, 64.0, 48.0], 1), detection([0.0, 0.0, 320.0, 240.0], 7)];
    let mut buffer = buffer(16, 0, &report(Status::Ok, 80, boxes));
    buffer.get_mut().unwrap().set_duration(gst::ClockTime::from_mseconds(40));
    buffer
}

/// Label, box and parameter of a region.
type Region<'a> = (&'a str, (u32, u32, u32, u32), Option<gst::Structure>);

/// A frame as another detector leaves it.
fn foreign(regions: &[Region<'_>]) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![0; 16]);
    let content = buffer.get_mut().unwrap();
    content.set_pts(gst::ClockTime::from_mseconds(40));
    for (label, rect, param) in regions {
        let mut region = VideoRegionOfInterestMeta::add(content, label, *rect);
        if let Some(param) = param {
            region.add_param(param.clone());
        }
    }
    buffer
}

fn with_bus(harness: &Harness) -> gst::Bus {
    let bus = gst::Bus::new();
    harness.element().unwrap().set_bus(Some(&bus));
    bus
}

fn record(structure: &gst::StructureRef) -> serde_json::Value {
    serde_json::from_str(structure.get("record").unwrap()).unwrap()
}

fn check_two_boxes(structure: &gst::StructureRef) {
    assert_eq!(structure.name(), "edgevision-detections");
    assert_eq!(structure.get::<String>("camera").unwrap(), "line3");
    assert_eq!(structure.get::<String>("status").unwrap(), "ok");
    for (field, value) in [
        ("seq", 2),
        ("pts", 80_000_000),
        ("duration", 40_000_000),
        ("stream-time", 80_000_000),
        ("running-time", 80_000_000),
    ] {
        assert_eq!(structure.get::<u64>(field).unwrap(), value, "{field}");
    }
    let size = (structure.get::<u32>("width").unwrap(), structure.get::<u32>("height").unwrap());
    assert_eq!(size, (320, 240));
    let objects = structure.get::<gst::List>("objects").unwrap();
    let objects: Vec<gst::Structure> = objects.iter().map(|object| object.get().unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0].get::<String>("label").unwrap(), "missing cap");
    assert_eq!(objects[0].get::<u32>("label_id").unwrap(), 1);
    assert_eq!(["x", "y", "w", "h"].map(|side| objects[0].get::<u32>(side).unwrap()), [32, 24, 32, 24]);
    assert!((objects[1].get::<f64>("confidence").unwrap() - 0.9).abs() < 1e-9);
    assert_eq!(record(structure)["objects"][0]["roi_type"], "missing cap");
}

#[test]
fn messages_carry_the_record_and_its_basics() {
    let mut harness = evpublish("location=\"\" post-messages=true");
    let bus = with_bus(&harness);
    harness.push(two_boxes()).unwrap();
    let message = bus.pop_filtered(&[gst::MessageType::Element]).unwrap();
    assert_eq!(message.src().unwrap(), harness.element().unwrap().upcast_ref::<gst::Object>());
    check_two_boxes(message.structure().unwrap());
    assert!(bus.pop_filtered(&[gst::MessageType::Element]).is_none(), "one record, one message");
}

#[test]
fn no_messages_unless_asked_for() {
    let mut harness = evpublish("location=\"\"");
    let bus = with_bus(&harness);
    harness.push(two_boxes()).unwrap();
    assert!(bus.pop_filtered(&[gst::MessageType::Element]).is_none());
}

#[test]
fn the_signal_comes_from_the_streaming_thread_before_the_frame_leaves() {
    let mut harness = evpublish("location=\"\"");
    let (sender, received) = mpsc::channel();
    harness.element().unwrap().connect_closure(
        "new-detections",
        false,
        glib::closure!(|element: gst::Element, buffer: gst::Buffer, detections: gst::Structure| {
            // The handler may ask for what it likes: no lock is held.
            let stats = element.property::<gst::Structure>("stats");
            sender.send((thread::current().id(), buffer.as_ptr() as usize, detections, stats)).unwrap();
        }),
    );
    let sent = two_boxes();
    let address = sent.as_ptr() as usize;
    harness.push(sent).unwrap();
    let (thread, buffer, detections, stats) = received.try_recv().unwrap();
    // A harness pushes from the test's own thread.
    assert_eq!((thread, buffer), (thread::current().id(), address));
    assert_eq!(stats.get::<u64>("records").unwrap(), 1);
    check_two_boxes(&detections);
    let mut out = harness.pull().unwrap();
    assert!(out.get_mut().is_some(), "nothing of the signal holds on to the frame");
}

#[test]
fn the_signal_can_be_switched_off_while_it_plays() {
    let mut harness = evpublish("location=\"\"");
    let element = harness.element().unwrap();
    let count = Arc::new(Mutex::new(0));
    let counter = count.clone();
    element.connect("new-detections", false, move |_| {
        *counter.lock().unwrap() += 1;
        None
    });
    for (emit, expected) in [(true, 1), (false, 1), (true, 2)] {
        element.set_property("emit-signals", emit);
        harness.push(two_boxes()).unwrap();
        assert_eq!(*count.lock().unwrap(), expected, "emit-signals={emit}");
    }
}

#[test]
fn skipped_frames_are_told_of_nowhere_unless_asked_for() {
    for (properties, expected) in [("", 0), ("skipped=true", 1)] {
        let mut harness = evpublish(&format!("location=\"\" post-messages=true {properties}"));
        let bus = with_bus(&harness);
        harness.push(buffer(16, 0, &report(Status::Skipped, 0, vec![]))).unwrap();
        let told = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Element])).count();
        assert_eq!(told, expected, "{properties}");
    }
}

#[test]
fn times_are_those_of_the_segment() {
    let mut harness = evpublish("location=\"\" post-messages=true");
    let bus = with_bus(&harness);
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_rate(2.0);
    segment.set_start(gst::ClockTime::from_mseconds(40));
    segment.set_time(gst::ClockTime::from_seconds(5));
    segment.set_base(gst::ClockTime::from_seconds(1));
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    harness.push(two_boxes()).unwrap();
    let mut untimed = two_boxes();
    untimed.get_mut().unwrap().set_pts(gst::ClockTime::NONE);
    harness.push(untimed).unwrap();
    let times = || {
        let message = bus.pop_filtered(&[gst::MessageType::Element]).unwrap();
        let structure = message.structure().unwrap();
        ["pts", "stream-time", "running-time"]
            .map(|field| structure.get::<Option<gst::ClockTime>>(field).unwrap())
    };
    let ms = |ms| Some(gst::ClockTime::from_mseconds(ms));
    assert_eq!(times(), [ms(80), ms(5_040), ms(1_020)]);
    assert_eq!(times(), [None; 3]);
}

#[test]
fn detections_of_other_elements_are_published_as_far_as_they_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.jsonl");
    let mut harness = evpublish(&format!("location={} camera=gate", path.display()));
    let car = gst::Structure::builder("detection").field("label_id", 3_i32).field("confidence", 0.25).build();
    let hint = gst::Structure::builder("roi/x264enc").field("delta-qp", -0.5_f32).build();
    harness.push(foreign(&[])).unwrap();
    harness.push(foreign(&[("car", (1, 1, 2, 3), Some(car))])).unwrap();
    harness.push(foreign(&[("sharp", (0, 0, 4, 4), Some(hint))])).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let mut records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let record = records.pop().unwrap();
    assert!(records.is_empty(), "frames without detections leave none: nobody knows who saw them");
    let time = record["system_timestamp"].as_str().unwrap();
    assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{time}");
    let expected = serde_json::json!({
        "camera": "gate", "seq": 1, "timestamp": 40_000_000, "system_timestamp": time,
        "resolution": {"width": 4, "height": 4}, "status": "ok",
        "objects": [{
            "detection": {
                "bounding_box": {"x_min": 0.25, "y_min": 0.25, "x_max": 0.75, "y_max": 1.0},
                "confidence": 0.25, "label": "car", "label_id": 3,
            },
            "x": 1, "y": 1, "w": 2, "h": 3, "roi_type": "car",
        }],
        "latency_ms": null, "model": null, "engine": null, "modules": [], "transfer": null,
    });
    assert_eq!(record, expected);
}
