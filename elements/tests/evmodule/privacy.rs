//! Whatever comes in, in whatever order, and whatever fails: nothing of a picture under a mask goes out.

use gst::prelude::*;
use gst_video::{VideoCropMeta, VideoFrameFlags, VideoMeta};

use super::support::{Bench, filter, guest};

/// A byte that neither a mask nor a black frame has.
const SECRET: u8 = 77;
const WHOLE: &str = r##"{"polygons":[[[0,0],[1,0],[1,1],[0,1]]],"color":"#ffffff"}"##;
const CAPS: [&str; 7] = [
    "format=I420,width=64,height=48",
    "format=I420,width=17,height=13",
    "format=NV12,width=18,height=11",
    "format=RGB,width=5,height=3",
    "format=GRAY8,width=1,height=1",
    "format=GRAY8,width=1001,height=1200",
    "format=I420,width=62,height=46,interlace-mode=interleaved",
];

/// How a frame lies in its buffer. All bytes are [`SECRET`], also those around the picture.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Plain,
    Offered,
    /// The default strides, with pixels in the padding.
    Described,
    Cropped,
    TwoMemories,
    Filler,
    TooShort,
}

const SHAPES: [Shape; 7] = [
    Shape::Plain,
    Shape::Offered,
    Shape::Described,
    Shape::Cropped,
    Shape::TwoMemories,
    Shape::Filler,
    Shape::TooShort,
];

fn secret(bytes: usize) -> gst::Buffer {
    gst::Buffer::from_mut_slice(vec![SECRET; bytes])
}

fn frame(bench: &mut Bench, shape: Shape) -> gst::Buffer {
    let info = bench.info().clone();
    let size = info.size();
    match shape {
        Shape::Plain => secret(size),
        Shape::Offered => {
            let mut buffer = offered(bench);
            buffer.get_mut().unwrap().map_writable().unwrap().fill(SECRET);
            buffer
        }
        Shape::Described => described(secret(size), &info),
        Shape::Cropped => {
            // Even places only; the larger picture has the strides of the output where they are rounded up.
            let larger = gst_video::VideoInfo::builder(info.format(), info.width() + 2, info.height() + 2)
                .build()
                .unwrap();
            let mut buffer = described(secret(larger.size()), &larger);
            VideoCropMeta::add(buffer.get_mut().unwrap(), (2, 2, info.width(), info.height()));
            buffer
        }
        Shape::TwoMemories => {
            let mut buffer = secret(size / 2);
            buffer
                .get_mut()
                .unwrap()
                .append_memory(gst::Memory::from_mut_slice(vec![SECRET; size - size / 2]));
            buffer
        }
        Shape::Filler => {
            let mut buffer = secret(size);
            buffer.get_mut().unwrap().set_flags(gst::BufferFlags::GAP | gst::BufferFlags::DROPPABLE);
            buffer
        }
        Shape::TooShort => secret(size / 2),
    }
}

/// From the pool that the element offers upstream: the module reads it where it is.
fn offered(bench: &Bench) -> gst::Buffer {
    let caps = bench.info().to_caps().unwrap();
    let mut query = gst::query::Allocation::new(Some(&caps), true);
    assert!(bench.element.static_pad("sink").unwrap().query(&mut query));
    let pool = query.allocation_pools().next().unwrap().0.unwrap();
    let mut config = pool.config();
    config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
    pool.set_config(config).unwrap();
    pool.set_active(true).unwrap();
    pool.acquire_buffer(None).unwrap()
}

fn described(mut buffer: gst::Buffer, info: &gst_video::VideoInfo) -> gst::Buffer {
    let planes = info.n_planes() as usize;
    let (offsets, strides) = (&info.offset()[..planes], &info.stride()[..planes]);
    let (flags, content) = (VideoFrameFlags::empty(), buffer.get_mut().unwrap());
    VideoMeta::add_full(content, flags, info.format(), info.width(), info.height(), offsets, strides)
        .unwrap();
    buffer
}

fn assert_hidden(buffer: &gst::Buffer, what: &str) {
    let found = buffer.map_readable().unwrap().iter().filter(|byte| **byte == SECRET).count();
    assert_eq!(found, 0, "{what}");
}

#[test]
fn nothing_under_a_mask_goes_out() {
    let mut bench = Bench::new(filter(&guest("privacy-mask"), WHOLE), CAPS[0]);
    let mut kept = vec![];
    for (round, deadline) in (0..).zip([30_000_000_000_u64, 1_000_000, 30_000_000_000]) {
        bench.element.set_property("deadline", deadline);
        for caps in CAPS {
            bench.change_caps(caps);
            for shape in SHAPES {
                let frame = frame(&mut bench, shape);
                let output = bench.through(frame);
                assert_hidden(&output, &format!("round {round}, {caps}, {shape:?}"));
                kept.push(output);
            }
            bench.element.set_property("params", r#"{"polygons":[[[0,0],[1,0]]]}"#);
            let frame = frame(&mut bench, Shape::Plain);
            assert_hidden(&bench.through(frame), "a mask that is refused leaves the one of before");
            bench.element.set_property("params", WHOLE);
        }
        if round == 1 {
            kept.clear();
        }
    }
    // Those that downstream has kept are still what they were.
    kept.iter().for_each(|output| assert_hidden(output, "kept"));
    let stats = bench.element.property::<gst::Structure>("stats");
    let count = |name: &str| stats.get::<u64>(name).unwrap();
    assert!(count("filtered") > 50 && count("in-place") >= 21, "{stats:?}");
    // A picture of one pixel fits into any buffer.
    assert!(count("blanked") >= 18, "{stats:?}");
}
