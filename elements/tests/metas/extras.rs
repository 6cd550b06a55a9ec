//! Landmarks, attributes and tensors on a buffer, and after elements that convert and scale it.

use std::sync::Arc;

use edgevision_wasm_host::{
    analysis::Status,
    extras::{Attribute, Extras, Landmark, LandmarkScheme, Landmarks, Tensor},
    nn::DType,
};
use gst::glib;
use gst_video::VideoRegionOfInterestMeta;
use gstedgevision::detectionmeta;

use super::{
    common,
    passage::{BYTES, init, through},
};

/// A box of 160 x 80 at 40, 100 in a frame of 320 x 240, with points at its centre and right of it.
fn frame() -> gst::Buffer {
    init();
    let mut found = common::detection([40.0, 100.0, 200.0, 180.0], 1);
    let point = |x, y, confidence| Landmark { x, y, confidence };
    let scheme = LandmarkScheme { names: vec!["tip".into(), "base".into()], edges: vec![[1, 0]] };
    let points = vec![point(120.0, 140.0, Some(0.5)), point(240.0, 100.0, Some(1.0))];
    let attribute =
        Attribute { name: "colour".into(), label: "red".into(), label_id: Some(3), confidence: Some(0.25) };
    let tensor = Tensor { name: "mask".into(), dtype: DType::U8, dims: [1, 2].into(), data: [7, 9].into() };
    found.extras = Some(Arc::new(Extras {
        landmarks: Some(Landmarks { points, scheme: scheme.into() }),
        attributes: vec![attribute],
        tensors: vec![tensor],
    }));
    common::buffer(BYTES, 99, &common::report(Status::Ok, 0, vec![found]))
}

fn points(buffer: &gst::BufferRef) -> Vec<(f32, f32)> {
    let report = detectionmeta::report(buffer).unwrap();
    let extras = report.analysis.detections[0].extras.clone().unwrap();
    extras.landmarks.as_ref().unwrap().points.iter().map(|point| (point.x, point.y)).collect()
}

fn numbers<T: for<'v> glib::value::FromValue<'v> + Copy>(param: &gst::StructureRef, field: &str) -> Vec<T> {
    let array = param.get::<gst::Array>(field).unwrap();
    array.iter().map(|value| value.get().unwrap()).collect()
}

fn bytes(param: &gst::StructureRef) -> Vec<u8> {
    param.get::<glib::Variant>("data_buffer").unwrap().fixed_array::<u8>().unwrap().to_vec()
}

/// Field by field what `GVA::Tensor` and `gvametaconvert` ask for, with the types that they ask for.
#[track_caller]
fn assert_params(buffer: &gst::BufferRef, name: &str) {
    let region = buffer.meta::<VideoRegionOfInterestMeta>().unwrap();
    let names: Vec<_> = region.params().map(|param| param.name().to_string()).collect();
    assert_eq!(names, ["detection", "keypoints", "attribute", "tensor"], "{name}");

    let keypoints = region.param("keypoints").unwrap();
    assert_eq!(keypoints.get::<&str>("format").unwrap(), "keypoints");
    assert_eq!(
        (keypoints.get::<i32>("precision").unwrap(), keypoints.get::<i32>("layout").unwrap()),
        (10, 0)
    );
    assert_eq!(numbers::<u32>(keypoints, "dims"), [2, 2]);
    let expected = [0.5_f32, 0.5, 1.25, 0.0].map(f32::to_ne_bytes).concat();
    assert_eq!(bytes(keypoints), expected, "{name}: relative to the box");
    assert_eq!(numbers::<f32>(keypoints, "confidence"), [0.5, 1.0]);
    let texts = |field| -> Vec<String> {
        keypoints.get::<gst::Array>(field).unwrap().iter().map(|text| text.get().unwrap()).collect()
    };
    assert_eq!(
        (texts("point_names"), texts("point_connections")),
        (vec!["tip".into(), "base".into()], vec!["base".into(), "tip".into()],)
    );

    let attribute = region.param("attribute").unwrap();
    assert_eq!(attribute.get::<&str>("attribute_name").unwrap(), "colour");
    assert_eq!(attribute.get::<&str>("label").unwrap(), "red");
    assert_eq!(
        (attribute.get::<i32>("label_id").unwrap(), attribute.get::<f64>("confidence").unwrap()),
        (3, 0.25)
    );

    let tensor = region.param("tensor").unwrap();
    assert_eq!(
        (tensor.get::<&str>("layer_name").unwrap(), tensor.get::<i32>("precision").unwrap()),
        ("mask", 40)
    );
    assert_eq!((numbers::<u32>(tensor, "dims"), bytes(tensor)), (vec![1, 2], vec![7, 9]));
}

#[test]
fn extras_are_parameters_of_their_region() {
    assert_params(&frame(), "as attached");
    assert_eq!(points(&frame()), [(120.0, 140.0), (240.0, 100.0)]);
}

#[test]
fn extras_follow_their_frame() {
    for (elements, expected) in [
        ("queue ! tee ! queue", [(120.0, 140.0), (240.0, 100.0)]),
        ("videoconvert ! video/x-raw,format=RGB", [(120.0, 140.0), (240.0, 100.0)]),
        (
            "videoscale ! video/x-raw,width=640,height=120,pixel-aspect-ratio=1/4",
            [(240.0, 70.0), (480.0, 50.0)],
        ),
        (
            "videoscale ! video/x-raw,width=480,height=240,pixel-aspect-ratio=1/1",
            [(200.0, 140.0), (320.0, 100.0)],
        ),
    ] {
        let sample = through(elements, frame());
        assert_eq!(points(sample.buffer().unwrap()), expected, "{elements}");
        assert_params(sample.buffer().unwrap(), elements);
    }
}
