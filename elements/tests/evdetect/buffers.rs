//! Every way in which a frame may lie in a buffer: the module sees its pixels, all of them and nothing else.

use edgevision_wasm_host::frame::Transfer;
use gst::prelude::*;
use gst_video::prelude::*;
use rustix::fs::SealFlags;

use super::{
    picture::{FORMATS, Layout, Picture},
    rig::{Rig, buffer, heap, memfd},
};

const SIZES: [(u32, u32); 5] = [(1, 1), (2, 2), (3, 5), (17, 13), (1918, 1079)];

/// Runs `check` on a picture of each format and size, with a fresh detector.
fn for_all(check: impl Fn(&mut Rig, &Picture, &str)) {
    for format in FORMATS {
        for (width, height) in SIZES {
            let picture = Picture::new(format, width, height, width ^ height);
            let mut rig = Rig::new(&picture.caps());
            check(&mut rig, &picture, &format!("{format} {width}x{height}"));
        }
    }
}

fn described(picture: &Picture, layout: &Layout, mut buffer: gst::Buffer) -> gst::Buffer {
    picture.describe(&mut buffer, layout);
    buffer
}

#[test]
fn one_memory_with_and_without_meta() {
    for_all(|rig, picture, what| {
        let plain = picture.plain();
        let bare = buffer([heap(&picture.lay(&plain), 0)]);
        rig.pass(bare).assert_seen(Transfer::Copied, picture.hash(), what);
        for (layout, before) in [(plain, 7), (picture.padded(0, 0), 0), (picture.padded(33, 19), 13)] {
            let memory = heap(&picture.lay(&layout), before);
            let buffer = described(picture, &layout, buffer([memory]));
            rig.pass(buffer).assert_seen(Transfer::Copied, picture.hash(), what);
        }
    });
}

#[test]
fn read_only_memory_and_lines_from_the_last_to_the_first() {
    for_all(|rig, picture, what| {
        let plain = picture.lay(&picture.plain());
        let read_only = gst::Memory::from_slice(plain);
        assert!(read_only.flags().contains(gst::MemoryFlags::READONLY));
        rig.pass(buffer([read_only])).assert_seen(Transfer::Copied, picture.hash(), what);
        let layout = picture.upside_down();
        let buffer = described(picture, &layout, buffer([heap(&picture.lay(&layout), 0)]));
        rig.pass(buffer).assert_seen(Transfer::Copied, picture.hash(), what);
    });
}

#[test]
fn planes_in_memories_of_their_own_each_with_an_offset() {
    for_all(|rig, picture, what| {
        for before in [0, 24] {
            let memories = picture.planes().map(|plane| heap(plane, before));
            let buffer = described(picture, &picture.tight(), buffer(memories));
            rig.pass(buffer).assert_seen(Transfer::Copied, picture.hash(), what);
        }
    });
}

#[test]
fn memories_that_end_in_the_middle_of_lines() {
    for_all(|rig, picture, what| {
        let layout = picture.padded(5, 3);
        let bytes = picture.lay(&layout);
        let piece = bytes.len().div_ceil(11);
        let pieces = bytes.chunks(piece).map(|bytes| heap(bytes, 3));
        let scattered = described(picture, &layout, buffer(pieces));
        rig.pass(scattered).assert_seen(Transfer::Copied, picture.hash(), what);
        let plain = picture.lay(&picture.plain());
        let bare = buffer(plain.chunks(plain.len().div_ceil(3)).map(|bytes| heap(bytes, 0)));
        rig.pass(bare).assert_seen(Transfer::Copied, picture.hash(), what);
    });
}

#[test]
fn frames_in_files_of_others_are_mapped_where_they_lie() {
    for_all(|rig, picture, what| {
        for (before, layout) in [(0, picture.plain()), (128, picture.padded(7, 9)), (4099, picture.tight())] {
            let bytes = picture.lay(&layout);
            for (seals, transfer) in
                [(SealFlags::SHRINK, Transfer::Mapped), (SealFlags::empty(), Transfer::Copied)]
            {
                let buffer = described(picture, &layout, buffer([memfd(&bytes, before, seals)]));
                rig.pass(buffer).assert_seen(transfer, picture.hash(), what);
            }
        }
    });
}

