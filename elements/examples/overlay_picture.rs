//! Shows what the overlay looks like: draws boxes, labels, banner and badge on a picture, through I420 as in the
//! real thing, and writes a PNG.
//!
//! ```text
//! cargo run -p gst-plugin-edgevision --example overlay_picture -- out.png 1920 1080 [picture.jpg]
//! ```
#![allow(clippy::unwrap_used, reason = "an example may end with a panic")]

use gst_video::prelude::*;
use gstedgevision::evoverlay::{
    color::{self, ColorSpace},
    draw::Plane,
    format::plane_formats,
    layout::layout,
    scene::{Badge, Extent, Labelled, Scene},
    style::Style,
    text::Texts,
};

fn main() {
    gst::init().unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, width, height, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: overlay_picture OUT.png WIDTH HEIGHT [PICTURE]");
        std::process::exit(2);
    };
    let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
    let picture = rest.first().map_or_else(|| pattern(width, height), |path| load(path, width, height));
    let mut frame =
        converted(&picture, width, height, gst_video::VideoFormat::Rgb, gst_video::VideoFormat::I420);
    draw(&mut frame);
    let rgb = converted_back(frame);
    image::RgbImage::from_raw(width, height, rgb).unwrap().save(out).unwrap();
}

fn load(path: &str, width: u32, height: u32) -> Vec<u8> {
    let picture = image::open(path).unwrap().to_rgb8();
    image::imageops::resize(&picture, width, height, image::imageops::FilterType::Triangle).into_raw()
}

fn pattern(width: u32, height: u32) -> Vec<u8> {
    let shade = |x: u32, y: u32| u8::try_from((x * 160 / width + y * 60 / height) % 256).unwrap();
    let picture =
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([shade(x, y), 100, 255 - shade(x, y)]));
    picture.into_raw()
}

fn scene(width: u32, height: u32) -> Scene {
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let (w, h) = (width as f32, height as f32);
    let labels = ["good", "missing cap", "tipped over", "person", "Flasche für Öl", "jpgQ|_"];
    let boxes = (0_u16..15).map(|n| {
        let (x, y) = (f32::from(n % 5) * w / 5.0 + w / 50.0, f32::from(n / 5) * h / 3.2 + h / 9.0);
        Labelled {
            edges: [x, y, x + w / 7.0, y + h / 5.0],
            class_id: n.into(),
            label: labels[usize::from(n) % labels.len()].to_owned(),
            confidence: Some(0.99 - f32::from(n) * 0.04),
            ..Labelled::default()
        }
    });
    let edge = |edges, class_id| Labelled {
        edges,
        class_id,
        label: "at the edge".to_owned(),
        confidence: Some(0.5),
        ..Labelled::default()
    };
    let beyond =
        [edge([-20.0, -9.0, w * 0.13, h * 0.08], 15), edge([w * 0.95, h * 0.9, w + 9.0, h + 9.0], 3)];
    Scene {
        boxes: boxes.chain(beyond).collect(),
        banner: Some("line3  10:00:00 UTC".to_owned()),
        badge: Some(Badge { text: "MODULE FAILED".to_owned(), color: color::ALARM }),
        ..Scene::default()
    }
}

type Writable = gst_video::VideoFrame<gst_video::video_frame::Writable>;

fn draw(frame: &mut Writable) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let scene = scene(frame.width(), frame.height());
    let extent = Extent { width, height, is_interlaced: false };
    let strokes = layout(&scene, &Style::default(), extent, &mut Texts::default());
    let space = ColorSpace::of(frame.info());
    for (index, &format) in (0_u32..).zip(plane_formats(frame.format())) {
        let stride = usize::try_from(frame.plane_stride()[index as usize]).unwrap();
        let (width, height) = format.units(width, height);
        Plane { data: frame.plane_data_mut(index).unwrap(), stride, width, height, format }
            .draw(&strokes, space);
    }
}

fn converted(
    pixels: &[u8],
    width: u32,
    height: u32,
    from: gst_video::VideoFormat,
    to: gst_video::VideoFormat,
) -> Writable {
    let source_info = gst_video::VideoInfo::builder(from, width, height).build().unwrap();
    let mut source = gst_video::VideoFrame::from_buffer_writable(
        gst::Buffer::with_size(source_info.size()).unwrap(),
        &source_info,
    )
    .unwrap();
    let (stride, tight) = (usize::try_from(source.plane_stride()[0]).unwrap(), 3 * width as usize);
    for (row, line) in source.plane_data_mut(0).unwrap().chunks_mut(stride).zip(pixels.chunks(tight)) {
        row[..tight].copy_from_slice(line);
    }
    convert(source, to)
}

fn converted_back(frame: Writable) -> Vec<u8> {
    let tight = 3 * frame.width() as usize;
    let rgb = convert(frame, gst_video::VideoFormat::Rgb);
    let stride = usize::try_from(rgb.plane_stride()[0]).unwrap();
    rgb.plane_data(0).unwrap().chunks(stride).flat_map(|row| row[..tight].to_vec()).collect()
}

fn convert(frame: Writable, to: gst_video::VideoFormat) -> Writable {
    let info = frame.info().clone();
    let target = gst_video::VideoInfo::builder(to, info.width(), info.height()).build().unwrap();
    let mut converted =
        gst_video::VideoFrame::from_buffer_writable(gst::Buffer::with_size(target.size()).unwrap(), &target)
            .unwrap();
    let source = gst_video::VideoFrame::from_buffer_readable(frame.into_buffer(), &info).unwrap();
    let converter = gst_video::VideoConverter::new(&info, &target, None).unwrap();
    converter.frame(&source, &mut converted);
    converted
}
