//! Whose memory is drawn into, and what goes on with a copy.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
};

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo, prelude::*};

use super::{
    common::{buffer, detection, report},
    support::{BOX, address, expected, harness, harness_for, run, run_to_end, samples},
};

fn with_box(info: &VideoInfo, ms: u64) -> gst::Buffer {
    buffer(info.size(), 99, &report(Status::Ok, ms, vec![detection(BOX, 1)]))
}

#[test]
fn read_only_memory_is_copied() {
    let (mut harness, info) = harness(VideoFormat::I420, "");
    let mut frame = gst::Buffer::from_slice(vec![99; info.size()]);
    gstedgevision::detectionmeta::attach(
        frame.get_mut().unwrap(),
        report(Status::Ok, 0, vec![detection(BOX, 1)]),
    );
    let before = address(&frame);
    let out = harness.push_and_pull(frame).unwrap();
    assert_ne!(address(&out), before);
    assert_eq!(samples(&out, &info, 40, 140), expected(&info, 1));
}

/// One memory for each plane, rows 64 bytes longer than needed.
fn in_planes(info: &VideoInfo) -> gst::Buffer {
    let source = with_box(info, 0);
    let mut frame = gst::Buffer::new();
    let writable = frame.get_mut().unwrap();
    let (mut offsets, mut strides, mut size) = (Vec::new(), Vec::new(), 0);
    for (plane, stride) in info.stride().iter().enumerate() {
        let rows = if plane == 0 { 240 } else { 120 };
        let stride = usize::try_from(*stride).unwrap() + 64;
        offsets.push(size);
        strides.push(i32::try_from(stride).unwrap());
        size += stride * rows;
        writable.append_memory(gst::Memory::from_mut_slice(vec![99; stride * rows]));
    }
    gst_video::VideoMeta::add_full(
        writable,
        gst_video::VideoFrameFlags::empty(),
        info.format(),
        320,
        240,
        &offsets,
        &strides,
    )
    .unwrap();
    source.copy_into(writable, gst::BufferCopyFlags::META, ..).unwrap();
    frame
}

#[test]
fn planes_in_memories_of_their_own_are_drawn_in_place_and_copied_right() {
    for format in [VideoFormat::I420, VideoFormat::Nv12] {
        let (mut harness, info) = harness(format, "");
        let frame = in_planes(&info);
        let memories: Vec<_> = frame.iter_memories().map(|memory| memory.as_ptr() as usize).collect();
        let out = harness.push_and_pull(frame.clone()).unwrap();
        assert_eq!(samples(&out, &info, 40, 140), expected(&info, 1));
        assert_eq!(samples(&out, &info, 120, 140), [99; 3]);
        assert_eq!(samples(&frame, &info, 40, 140), [99; 3], "{format}: the original is as it was");
        let in_place = harness.push_and_pull(frame).unwrap();
        let same: Vec<_> = in_place.iter_memories().map(|memory| memory.as_ptr() as usize).collect();
        assert_eq!(same, memories, "{format}");
        assert_eq!(samples(&in_place, &info, 199, 140), expected(&info, 1));
    }
}

#[test]
fn a_copy_keeps_times_flags_and_metas() {
    let (mut harness, info) = harness(VideoFormat::Nv12, "");
    let mut frame = with_box(&info, 80);
    let writable = frame.get_mut().unwrap();
    writable.set_dts(gst::ClockTime::from_mseconds(60));
    writable.set_duration(gst::ClockTime::from_mseconds(40));
    writable.set_offset(7);
    writable.set_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::MARKER);
    let reference = gst::Caps::builder("timestamp/x-ntp").build();
    gst::ReferenceTimestampMeta::add(writable, &reference, gst::ClockTime::SECOND, gst::ClockTime::NONE);
    gst_video::VideoCaptionMeta::add(writable, gst_video::VideoCaptionType::Cea608Raw, &[1, 2]);
    let before: Vec<_> = frame.iter_meta::<gst::Meta>().map(|meta| meta.api()).collect();
    let out = harness.push_and_pull(frame.clone()).unwrap();
    assert_ne!(out.as_ptr(), frame.as_ptr());
    let times = |buffer: &gst::Buffer| (buffer.pts(), buffer.dts(), buffer.duration(), buffer.offset());
    assert_eq!(times(&out), times(&frame));
    assert!(out.flags().contains(gst::BufferFlags::DISCONT | gst::BufferFlags::MARKER));
    let after: Vec<_> = out.iter_meta::<gst::Meta>().map(|meta| meta.api()).collect();
    before.iter().for_each(|api| assert!(after.contains(api), "{api:?} is gone: {after:?}"));
}

