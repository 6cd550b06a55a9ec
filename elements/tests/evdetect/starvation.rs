//! Too little memory, and too much of it: nobody waits, everything is counted, and what was kept is used again.

use std::sync::{Arc, Mutex};

use edgevision_wasm_host::frame::Transfer;
use gst::prelude::*;
use rustix::fs::SealFlags;

use super::{
    rig::{Rig, buffer, heap, sparse_memfd},
    support::{Bench, Frame, Module, assert_whole},
};

/// Keeps every buffer that reaches the sink, from one frame to another.
fn keep(bench: &Bench, first: usize, until: usize) -> Arc<Mutex<Vec<gst::Buffer>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (shelf, count) = (kept.clone(), Mutex::new(0));
    let pad = bench.pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let (mut count, mut shelf) = (count.lock().unwrap(), shelf.lock().unwrap());
        *count += 1;
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) if (first..until).contains(&*count) => {
                shelf.push(buffer.clone());
            }
            _ => shelf.clear(),
        }
        gst::PadProbeReturn::Ok
    });
    kept
}

fn starve(source: &str, count: usize, first: usize, until: usize) -> (Bench, Vec<Frame>) {
    let module = Module::plain();
    let text = format!("{source} ! DETECT workers=1 policy=every ! fakesink name=s sync=false qos=false");
    let bench = Bench::new(&text, &module.path());
    let kept = keep(&bench, first, until);
    let frames = bench.run();
    kept.lock().unwrap().clear();
    assert_whole(&frames, count);
    (bench, frames)
}

fn copied(frames: &[Frame]) -> usize {
    frames.iter().filter(|frame| frame.report.transfer == Some(Transfer::Copied)).count()
}

const SOURCE: &str = "videotestsrc num-buffers=200 ! video/x-raw,format=I420,width=64,height=48";

#[test]
fn a_sink_that_keeps_all_buffers_stops_nobody() {
    let (bench, frames) = starve(SOURCE, 200, 0, usize::MAX);
    let slots = usize::try_from(bench.stat("slots")).unwrap();
    assert_eq!(bench.stat("slots-high-water"), slots as u64, "all slots were used");
    // Each slot that is kept was one frame in place; one may have gone to a frame that was copied.
    let in_place = frames.len() - copied(&frames);
    assert!((slots - 1..=slots).contains(&in_place), "{in_place} in place of {slots} slots");
    assert_eq!(bench.stat("copied"), copied(&frames) as u64);
    assert!(bench.stat("starved") >= bench.stat("copied"), "each copied frame was a starved pool");
    assert_eq!(bench.stat("bytes-copied"), bench.stat("copied") * 64 * 48 * 3 / 2);
}

#[test]
fn slots_that_come_back_are_used_again() {
    let (bench, frames) = starve(SOURCE, 200, 0, 100);
    assert!(bench.stat("starved") > 0, "it was starved");
    // What was under way when the slots came back is still heap memory.
    let late: Vec<u64> =
        frames[120..].iter().filter(|frame| !frame.is_in_place()).map(|frame| frame.report.seq).collect();
    assert!(late.is_empty(), "copied after the slots had come back: {late:?}");
}

#[test]
fn a_decoder_that_is_starved_decodes_on_and_recovers() {
    super::support::init();
    if gst::ElementFactory::find("x264enc").is_none() || gst::ElementFactory::find("avdec_h264").is_none() {
        println!("skipped: no x264enc or avdec_h264");
        return;
    }
    let source = "videotestsrc num-buffers=150 ! video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! \
                  x264enc bframes=2 key-int-max=30 ! h264parse ! avdec_h264";
    let (bench, frames) = starve(source, 150, 10, 100);
    assert!(bench.stat("starved") > 0 && copied(&frames) > 0, "it was starved");
    let late = frames[130..].iter().filter(|frame| !frame.is_in_place()).count();
    assert_eq!(late, 0, "copied after the slots had come back");
}

#[test]
fn frames_of_its_own_need_no_slot_of_the_pool() {
    let picture = super::picture::Picture::new(gst_video::VideoFormat::I420, 32, 24, 4);
    let mut rig = Rig::new(&picture.caps());
    let pool = rig.pool(picture.plain().size);
    let mut held = Vec::new();
    while let Ok(buffer) = pool.acquire_buffer(None) {
        let is_slot = gstedgevision::framepool::slot_of(buffer.peek_memory(0)).is_some();
        held.push(buffer);
        if !is_slot {
            break;
        }
        assert!(held.len() < 1000, "the pool never ends");
    }
    for _ in 0..20 {
        let buffer = buffer([heap(&picture.lay(&picture.plain()), 0)]);
        rig.pass(buffer).assert_seen(Transfer::Copied, picture.hash(), "a spare arena");
    }
    drop(held);
    pool.set_active(false).unwrap();
}

/// The module is shown the last line alone: reading all of it is not what is tested, nor has every machine so much
/// memory. The files are sparse.
fn of_the_last_line() -> Module {
    let code = "(i32.store offset=32 (local.get $f) (i32.add (i32.load offset=32 (local.get $f))
                  (i32.mul (i32.load offset=36 (local.get $f))
                    (i32.sub (i32.load offset=12 (local.get $f)) (i32.const 1)))))
                (i32.store offset=12 (local.get $f) (i32.const 1))
                (i32.store offset=4 (local.get $f) (i32.const 5))";
    Module::with(code)
}

/// 32767 bytes of value 9.
fn hash_of_the_line() -> u32 {
    (0..32767).fold(0x811c_9dc5_u32, |hash, _| (hash ^ 9).wrapping_mul(16_777_619))
}

fn enormous(format: &str) -> (Rig, usize, usize) {
    let caps = format!("video/x-raw,format={format},width=32767,height=32767,framerate=1/1");
    let rig = Rig::with(&caps, of_the_last_line());
    let info = gst_video::VideoInfo::from_caps(&rig.caps).unwrap();
    let last = 32766 * usize::try_from(info.stride()[0]).unwrap();
    (rig, info.size(), last)
}

#[test]
fn the_largest_frames_lie_in_the_arena() {
    for format in ["GRAY8", "I420"] {
        let (mut rig, size, last) = enormous(format);
        let pool = rig.pool(size);
        let mut frame = pool.acquire_buffer(None).unwrap();
        assert!(gstedgevision::framepool::slot_of(frame.peek_memory(0)).is_some(), "{format} has a slot");
        frame.get_mut().unwrap().map_writable().unwrap()[last..last + 32767].fill(9);
        rig.pass(frame).assert_seen(Transfer::InPlace, hash_of_the_line(), format);
        pool.set_active(false).unwrap();
    }
}

/// 3 GiB: with a decoder's padding more than a slot may have, but not more than a module can be shown.
#[test]
fn the_largest_frames_of_all_are_mapped() {
    let (mut rig, size, last) = enormous("RGB");
    let frame = buffer([sparse_memfd(size, last, &[9; 32767], SealFlags::SHRINK)]);
    rig.pass(frame).assert_seen(Transfer::Mapped, hash_of_the_line(), "RGB");
}
