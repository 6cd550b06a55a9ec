//! Where the pixels are: written in place by decoders, mapped, or copied once.

use std::{collections::BTreeMap, os::fd::IntoRawFd, path::PathBuf};

use edgevision_wasm_host::{analysis::Status, frame::Transfer};
use gst::prelude::*;
use gst_allocators::prelude::*;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

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

/// Regions are GStreamer's own metas, and its converters treat them as they do.
#[test]
fn reports_survive_what_changes_the_pixels() {
    for filter in [
        "videoconvert ! video/x-raw,format=NV12",
        "videoconvert ! video/x-raw,format=RGB",
        "videoscale ! video/x-raw,width=160,height=120",
        "videoflip method=horizontal-flip",
    ] {
        let module = Module::plain();
        let source = "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=320,height=240";
        let bench = Bench::new(&format!("{source} ! DETECT ! {filter} ! {SINK}"), &module.path());
        let frames = bench.run();
        assert_eq!(frames.len(), 3);
        println!("{filter}: {:?}", frames[0].regions);
        assert!(frames.iter().all(|frame| frame.report.analysis.detections.len() == 1), "{filter}");
    }
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

/// A detector behind a pad of ours, in I420 of 16x16.
struct Rig {
    harness: gst_check::Harness,
    _module: Module,
}

const BYTES: usize = 16 * 16 * 3 / 2;

impl Rig {
    fn new() -> Self {
        init();
        let module = Module::plain();
        let path = module.path();
        let element = gst::ElementFactory::make("evdetect").property("preprocess", path.to_str().unwrap());
        let element = element.property_from_str("policy", "every").build().unwrap();
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_src_caps_str("video/x-raw,format=I420,width=16,height=16,framerate=25/1");
        Self { harness, _module: module }
    }

    fn pass(&mut self, buffer: gst::Buffer) -> (gst::Buffer, Status, Option<Transfer>, u32) {
        let buffer = self.harness.push_and_pull(buffer).unwrap();
        let report = gstedgevision::detectionmeta::report(&buffer).unwrap();
        let analysis = &report.analysis;
        let seen = analysis.detections.first().map_or(0, |detection| detection.class_id);
        (buffer, analysis.status, report.transfer, seen)
    }
}

fn pixels() -> Vec<u8> {
    (0..=250u8).cycle().step_by(7).take(BYTES).collect()
}

fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619))
}

#[test]
fn a_frame_in_several_memories_is_copied() {
    let mut rig = Rig::new();
    let mut buffer = gst::Buffer::new();
    for part in pixels().chunks(100) {
        buffer.get_mut().unwrap().append_memory(gst::Memory::from_slice(part.to_vec()));
    }
    let (_, status, transfer, seen) = rig.pass(buffer);
    assert_eq!((status, transfer, seen), (Status::Ok, Some(Transfer::Copied), hash(&pixels())));
}

#[test]
fn a_buffer_too_short_for_its_caps_passes_un_analysed() {
    let mut rig = Rig::new();
    let (_, status, transfer, _) = rig.pass(gst::Buffer::from_slice(vec![0; BYTES - 1]));
    assert_eq!((status, transfer), (Status::Skipped, None));
    let (_, status, ..) = rig.pass(gst::Buffer::from_slice(pixels()));
    assert_eq!(status, Status::Ok);
}

fn memfd(seals: SealFlags) -> gst::Buffer {
    let fd = memfd_create("foreign", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&fd, 4096).unwrap();
    rustix::io::pwrite(&fd, &pixels(), 128).unwrap();
    fcntl_add_seals(&fd, seals).unwrap();
    let allocator = gst_allocators::FdAllocator::new();
    let flags = gst_allocators::FdMemoryFlags::NONE;
    // SAFETY: the descriptor is given away and nobody else has it.
    let mut memory = unsafe { allocator.alloc_fd(fd.into_raw_fd(), 4096, flags) }.unwrap();
    memory.get_mut().unwrap().resize(128..128 + BYTES);
    let mut buffer = gst::Buffer::new();
    buffer.get_mut().unwrap().append_memory(memory);
    buffer
}

#[test]
fn memory_of_others_is_mapped_if_it_cannot_shrink() {
    let mut rig = Rig::new();
    let table = [(SealFlags::SHRINK, Transfer::Mapped), (SealFlags::empty(), Transfer::Copied)];
    for (seals, expected) in table {
        let (_, status, transfer, seen) = rig.pass(memfd(seals));
        assert_eq!((status, transfer, seen), (Status::Ok, Some(expected), hash(&pixels())));
    }
}

#[test]
fn a_starved_decoder_gets_heap_memory_and_frames_are_copied() {
    let module = Module::plain();
    let bench = Bench::new(
        &format!(
            "videotestsrc num-buffers=80 ! video/x-raw,format=I420,width=64,height=48 ! DETECT workers=1 policy=every ! {SINK}"
        ),
        &module.path(),
    );
    // Somebody who never lets go of a buffer.
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = kept.clone();
    let pad = bench.pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            keep.lock().unwrap().push(buffer.clone());
        }
        gst::PadProbeReturn::Ok
    });
    let frames = bench.run();
    assert_whole(&frames, 80);
    assert!(bench.stat("starved") > 0);
    let ways = frames.iter().fold(BTreeMap::new(), |mut ways, frame| {
        *ways.entry(format!("{:?}", frame.report.transfer.unwrap())).or_insert(0) += 1;
        ways
    });
    assert_eq!(ways.values().sum::<u64>(), 80);
    assert_eq!(ways["Copied"], bench.stat("copied"));
    assert!(ways["InPlace"] >= 16, "{ways:?}");
    kept.lock().unwrap().clear();
}
