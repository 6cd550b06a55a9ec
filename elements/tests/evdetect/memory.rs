//! Where the pixels are: written in place by decoders, mapped, or copied once.

use std::path::PathBuf;

use edgevision_wasm_host::frame::Transfer;
use gst::prelude::*;

use super::support::{Bench, Frame, Module, assert_whole, init};

const SINK: &str = "fakesink name=s sync=false qos=false";
/// Decoders get their pool a few frames after they have begun.
const WARM_UP: usize = 8;

fn has(element: &str) -> bool {
    init();
    let found = gst::ElementFactory::find(element).is_some();
    if !found {
        println!("skipped: no element {element}");
    }
    found
}

/// A clip made by this GStreamer.
fn clip(dir: &tempfile::TempDir, name: &str, encode: &str, size: &str, frames: usize) -> PathBuf {
    init();
    let path = dir.path().join(name);
    let text = format!(
        "videotestsrc num-buffers={frames} pattern=ball ! video/x-raw,format=I420,{size},framerate=25/1 ! \
         {encode} ! filesink location={}",
        path.display()
    );
    let pipeline = gst::parse::launch(&text).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = pipeline.bus().unwrap();
    let message = bus.timed_pop_filtered(super::support::PATIENCE, &kinds).expect("the encoder hangs");
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    pipeline.set_state(gst::State::Null).unwrap();
    path
}

fn decode(clip: &std::path::Path, decoder: &str, detect: &str) -> (Bench, Vec<Frame>) {
    let module = Module::plain();
    let text = format!("filesrc location={} ! {decoder} ! DETECT {detect} ! {SINK}", clip.display());
    let bench = Bench::new(&text, &module.path());
    let frames = bench.run();
    (bench, frames)
}

#[track_caller]
fn assert_in_place(bench: &Bench, frames: &[Frame], count: usize) {
    assert_whole(frames, count);
    let late: Vec<u64> =
        frames.iter().skip(WARM_UP).filter(|f| !f.is_in_place()).map(|f| f.report.seq).collect();
    assert!(late.is_empty(), "not in place: {late:?}");
    let copied = frames.iter().filter(|frame| frame.report.transfer == Some(Transfer::Copied)).count();
    assert_eq!(bench.stat("copied"), copied as u64);
    assert_eq!(bench.stat("in-place"), (count - copied) as u64);
}

#[test]
fn videotestsrc_writes_every_frame_in_place() {
    for format in ["I420", "NV12", "RGB", "BGR", "GRAY8"] {
        let module = Module::plain();
        let bench = Bench::new(
            &format!(
                "videotestsrc num-buffers=30 ! video/x-raw,format={format},width=322,height=242 ! DETECT ! {SINK}"
            ),
            &module.path(),
        );
        let frames = bench.run();
        assert_in_place(&bench, &frames, 30);
        assert_eq!(bench.stat("bytes-copied"), 0, "{format}");
        assert!(frames.iter().all(Frame::is_in_place), "{format}");
    }
}

#[test]
fn a_capsfilter_and_a_queue_in_front_change_nothing() {
    let module = Module::plain();
    let bench = Bench::new(
        &format!(
            "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=320,height=240 ! queue max-size-buffers=4 ! identity ! DETECT ! {SINK}"
        ),
        &module.path(),
    );
    let frames = bench.run();
    assert_in_place(&bench, &frames, 30);
    assert_eq!(bench.stat("bytes-copied"), 0);
}

#[test]
fn behind_a_tee_frames_are_at_most_copied_once() {
    let module = Module::plain();
    let bench = Bench::new(
        &format!(
            "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=320,height=240 ! tee name=t \
             t. ! queue ! DETECT ! {SINK} t. ! queue ! fakesink sync=false"
        ),
        &module.path(),
    );
    let frames = bench.run();
    assert_whole(&frames, 30);
    assert_eq!(bench.stat("in-place") + bench.stat("copied"), 30);
    assert_eq!(bench.stat("bytes-copied"), bench.stat("copied") * 320 * 240 * 3 / 2);
}

