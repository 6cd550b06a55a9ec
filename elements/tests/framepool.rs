//! The pool by itself: the strides that decoders count on, and what becomes of its buffers.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(missing_docs, reason = "tests are described by their names")]

use std::sync::Arc;

use gst::prelude::*;
use gst_video::{VideoAlignment, VideoBufferPoolConfig, VideoInfo, VideoMeta};
use gstedgevision::framepool::{CameraArena, CopyRules, FramePool, is_alias, slot_of};
use proptest::prelude::*;

fn caps(format: &str, width: i32, height: i32) -> gst::Caps {
    gst::init().unwrap();
    gst::Caps::builder("video/x-raw")
        .field("format", format)
        .field("width", width)
        .field("height", height)
        .build()
}

fn camera(slots: usize) -> Arc<CameraArena> {
    CameraArena::new(slots, CopyRules::new(true))
}

fn configure(pool: &impl IsA<gst::BufferPool>, caps: &gst::Caps, alignment: Option<&VideoAlignment>) {
    let size = VideoInfo::from_caps(caps).unwrap().size();
    let mut config = pool.as_ref().config();
    config.set_params(Some(caps), u32::try_from(size).unwrap(), 0, 0);
    config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
    if let Some(alignment) = alignment {
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
        config.set_video_alignment(alignment);
    }
    pool.as_ref().set_config(config).unwrap();
    pool.as_ref().set_active(true).unwrap();
}

fn pool(camera: &Arc<CameraArena>, caps: &gst::Caps) -> FramePool {
    let pool = FramePool::new(camera.clone());
    configure(&pool, caps, None);
    pool
}

/// Everything a decoder computes with.
fn shape(pool: &impl IsA<gst::BufferPool>) -> (Vec<usize>, Vec<i32>, usize, u32) {
    let buffer = pool.as_ref().acquire_buffer(None).unwrap();
    let meta = buffer.meta::<VideoMeta>().unwrap();
    let size = pool.as_ref().config().params().unwrap().1;
    (meta.offset().into(), meta.stride().into(), buffer.size(), size)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn buffers_are_shaped_like_those_of_the_stock_pool(
        format in prop::sample::select(vec!["I420", "NV12", "RGB", "BGR", "GRAY8"]),
        width in 1..700i32,
        height in 1..500i32,
        pad in prop::array::uniform4(0..40u32),
        align in prop::sample::select(vec![0u32, 1, 3, 15, 31, 63]),
        aligned in any::<bool>(),
    ) {
        let caps = caps(format, width, height);
        let alignment = VideoAlignment::new(pad[0], pad[1], pad[2], pad[3], &[align; 4]);
        let alignment = aligned.then_some(&alignment);
        let (ours, stock) = (FramePool::new(camera(4)), gst_video::VideoBufferPool::new());
        configure(&ours, &caps, alignment);
        configure(&stock, &caps, alignment);
        prop_assert_eq!(shape(&ours), shape(&stock));
        let buffer = ours.acquire_buffer(None).unwrap();
        prop_assert!(slot_of(buffer.peek_memory(0)).is_some(), "the buffer lies in the arena");
        for pool in [ours.upcast_ref::<gst::BufferPool>(), stock.upcast_ref()] {
            pool.set_active(false).unwrap();
        }
    }
}

#[test]
fn a_returned_buffer_is_used_again() {
    let (camera, caps) = (camera(4), caps("I420", 64, 48));
    let pool = pool(&camera, &caps);
    let first = pool.acquire_buffer(None).unwrap();
    let slot = slot_of(first.peek_memory(0)).unwrap().offset();
    drop(first);
    let second = pool.acquire_buffer(None).unwrap();
    assert_eq!(slot_of(second.peek_memory(0)).unwrap().offset(), slot);
    assert_eq!(camera.current().unwrap().high_water(), 1);
}

#[test]
fn a_starved_pool_hands_out_heap_and_recovers() {
    let (camera, caps) = (camera(2), caps("I420", 64, 48));
    let pool = pool(&camera, &caps);
    let held: Vec<_> = (0..2).map(|_| pool.acquire_buffer(None).unwrap()).collect();
    let heap = pool.acquire_buffer(None).unwrap();
    assert!(slot_of(heap.peek_memory(0)).is_none());
    assert_eq!(heap.size(), held[0].size());
    assert!(heap.meta::<VideoMeta>().is_some());
    assert_eq!(camera.rules().starved(), 1);
    drop((held, heap));
    let again: Vec<_> = (0..2).map(|_| pool.acquire_buffer(None).unwrap()).collect();
    assert!(
        again.iter().all(|buffer| slot_of(buffer.peek_memory(0)).is_some()),
        "heap is not kept for later"
    );
}

#[test]
fn a_buffer_with_a_living_alias_is_not_used_again() {
    let (camera, caps) = (camera(4), caps("GRAY8", 64, 48));
    let pool = pool(&camera, &caps);
    // As libav does it: the frame stays mapped for writing while its buffer is made writable further on.
    let buffer = pool.acquire_buffer(None).unwrap();
    let shown = slot_of(buffer.peek_memory(0)).unwrap().offset();
    let mapped = buffer.into_mapped_buffer_writable().unwrap();
    let copy = mapped.buffer().to_owned();
    let alias = copy.peek_memory(0);
    assert!(is_alias(alias));
    assert_eq!(slot_of(alias).unwrap().offset(), shown);
    drop(mapped);
    let next = pool.acquire_buffer(None).unwrap();
    assert_ne!(slot_of(next.peek_memory(0)).unwrap().offset(), shown, "the alias still shows the slot");
    assert_eq!(camera.current().unwrap().in_use(), 2);
    drop(copy);
    assert_eq!(camera.current().unwrap().in_use(), 1);
}

#[test]
fn pools_share_the_arena_and_larger_frames_get_a_new_one() {
    let camera = camera(8);
    let (small, large) = (caps("I420", 64, 48), caps("I420", 1920, 1080));
    let pools = [pool(&camera, &small), pool(&camera, &small)];
    let buffers: Vec<_> = pools.iter().map(|pool| pool.acquire_buffer(None).unwrap()).collect();
    let generations: Vec<_> =
        buffers.iter().map(|buffer| slot_of(buffer.peek_memory(0)).unwrap().arena().generation()).collect();
    assert_eq!(generations[0], generations[1]);
    let bigger = pool(&camera, &large).acquire_buffer(None).unwrap();
    assert_ne!(slot_of(bigger.peek_memory(0)).unwrap().arena().generation(), generations[0]);
    assert!(buffers[0].map_readable().is_ok(), "the old arena lives as long as its buffers");
}

#[test]
fn nothing_is_in_use_when_all_is_gone() {
    let (camera, caps) = (camera(4), caps("NV12", 64, 48));
    let pool = pool(&camera, &caps);
    let buffer = pool.acquire_buffer(None).unwrap();
    let arena = camera.current().unwrap();
    drop(buffer);
    pool.set_active(false).unwrap();
    assert_eq!(arena.in_use(), 0);
}
