//! Buffers that do not hold the frame of their caps: they pass un-analysed with a sentence, and the next one is well.

use edgevision_wasm_host::frame::Transfer;
use gst::prelude::*;
use gst_video::{VideoCropMeta, VideoFormat, VideoFrameFlags, VideoMeta};

use super::{
    picture::{Layout, Picture},
    rig::{Outcome, Rig, buffer, heap},
};

struct Case {
    rig: Rig,
    picture: Picture,
}

impl Case {
    fn new(format: VideoFormat) -> Self {
        let picture = Picture::new(format, 32, 24, 1);
        Self { rig: Rig::new(&picture.caps()), picture }
    }

    /// A buffer of the picture's size with a meta that says this.
    fn with_meta(&mut self, format: VideoFormat, size: (u32, u32), layout: &Layout) -> Outcome {
        let mut buffer = self.buffer();
        let (content, flags) = (buffer.get_mut().unwrap(), VideoFrameFlags::empty());
        VideoMeta::add_full(content, flags, format, size.0, size.1, &layout.offsets, &layout.strides)
            .unwrap();
        self.pass(buffer)
    }

    fn buffer(&self) -> gst::Buffer {
        buffer([heap(&self.picture.lay(&self.picture.plain()), 0)])
    }

    fn pass(&mut self, buffer: gst::Buffer) -> Outcome {
        let outcome = self.rig.pass(buffer);
        let whole = self.buffer();
        self.rig.pass(whole).assert_seen(Transfer::Copied, self.picture.hash(), "the next one");
        outcome
    }
}

#[test]
fn too_few_bytes_with_and_without_meta_in_one_and_several_memories() {
    for format in [VideoFormat::I420, VideoFormat::Nv12, VideoFormat::Rgb, VideoFormat::Gray8] {
        let mut case = Case::new(format);
        let layout = case.picture.tight();
        let bytes = case.picture.lay(&layout);
        for keep in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
            let bytes = &bytes[..keep];
            case.pass(buffer([heap(bytes, 0)])).assert_refused(&[&format!("{keep} bytes"), "32x24"]);
            let mut described = buffer([heap(bytes, 9)]);
            case.picture.describe(&mut described, &layout);
            case.pass(described).assert_refused(&[&format!("{keep} bytes")]);
            let mut described = buffer(bytes.chunks(77).map(|piece| heap(piece, 0)));
            case.picture.describe(&mut described, &layout);
            case.pass(described).assert_refused(&[&format!("{keep} bytes")]);
        }
    }
}

#[test]
fn no_memory_at_all() {
    let mut case = Case::new(VideoFormat::I420);
    case.pass(gst::Buffer::new()).assert_refused(&["0 bytes"]);
}

#[test]
fn a_meta_of_another_frame() {
    let mut case = Case::new(VideoFormat::I420);
    let plain = case.picture.plain();
    case.with_meta(VideoFormat::Yv12, (32, 24), &plain).assert_refused(&["YV12 32x24", "I420 32x24"]);
    case.with_meta(VideoFormat::I420, (30, 24), &plain).assert_refused(&["I420 30x24", "I420 32x24"]);
    case.with_meta(VideoFormat::I420, (32, 22), &plain).assert_refused(&["I420 32x22"]);
}

#[test]
fn planes_outside_of_the_buffer() {
    let mut case = Case::new(VideoFormat::I420);
    let plain = case.picture.plain();
    let moved = |index: usize, offset: usize| {
        let mut layout = plain.clone();
        layout.offsets[index] = offset;
        layout
    };
    let stretched = |index: usize, stride: i32| {
        let mut layout = plain.clone();
        layout.strides[index] = stride;
        layout
    };
    let table = [
        moved(0, 1_000_000),
        moved(2, plain.size - 1),
        moved(1, usize::MAX),
        moved(1, usize::MAX - 16),
        stretched(0, 4096),
        stretched(2, i32::MAX),
        stretched(0, -32),
        stretched(0, i32::MIN),
    ];
    for layout in table {
        case.with_meta(VideoFormat::I420, (32, 24), &layout).assert_refused(&["1152 bytes"]);
    }
    // Lines that overlap are what no writer means.
    for stride in [0, 1, -1, 31] {
        let layout = stretched(0, stride);
        case.with_meta(VideoFormat::I420, (32, 24), &layout).assert_refused(&["stride"]);
    }
}

