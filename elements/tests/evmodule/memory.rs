//! Where the bytes are: no copy by the host on the way in and on the way out.

use gst::prelude::*;

use super::support::{Bench, Wat, filter, guest, init, run};

fn stat(pipeline: &gst::Element, element: &str, name: &str) -> u64 {
    let element = pipeline.downcast_ref::<gst::Bin>().unwrap().by_name(element).unwrap();
    element.property::<gst::Structure>("stats").get(name).unwrap()
}

fn launch(description: &str) -> gst::Element {
    init();
    let long = "deadline=30000000000";
    let description = description
        .replace("GRAYSCALE", &format!("evmodule {long} module={}", guest("grayscale").display()))
        .replace(
            "DETECT",
            &format!(
                "evdetect {long} preprocess={} preprocess-params=\"{{\\\"width\\\":32,\\\"height\\\":32}}\"",
                guest("letterbox").display()
            ),
        );
    gst::parse::launch(&description).unwrap_or_else(|error| panic!("{description}: {error}"))
}

#[test]
fn sources_write_where_the_module_reads_and_its_output_is_read_in_place() {
    let pipeline = launch(
        "videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=320,height=240 ! GRAYSCALE name=a \
         ! GRAYSCALE name=b ! fakesink",
    );
    run(&pipeline);
    for name in ["a", "b"] {
        let seen = ["filtered", "in-place", "mapped", "copied", "bytes-copied"]
            .map(|field| stat(&pipeline, name, field));
        assert_eq!(seen, [20, 20, 0, 0, 0], "{name}");
    }
}

#[test]
fn a_detector_reads_the_output_in_place() {
    init();
    let probe = Wat::new("copy_plane");
    let checksum = Wat::new("checksum");
    let pipeline = launch(&format!(
        "videotestsrc num-buffers=20 ! video/x-raw,format=GRAY8,width=64,height=48 ! GRAYSCALE name=a \
         ! evdetect name=d deadline=30000000000 preprocess={} detector={} ! fakesink",
        probe.path().display(),
        checksum.path().display()
    ));
    run(&pipeline);
    assert_eq!(stat(&pipeline, "d", "analysed"), 20);
    assert_eq!(["in-place", "copied", "bytes-copied"].map(|field| stat(&pipeline, "d", field)), [20, 0, 0]);
}

#[test]
fn memory_of_others_is_copied_once() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), "format=I420,width=64,height=48");
    let frame = bench.frame(|_, x, y| (x + y).to_le_bytes()[0]);
    bench.through(frame);
    assert_eq!(["in-place", "copied", "bytes-copied"].map(|name| bench.stat(name)), [0, 1, 64 * 48 * 3 / 2]);
}

/// Downstream may hold as many frames as it likes: beyond the arena they are copies, and nobody waits.
#[test]
fn frames_that_are_never_given_back_do_not_stop_the_filter() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), "format=GRAY8,width=64,height=48");
    let slots = usize::try_from({
        let frame = bench.frame(|_, _, _| 0);
        bench.through(frame);
        bench.stat("slots")
    })
    .unwrap();
    let mut held = vec![];
    for count in 0..slots + 20 {
        let value = count.to_le_bytes()[0];
        let frame = bench.frame(|_, _, _| value);
        held.push((value, bench.through(frame)));
    }
    for (value, buffer) in &held {
        assert!(bench.visible(buffer)[0].iter().all(|byte| byte == value), "frame {value} was changed");
    }
    assert_eq!(bench.stat("starved"), 21, "all but one slot are held");
    drop(held);
    let starved = bench.stat("starved");
    let frame = bench.frame(|_, _, _| 9);
    bench.through(frame);
    assert_eq!(bench.stat("starved"), starved, "slots came back");
}

#[test]
fn decoded_frames_are_filtered_in_place() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/line3.mp4");
    let pipeline = launch(&format!(
        "filesrc location={sample} ! decodebin ! identity eos-after=21 ! GRAYSCALE name=a ! fakesink"
    ));
    run(&pipeline);
    let frames = stat(&pipeline, "a", "filtered");
    assert!(frames >= 20, "{frames} frames");
    assert_eq!((stat(&pipeline, "a", "in-place"), stat(&pipeline, "a", "bytes-copied")), (frames, 0));
}
