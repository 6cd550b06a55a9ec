//! The same picture comes out whatever format, colorimetry and size a frame has.

use edgevision_wasm_host::analysis::Status;
use gst_video::{VideoFormat, VideoInfo};
use gstedgevision::evoverlay::format::formats;

use super::{
    common::{buffer, detection, report},
    support::{BOX, expected, harness_for, samples},
};

const GREY: [u8; 3] = [99, 99, 99];

fn info(format: VideoFormat, size: (u32, u32), colorimetry: &str) -> VideoInfo {
    let builder = VideoInfo::builder(format, size.0, size.1).fps(gst::Fraction::new(25, 1));
    let colorimetry = colorimetry.parse::<gst_video::VideoColorimetry>().ok();
    match &colorimetry {
        Some(colorimetry) => builder.colorimetry(colorimetry).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn converted(frame: gst::Buffer, from: &VideoInfo, to: &VideoInfo) -> gst::Buffer {
    let source = gst_video::VideoFrame::from_buffer_readable(frame, from).unwrap();
    let target = gst::Buffer::with_size(to.size()).unwrap();
    let mut target = gst_video::VideoFrame::from_buffer_writable(target, to).unwrap();
    // The matrix alone is under test: no dithering, no chroma filters.
    let mut config = gst_video::VideoConverterConfig::new();
    config.set_dither_method(gst_video::VideoDitherMethod::None);
    gst_video::VideoConverter::new(from, to, Some(config)).unwrap().frame(&source, &mut target);
    target.into_buffer()
}

/// A grey frame with a box, drawn in RGB; and the same drawn in `info` and converted to RGB.
fn pictures(info: &VideoInfo) -> (gst::Buffer, gst::Buffer, VideoInfo) {
    let rgb = self::info(VideoFormat::Rgb, (info.width(), info.height()), "");
    let frame = || buffer(rgb.size(), GREY[0], &report(Status::Ok, 0, vec![detection(BOX, 1)]));
    let draw = |frame: gst::Buffer, info: &VideoInfo| {
        harness_for(info, "show-labels=false show-confidence=false line-width=8")
            .push_and_pull(frame)
            .unwrap()
    };
    let mut grey = converted(frame(), &rgb, info);
    gstedgevision::detectionmeta::attach(
        grey.get_mut().unwrap(),
        report(Status::Ok, 0, vec![detection(BOX, 1)]),
    );
    (draw(frame(), &rgb), converted(draw(grey, info), info, &rgb), rgb)
}

#[test]
fn colours_are_those_drawn_in_rgb() {
    gst::init().unwrap();
    let of_rgb = formats().filter(|format| gst_video::VideoFormatInfo::from_format(*format).is_rgb());
    let of_rgb = of_rgb.map(|format| (format, ""));
    let of_yuv = formats().filter(|format| gst_video::VideoFormatInfo::from_format(*format).is_yuv());
    let of_yuv = of_yuv
        .flat_map(|format| ["bt601", "bt709", "bt2020", "1:3:5:1", "1:4:0:0"].map(|color| (format, color)));
    for (format, colorimetry) in of_rgb.chain(of_yuv) {
        let (reference, drawn, rgb) = pictures(&info(format, (320, 240), colorimetry));
        // Away from the edges of the lines, where converters mix chroma of both sides.
        for (x, y) in [(43, 140), (196, 140), (120, 103), (120, 176), (120, 140), (300, 20)] {
            let (expected, found) = (samples(&reference, &rgb, x, y), samples(&drawn, &rgb, x, y));
            let distance = expected.iter().zip(&found).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(distance <= 4, "{format} {colorimetry} {x},{y}: {expected:?} {found:?}");
        }
    }
}

#[test]
fn odd_sizes_are_drawn_to_their_last_pixel() {
    gst::init().unwrap();
    for (width, height) in [(1, 1), (2, 1), (17, 13), (33, 120), (4095, 2161)] {
        for format in formats() {
            let info = info(format, (width, height), "");
            let mut frame = gst::Buffer::from_mut_slice(vec![99; info.size()]);
            let writable = frame.get_mut().unwrap();
            let mut region = gst_video::VideoRegionOfInterestMeta::add(writable, "a", (0, 0, width, height));
            region.add_param(gst::Structure::builder("detection").field("label_id", 1).build());
            // With a label, a box around the whole frame is a title and has no lines.
            let out = harness_for(&info, "show-labels=false").push_and_pull(frame).unwrap();
            let last = (width as usize - 1, height as usize - 1);
            assert_eq!(samples(&out, &info, last.0, last.1), expected(&info, 1), "{format} {width}x{height}");
        }
    }
}