#[test]
fn a_crop_that_the_frame_does_not_have() {
    let mut case = Case::new(VideoFormat::I420);
    let table = [
        ((1, 0, 31, 24), "32x24"),
        ((0, 0, 16, 12), "16x12"),
        ((8, 8, 32, 24), "outside"),
        ((u32::MAX, u32::MAX, 32, 24), "outside"),
    ];
    for (rect, words) in table {
        let mut buffer = case.buffer();
        case.picture.describe(&mut buffer, &case.picture.plain());
        VideoCropMeta::add(buffer.get_mut().unwrap(), rect);
        case.pass(buffer).assert_refused(&["crop", words]);
    }
}

/// Chroma samples belong to two lines and two columns: such a crop cannot be shown without resampling.
#[test]
fn a_crop_that_splits_chroma_samples() {
    let whole = Picture::new(VideoFormat::Nv12, 64, 48, 2);
    let picture = whole.cropped(0, 0, 32, 24);
    let mut case = Case { rig: Rig::new(&picture.caps()), picture };
    for (x, y) in [(1, 0), (0, 1), (7, 7)] {
        let mut buffer = buffer([heap(&whole.lay(&whole.plain()), 0)]);
        whole.describe(&mut buffer, &whole.plain());
        VideoCropMeta::add(buffer.get_mut().unwrap(), (x, y, 32, 24));
        case.pass(buffer).assert_refused(&["crop", "even"]);
    }
}

#[test]
fn a_row_of_them_is_one_warning() {
    let mut case = Case::new(VideoFormat::Gray8);
    let bus = gst::Bus::new();
    case.rig.harness.element().unwrap().set_bus(Some(&bus));
    for _ in 0..2 {
        for _ in 0..3 {
            case.rig.pass(gst::Buffer::new()).assert_refused(&["0 bytes"]);
        }
        let whole = case.buffer();
        case.rig.pass(whole).assert_seen(Transfer::Copied, case.picture.hash(), "the next one");
    }
    let warnings: Vec<String> = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning]))
        .filter_map(|message| match message.view() {
            gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
            _ => None,
        })
        .collect();
    let sentence = "frames pass un-analysed: a buffer of 0 bytes does not hold plane 0 of the GRAY8 32x24 frame \
                    of its caps";
    assert_eq!(warnings, [sentence; 2]);
}

/// What GStreamer itself says then is `not-negotiated`, of some element upstream.
#[test]
fn caps_that_are_refused_say_why_on_the_bus() {
    let table = [
        ("video/x-raw,format=YUY2,width=32,height=24,framerate=25/1", "put videoconvert in front"),
        (
            "video/x-raw(memory:GLMemory),format=I420,width=32,height=24,framerate=25/1",
            "put gldownload in front",
        ),
        (
            "video/x-raw(format:Interlaced),format=I420,width=32,height=24,interlace-mode=alternate,framerate=25/1",
            "put deinterlace in front",
        ),
        ("video/x-h264,stream-format=avc,alignment=au", "put a decoder in front"),
    ];
    for (caps, remedy) in table {
        let mut case = Case::new(VideoFormat::I420);
        let bus = gst::Bus::new();
        let element = case.rig.harness.element().unwrap();
        element.set_bus(Some(&bus));
        let caps: gst::Caps = caps.parse().unwrap();
        // A source pad keeps such an event, and its next buffer fails.
        case.rig.harness.push_event(gst::event::Caps::new(&caps));
        let message = bus.pop_filtered(&[gst::MessageType::Error]).expect("an error on the bus");
        let gst::MessageView::Error(error) = message.view() else { unreachable!() };
        assert!(error.error().to_string().contains(remedy), "{caps}: {}", error.error());
        assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none(), "{caps}: once");
        let buffer = case.buffer();
        assert_eq!(case.rig.harness.push(buffer), Err(gst::FlowError::NotNegotiated), "{caps}");
        let mut query = gst::query::Allocation::new(Some(&caps), true);
        assert!(!element.static_pad("sink").unwrap().query(&mut query), "no memory for {caps}");
    }
}

#[test]
fn a_missing_pts_is_no_fault() {
    let mut case = Case::new(VideoFormat::Bgr);
    let buffer = case.buffer();
    assert!(buffer.pts().is_none());
    let outcome = case.pass(buffer);
    outcome.assert_seen(Transfer::Copied, case.picture.hash(), "without pts");
    assert_eq!(outcome.buffer.pts(), None);
}
