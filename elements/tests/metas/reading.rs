//! What is written on a buffer, and what is read from what others have written.

use gst_video::VideoRegionOfInterestMeta;
use gstedgevision::detectionmeta::{self, Region};

use super::{
    common,
    passage::{init, reported},
};

fn add(buffer: &mut gst::Buffer, label: &str, params: Vec<gst::Structure>) {
    let mut region = VideoRegionOfInterestMeta::add(buffer.get_mut().unwrap(), label, (1, 2, 3, 4));
    for param in params {
        region.add_param(param);
    }
}

fn read(label: &str, params: Vec<gst::Structure>) -> Vec<Region> {
    let mut buffer = gst::Buffer::new();
    add(&mut buffer, label, params);
    assert_eq!(detectionmeta::foreign_detections(&buffer), detectionmeta::detections(&buffer));
    detectionmeta::detections(&buffer)
}

/// Field by field what `gvametaconvert`, `gvawatermark` and their friends ask for, with the types that they ask for.
#[test]
fn regions_have_the_form_of_dl_streamer() {
    init();
    let frame = common::buffer(4, 0, &reported([40.0, 100.0, 200.0, 180.0]));
    let region = frame.meta::<VideoRegionOfInterestMeta>().unwrap();
    assert_eq!((region.roi_type(), region.rect()), ("missing cap", (40, 100, 160, 80)));
    let detection = region.param("detection").unwrap();
    assert_eq!(detection.get::<&str>("label").unwrap(), "missing cap");
    assert_eq!(detection.get::<i32>("label_id").unwrap(), 1);
    assert_eq!(detection.get::<f64>("confidence").unwrap(), f64::from(0.9_f32));
    for (field, value) in [("x_min", 0.125), ("x_max", 0.625), ("y_min", 100.0 / 240.0), ("y_max", 0.75)] {
        assert_eq!(detection.get::<f64>(field).unwrap(), value, "{field}");
    }
    assert_eq!(region.params().count(), 1);
}

#[test]
fn the_regions_of_a_tracker_are_read() {
    init();
    let detection =
        gst::Structure::builder("detection").field("label_id", 7).field("confidence", 0.5).build();
    let object = gst::Structure::builder("object_id").field("id", 12).build();
    let expected = Region {
        label: "cup".to_owned(),
        label_id: Some(7),
        confidence: Some(0.5),
        rect: (1, 2, 3, 4),
        object_id: Some(12),
        ..Region::default()
    };
    assert_eq!(read("cup", vec![detection, object]), [expected]);
}

#[test]
fn regions_without_or_with_odd_parameters_are_read_as_far_as_they_go() {
    init();
    let bare = Region { label: "face".to_owned(), rect: (1, 2, 3, 4), ..Region::default() };
    assert_eq!(read("face", vec![]), std::slice::from_ref(&bare));
    let odd = gst::Structure::builder("detection").field("label_id", "seven").field("confidence", 3).build();
    assert_eq!(read("face", vec![odd]), std::slice::from_ref(&bare));
    let single = gst::Structure::builder("detection").field("confidence", 0.5_f32).build();
    assert_eq!(read("face", vec![single]), [Region { confidence: Some(0.5), ..bare }]);
}

#[test]
fn a_hint_for_an_encoder_is_no_detection() {
    init();
    let hint = || gst::Structure::builder("roi/x264enc").field("delta-qp", -0.5_f32).build();
    assert_eq!(read("face", vec![hint()]), []);
    let detection = gst::Structure::new_empty("detection");
    assert_eq!(read("face", vec![hint(), detection]).len(), 1, "unless it is both");
}

#[test]
fn a_region_without_a_type_is_read() {
    init();
    let mut buffer = gst::Buffer::new();
    // SAFETY: a writable buffer; a type of 0 is what `gst_buffer_add_video_region_of_interest_meta` makes of NULL.
    unsafe {
        let buffer = buffer.get_mut().unwrap().as_mut_ptr();
        gst_video::ffi::gst_buffer_add_video_region_of_interest_meta_id(buffer, 0, 1, 2, 3, 4);
    }
    assert_eq!(detectionmeta::detections(&buffer)[0].label, "");
}

#[test]
fn reports_of_several_detectors_stay_apart() {
    init();
    let mut frame = common::buffer(4, 0, &reported([40.0, 100.0, 200.0, 180.0]));
    add(&mut frame, "cup", vec![]);
    let mut second = (*reported([1.0, 1.0, 2.0, 2.0])).clone();
    second.model = Some("second@00000000".into());
    detectionmeta::attach(frame.get_mut().unwrap(), second.into());

    let models: Vec<_> = detectionmeta::reports(&frame).iter().map(|report| report.model.clone()).collect();
    assert_eq!(models, [None, Some("second@00000000".into())]);
    assert_eq!(detectionmeta::report(&frame).unwrap().model, models[1], "the last one");
    let regions = detectionmeta::detections(&frame);
    let names: Vec<_> = regions.iter().map(|region| region.model_name.as_deref()).collect();
    assert_eq!(names, [None, None, Some("second@00000000")]);
    assert!(regions[0].id != regions[2].id && regions[2].id != 0);
    assert_eq!(detectionmeta::foreign_detections(&frame), regions[1..2]);
}