#[test]
fn metas_reach_all_branches_without_copying_pixels() {
    let module = Module::plain();
    let bench = Bench::new(
        &format!(
            "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=320,height=240 ! DETECT ! tee name=t \
             t. ! queue ! identity ! {SINK} t. ! queue ! fakesink sync=false"
        ),
        &module.path(),
    );
    let frames = bench.run();
    assert_in_place(&bench, &frames, 30);
    assert_eq!(bench.stat("bytes-copied"), 0);
}

#[test]
fn h264_is_decoded_in_place_and_aliasing_changes_no_bit() {
    if !has("x264enc") || !has("avdec_h264") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let encode = "x264enc bframes=3 ref=4 key-int-max=25 ! h264parse ! matroskamux";
    let clip = clip(&dir, "h264.mkv", encode, "width=640,height=362", 100);
    assert_identical_without_aliasing(&clip, "matroskademux ! h264parse ! avdec_h264", 100);
}

#[test]
fn h265_is_decoded_in_place_and_aliasing_changes_no_bit() {
    if !has("x265enc") || !has("avdec_h265") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let encode = "x265enc speed-preset=ultrafast ! h265parse ! matroskamux";
    let clip = clip(&dir, "h265.mkv", encode, "width=320,height=240", 60);
    assert_identical_without_aliasing(&clip, "matroskademux ! h265parse ! avdec_h265", 60);
}

#[test]
fn mjpeg_is_decoded_in_place_and_aliasing_changes_no_bit() {
    if !has("avdec_mjpeg") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let clip = clip(&dir, "mjpeg.mkv", "jpegenc ! matroskamux", "width=640,height=360", 60);
    assert_identical_without_aliasing(&clip, "matroskademux ! avdec_mjpeg ! videoconvert", 60);
}

#[track_caller]
fn assert_identical_without_aliasing(clip: &std::path::Path, decoder: &str, count: usize) {
    let (aliased, frames) = decode(clip, decoder, "policy=every alias-memory=true");
    assert_in_place(&aliased, &frames, count);
    let (plain, reference) = decode(clip, decoder, "policy=every alias-memory=false");
    assert_whole(&reference, count);
    let hashes = |frames: &[Frame]| frames.iter().map(|frame| (frame.pts, frame.hash)).collect::<Vec<_>>();
    assert_eq!(hashes(&frames), hashes(&reference));
    println!(
        "{decoder}: {} B copied with aliases, {} B without",
        aliased.stat("bytes-copied"),
        plain.stat("bytes-copied")
    );
}

#[test]
fn jpegdec_delivers_what_it_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let clip = clip(&dir, "mjpeg.mkv", "jpegenc ! matroskamux", "width=322,height=242", 30);
    let (bench, frames) = decode(&clip, "matroskademux ! jpegdec", "policy=every");
    assert_whole(&frames, 30);
    println!("jpegdec: {} in place, {} copied", bench.stat("in-place"), bench.stat("copied"));
    assert_in_place(&bench, &frames, 30);
}

#[test]
fn odd_sizes_in_every_format() {
    for size in [(1, 1), (17, 13), (3, 1), (1, 5)] {
        for format in ["I420", "NV12", "RGB", "BGR", "GRAY8"] {
            let module = Module::plain();
            let caps = format!("video/x-raw,format={format},width={},height={}", size.0, size.1);
            let text = format!("videotestsrc num-buffers=4 pattern=snow ! {caps} ! DETECT ! {SINK}");
            let bench = Bench::new(&text, &module.path());
            assert_whole(&bench.run(), 4);
            // The same without our pool: the layout comes from the caps, the frame is copied.
            let text = format!(
                "videotestsrc num-buffers=4 pattern=snow ! {caps} ! identity drop-allocation=true ! DETECT ! {SINK}"
            );
            let bench = Bench::new(&text, &module.path());
            assert_whole(&bench.run(), 4);
            assert_eq!(bench.stat("copied"), 4);
        }
    }
}