#[test]
fn memory_of_the_offered_pool_is_seen_in_place() {
    for_all(|rig, picture, what| {
        for layout in [picture.plain(), picture.padded(40, 24)] {
            let pool = rig.pool(layout.size);
            let mut buffer = pool.acquire_buffer(None).unwrap();
            let content = buffer.get_mut().unwrap();
            if let Some(meta) = content.meta_mut::<gst_video::VideoMeta>() {
                meta.remove().unwrap();
            }
            picture.write(&layout, &mut content.map_writable().unwrap());
            let buffer = described(picture, &layout, buffer);
            rig.pass(buffer).assert_seen(Transfer::InPlace, picture.hash(), what);
            pool.set_active(false).unwrap();
        }
        assert_eq!((rig.stat("in-place"), rig.stat("bytes-copied")), (2, 0), "{what}");
    });
}

/// A read-only part of arena memory, as a demultiplexer of pictures or `gst_buffer_copy_region` makes it.
#[test]
fn a_share_of_arena_memory_is_seen_in_place() {
    for_all(|rig, picture, what| {
        let layout = picture.plain();
        let pool = rig.pool(layout.size + 100);
        let mut whole = pool.acquire_buffer(None).unwrap();
        let bytes = picture.lay(&layout);
        whole.get_mut().unwrap().map_writable().unwrap()[100..].copy_from_slice(&bytes);
        let part = buffer([whole.peek_memory(0).share(100..100 + layout.size)]);
        rig.pass(part).assert_seen(Transfer::InPlace, picture.hash(), what);
        pool.set_active(false).unwrap();
    });
}

#[test]
fn frames_of_odd_4k_and_of_the_longest_lines() {
    let sizes = [(4095, 2161), (32767, 1), (1, 32767), (32767, 2)];
    for (format, (width, height)) in FORMATS.into_iter().flat_map(|format| sizes.map(|size| (format, size))) {
        let picture = Picture::new(format, width, height, 5);
        let mut rig = Rig::new(&picture.caps());
        let plain = picture.plain();
        let what = format!("{format} {width}x{height}");
        let bytes = picture.lay(&plain);
        rig.pass(buffer([heap(&bytes, 0)])).assert_seen(Transfer::Copied, picture.hash(), &what);
        let pool = rig.pool(plain.size);
        let mut arena = pool.acquire_buffer(None).unwrap();
        arena.get_mut().unwrap().map_writable().unwrap()[..bytes.len()].copy_from_slice(&bytes);
        rig.pass(arena).assert_seen(Transfer::InPlace, picture.hash(), &what);
        pool.set_active(false).unwrap();
    }
}

/// What the caps call a frame is analysed, both fields of it: interleaved fields are its even and odd lines.
#[test]
fn interleaved_fields_are_one_frame() {
    use gst_video::VideoBufferFlags;
    for mode in ["progressive", "interleaved", "mixed"] {
        for (width, height) in [(18, 16), (17, 13), (16, 10)] {
            for format in FORMATS {
                let picture = Picture::new(format, width, height, 9);
                let mut rig = Rig::new(&format!("{},interlace-mode={mode}", picture.caps()));
                let info = gst_video::VideoInfo::from_caps(&rig.caps).unwrap();
                let planes = info.n_planes() as usize;
                let layout = Layout {
                    offsets: info.offset()[..planes].to_vec(),
                    strides: info.stride()[..planes].to_vec(),
                    size: info.size(),
                };
                let mut buffer = buffer([heap(&picture.lay(&layout), 0)]);
                let flags = VideoBufferFlags::INTERLACED | VideoBufferFlags::TFF;
                buffer.get_mut().unwrap().set_video_flags(flags);
                let outcome = rig.pass(buffer);
                let what = format!("{format} {width}x{height} {mode}");
                outcome.assert_seen(Transfer::Copied, picture.hash(), &what);
                assert!(outcome.buffer.video_flags().contains(flags), "{what}: flags are kept");
            }
        }
    }
}

#[test]
fn a_cropped_frame_is_what_the_crop_shows() {
    for format in FORMATS {
        let whole = Picture::new(format, 64, 48, 3);
        let shown = whole.cropped(8, 6, 32, 20);
        let mut rig = Rig::new(&shown.caps());
        let layout = whole.padded(10, 6);
        let bytes = whole.lay(&layout);
        let seals = SealFlags::SHRINK;
        for (memory, transfer) in
            [(heap(&bytes, 0), Transfer::Copied), (memfd(&bytes, 64, seals), Transfer::Mapped)]
        {
            let mut buffer = described(&whole, &layout, buffer([memory]));
            gst_video::VideoCropMeta::add(buffer.get_mut().unwrap(), (8, 6, 32, 20));
            rig.pass(buffer).assert_seen(transfer, shown.hash(), &format.to_string());
        }
    }
}
