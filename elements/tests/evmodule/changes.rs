//! What changes in mid-stream, and what must not change.

use gst::prelude::*;

use super::support::{Bench, filter, guest};

fn noise(plane: u32, x: usize, y: usize) -> u8 {
    (x * 3 + y * 5 + plane as usize * 7).to_le_bytes()[0] | 1
}

#[test]
fn caps_change_between_two_frames() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), "format=I420,width=64,height=48");
    let caps = [
        "format=NV12,width=17,height=13",
        "format=RGB,width=1920,height=1080",
        "format=GRAY8,width=1,height=1",
        "format=I420,width=64,height=48",
    ];
    for caps in caps {
        bench.change_caps(caps);
        for _ in 0..2 {
            let frame = bench.frame(noise);
            let size = frame.size();
            assert_eq!(bench.through(frame).size(), size, "{caps}");
        }
    }
    assert_eq!((bench.stat("filtered"), bench.warnings().len()), (8, 0));
}

#[test]
fn timestamps_flags_and_metas_leave_as_they_came() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), "format=I420,width=64,height=48");
    let mut frame = bench.frame(noise);
    let content = frame.get_mut().unwrap();
    let ms = gst::ClockTime::from_mseconds;
    content.set_pts(ms(120));
    content.set_dts(ms(80));
    content.set_duration(ms(40));
    content.set_offset(7);
    content.set_offset_end(8);
    content.set_flags(gst::BufferFlags::DELTA_UNIT | gst::BufferFlags::CORRUPTED);
    let mut region = gst_video::VideoRegionOfInterestMeta::add(content, "bottle", (1, 2, 3, 4));
    region.add_param(gst::Structure::builder("detection").field("confidence", 0.5).build());
    let reference: gst::Caps = "timestamp/x-unix".parse().unwrap();
    gst::ReferenceTimestampMeta::add(content, &reference, ms(5), gst::ClockTime::NONE);
    let output = bench.through(frame);
    assert_eq!((output.pts(), output.dts(), output.duration()), (Some(ms(120)), Some(ms(80)), Some(ms(40))));
    assert_eq!((output.offset(), output.offset_end()), (7, 8));
    assert!(output.flags().contains(gst::BufferFlags::DELTA_UNIT | gst::BufferFlags::CORRUPTED));
    let region = output.meta::<gst_video::VideoRegionOfInterestMeta>().unwrap();
    assert_eq!((region.roi_type(), region.rect(), region.params().count()), ("bottle", (1, 2, 3, 4), 1));
    assert_eq!(output.meta::<gst::ReferenceTimestampMeta>().unwrap().timestamp(), ms(5));
}

/// A meta that holds the frame as it came in would let it out beside the filtered one.
#[test]
fn no_meta_carries_the_input_along() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), "format=I420,width=64,height=48");
    let (original, mut frame) = (bench.frame(noise), bench.frame(noise));
    gst::ParentBufferMeta::add(frame.get_mut().unwrap(), &original);
    let output = bench.through(frame);
    assert!(output.meta::<gst::ParentBufferMeta>().is_none());
}

#[test]
fn frames_without_a_timestamp_pass() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), "format=I420,width=64,height=48");
    let frame = bench.frame(noise);
    assert_eq!(bench.through(frame).pts(), None);
    assert_eq!(bench.stat("filtered"), 1);
}

/// The pixels of a whole grey frame after a mask that covers all of it.
fn masked_with(bench: &mut Bench) -> u8 {
    let frame = bench.frame(|_, _, _| 77);
    let output = bench.through(frame);
    let bytes = bench.visible(&output).concat();
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    bytes[0]
}

fn cover(color: &str) -> String {
    format!(r#"{{"polygons":[[[0,0],[1,0],[1,1],[0,1]]],"color":"{color}"}}"#)
}

#[test]
fn parameters_and_modules_change_between_two_frames() {
    let mask = guest("privacy-mask");
    let mut bench = Bench::new(filter(&mask, &cover("#ffffff")), "format=GRAY8,width=16,height=16");
    assert_eq!(masked_with(&mut bench), 255);
    bench.element.set_property("params", cover("#808080"));
    assert_eq!(masked_with(&mut bench), 128);
    bench.element.set_property("params", r#"{"polygons":[]}"#);
    assert_eq!([masked_with(&mut bench), masked_with(&mut bench)], [128, 128], "the mask of before goes on");
    let warnings = bench.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(
        warnings[0].starts_with("the change is refused, the module of before goes on: module privacy-mask: ")
    );
    bench.element.set_property("params", "");
    bench.element.set_property("module", guest("grayscale").to_str().unwrap());
    assert_eq!((masked_with(&mut bench), bench.warnings().len()), (77, 0));
    bench.element.set_property("on-error", gstedgevision::evmodule::OnError::Pass);
    assert_eq!(masked_with(&mut bench), 77);
}

#[test]
fn the_element_starts_again_and_remembers_what_it_has_done() {
    super::support::init();
    let description = format!(
        "videotestsrc num-buffers=7 ! video/x-raw,width=64,height=48 ! evmodule name=m deadline=30000000000 module={} \
         ! fakesink",
        guest("grayscale").display()
    );
    let pipeline = gst::parse::launch(&description).unwrap();
    let element = pipeline.downcast_ref::<gst::Bin>().unwrap().by_name("m").unwrap();
    for _ in 0..2 {
        super::support::run(&pipeline);
        let stats = element.property::<gst::Structure>("stats");
        assert_eq!(stats.get::<u64>("filtered").unwrap(), 7, "counted from the start");
    }
}

/// A part of a larger picture, as videocrop leaves it: the output is that part, and no crop is left to be done.
#[test]
fn a_crop_is_done_in_the_output() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), "format=GRAY8,width=16,height=8");
    let mut buffer =
        gst::Buffer::from_mut_slice((0..64 * 32).map(|i: usize| i.to_le_bytes()[0]).collect::<Vec<_>>());
    let content = buffer.get_mut().unwrap();
    let flags = gst_video::VideoFrameFlags::empty();
    gst_video::VideoMeta::add(content, flags, gst_video::VideoFormat::Gray8, 64, 32).unwrap();
    gst_video::VideoCropMeta::add(content, (4, 2, 16, 8));
    let output = bench.through(buffer);
    let expected: Vec<u8> =
        (2..10).flat_map(|y| (4..20).map(move |x: usize| (y * 64 + x).to_le_bytes()[0])).collect();
    assert_eq!(bench.visible(&output), [expected]);
    assert!(output.meta::<gst_video::VideoCropMeta>().is_none());
}