/// Answers the allocation query in place of whatever comes next, with a pool of one buffer.
fn offer_pool(pad: &gst::Pad, info: &VideoInfo) -> gst::BufferPool {
    let pool = gst_video::VideoBufferPool::new().upcast::<gst::BufferPool>();
    let size = u32::try_from(info.size()).unwrap();
    let mut config = pool.config();
    config.set_params(Some(&info.to_caps().unwrap()), size, 0, 1);
    pool.set_config(config).unwrap();
    let offered = pool.clone();
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM | gst::PadProbeType::PUSH, move |_, info| {
        let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
        let gst::QueryViewMut::Allocation(query) = query.view_mut() else { return gst::PadProbeReturn::Ok };
        query.add_allocation_pool(Some(&offered), size, 0, 1);
        gst::PadProbeReturn::Handled
    });
    pool
}

#[test]
fn copies_are_in_memory_that_downstream_offers() {
    gst::init().unwrap();
    let info = VideoInfo::builder(VideoFormat::I420, 320, 240).build().unwrap();
    let mut harness = harness_for(&info, "");
    let pool = offer_pool(&harness.element().unwrap().static_pad("src").unwrap(), &info);
    harness.set_src_caps(info.to_caps().unwrap());
    let held = with_box(&info, 0);
    let out = harness.push_and_pull(held.clone()).unwrap();
    assert_ne!(address(&out), address(&held));
    let try_acquire = || {
        let params = gst::BufferPoolAcquireParams::with_flags(gst::BufferPoolAcquireFlags::DONTWAIT);
        pool.acquire_buffer(Some(&params))
    };
    assert!(pool.is_active() && try_acquire().is_err(), "its only buffer is the copy");
    drop(out);
    assert!(try_acquire().is_ok(), "and comes back to it");
}

const FRAMES: usize = 60;

/// What a decoder puts out, seen before the elements behind it; hashes of the first frames' bytes.
fn decoded(behind: &str) -> Vec<u64> {
    let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/line3.mp4");
    let description = format!(
        "filesrc location={clip} ! qtdemux ! h264parse ! avdec_h264 name=decoder ! {behind} \
         fakesink num-buffers={FRAMES} sync=false"
    );
    let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Bin>().unwrap();
    let frames: Arc<Mutex<Vec<u64>>> = Arc::default();
    let (seen, decoder) = (Arc::clone(&frames), pipeline.by_name("decoder").unwrap());
    decoder.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let video = VideoInfo::from_caps(&pad.current_caps().unwrap()).unwrap();
        seen.lock().unwrap().push(hash(info.buffer().unwrap(), &video));
        gst::PadProbeReturn::Ok
    });
    run_to_end(pipeline.upcast_ref());
    let mut frames = std::mem::take(&mut *frames.lock().unwrap());
    frames.truncate(FRAMES);
    frames
}

/// Of all visible samples.
fn hash(buffer: &gst::BufferRef, info: &VideoInfo) -> u64 {
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let mut hasher = DefaultHasher::new();
    for component in 0..frame.n_components() {
        let width = usize::try_from(frame.comp_width(component)).unwrap();
        let stride = usize::try_from(frame.comp_stride(component)).unwrap();
        let rows = frame.comp_data(component).unwrap().chunks(stride);
        rows.take(frame.comp_height(component) as usize).for_each(|row| row[..width].hash(&mut hasher));
    }
    hasher.finish()
}

#[test]
fn reference_frames_of_a_decoder_are_never_drawn_into() {
    gst::init().unwrap();
    gstedgevision::evoverlay::register(None).unwrap();
    let plain = decoded("");
    assert_eq!(plain.len(), FRAMES);
    let drawn = decoded("evoverlay effect=fill cover-unanalysed=true camera-name=line3 notice=TEST !");
    let wrong: Vec<_> = (0..FRAMES).filter(|n| drawn.get(*n) != plain.get(*n)).collect();
    assert!(wrong.is_empty(), "frames {wrong:?} refer to what was drawn into");
}

#[test]
fn padded_frames_of_a_decoder_are_copied_to_their_plain_size() {
    gst::init().unwrap();
    gstedgevision::evoverlay::register(None).unwrap();
    run(
        "videotestsrc num-buffers=8 ! video/x-raw,format=I420,width=636,height=358 ! x264enc ! avdec_h264 ! \
         evoverlay notice=TEST ! fakesink",
    );
}
