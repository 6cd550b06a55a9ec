//! What the shipped filters make of frames of every format and of odd sizes.

use gst_video::VideoMeta;

use super::support::{Bench, filter, guest, visible};

const FORMATS: [&str; 5] = ["I420", "NV12", "RGB", "BGR", "GRAY8"];
const SIZES: [(usize, usize); 5] = [(1, 1), (17, 13), (64, 48), (3, 200), (641, 361)];
const HALF: &str = r##"{"polygons":[[[0,0],[0.5,0],[0.5,1],[0,1]]],"color":"#000000"}"##;

/// Odd, so that black is something else in every plane.
fn noise(plane: u32, x: usize, y: usize) -> u8 {
    (x.wrapping_mul(31) ^ y.wrapping_mul(17) ^ (plane as usize * 77)).to_le_bytes()[0] | 1
}

fn caps(format: &str, (width, height): (usize, usize)) -> String {
    format!("format={format},width={width},height={height}")
}

#[test]
fn grayscale_keeps_luma_and_takes_chroma() {
    for format in ["I420", "NV12"] {
        for size in SIZES {
            let mut bench = Bench::new(filter(&guest("grayscale"), ""), &caps(format, size));
            let frame = bench.frame(noise);
            let before = bench.visible(&frame);
            let output = bench.through(frame);
            let after = bench.visible(&output);
            assert_eq!(after[0], before[0], "{format} {size:?}");
            assert!(after[1..].iter().flatten().all(|byte| *byte == 128), "{format} {size:?}");
        }
    }
}

#[test]
fn the_left_half_is_masked_and_the_right_half_stays() {
    for format in FORMATS {
        for size in SIZES {
            let mut bench = Bench::new(filter(&guest("privacy-mask"), HALF), &caps(format, size));
            let frame = bench.frame(noise);
            let before = bench.visible(&frame);
            let output = bench.through(frame);
            let after = bench.visible(&output);
            check_half(&before, &after, format, size);
        }
    }
}

fn check_half(before: &[Vec<u8>], after: &[Vec<u8>], format: &str, (width, _): (usize, usize)) {
    for (plane, (before, after)) in before.iter().zip(after).enumerate() {
        let (shared, step) = match (format, plane) {
            ("I420", 1..) => (2, 1),
            ("NV12", 1..) => (2, 2),
            ("RGB" | "BGR", _) => (1, 3),
            _ => (1, 1),
        };
        let row = width.div_ceil(shared) * step;
        for (index, (before, after)) in before.iter().zip(after).enumerate() {
            let sample = index % row / step;
            // The pixels of this sample, at least in part left of the middle?
            let masked = 2 * sample * shared < width;
            assert_eq!(
                after % 2 == 0,
                masked,
                "{format} {width} plane {plane} byte {index}: {before} -> {after}"
            );
            assert!(masked || before == after, "{format} {width} plane {plane} byte {index}");
        }
    }
}

/// Buffers of others with strides of their own, described by a meta.
#[test]
fn padded_strides_are_followed() {
    let mut bench = Bench::new(filter(&guest("privacy-mask"), HALF), &caps("I420", (17, 13)));
    let tight = bench.frame(noise);
    let expected = bench.through(tight.clone());
    let expected = bench.visible(&expected);
    let planes = bench.visible(&tight);
    let (offsets, strides) = ([64, 64 + 13 * 96, 64 + 13 * 96 + 7 * 80], [96, 80, 48]);
    let mut bytes = vec![0x55; 64 + 13 * 96 + 7 * 80 + 7 * 48];
    for (index, (width, plane)) in [17, 9, 9].iter().zip(&planes).enumerate() {
        let stride = usize::try_from(strides[index]).unwrap();
        for (y, row) in plane.chunks(*width).enumerate() {
            bytes[offsets[index] + y * stride..][..*width].copy_from_slice(row);
        }
    }
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let flags = gst_video::VideoFrameFlags::empty();
    let format = gst_video::VideoFormat::I420;
    VideoMeta::add_full(buffer.get_mut().unwrap(), flags, format, 17, 13, &offsets, &strides).unwrap();
    let output = bench.through(buffer);
    assert_eq!(bench.visible(&output), expected);
    let meta = output.meta::<VideoMeta>().unwrap();
    assert_eq!((meta.width(), meta.stride()[0]), (17, 20), "the output has a layout of its own");
    assert_eq!(output.iter_meta::<VideoMeta>().count(), 1);
}

/// The same picture through an encoder's eyes: nothing but its own planes is needed to read the output.
#[test]
fn outputs_can_be_read_without_the_meta() {
    let mut bench = Bench::new(filter(&guest("grayscale"), ""), &caps("NV12", (17, 13)));
    let frame = bench.frame(noise);
    let output = bench.through(frame);
    let with = bench.visible(&output);
    let bare = gst::Buffer::from_mut_slice(output.map_readable().unwrap().to_vec());
    let caps: gst::Caps = "video/x-raw,format=NV12,width=17,height=13".parse().unwrap();
    assert_eq!(visible(&gst_video::VideoInfo::from_caps(&caps).unwrap(), &bare), with);
}
