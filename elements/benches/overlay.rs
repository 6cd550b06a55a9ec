//! What the overlay of 20 boxes with labels and a banner costs on one 1080p frame. The budget is 0.5 ms for all that
//! `evoverlay` does to a frame that somebody else holds, the copy included (the `copy` line is the copy alone).
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may fail by panicking and has no public items"
)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gst_check::Harness;
use gst_video::{VideoRegionOfInterestMeta, prelude::*};
use gstedgevision::evoverlay::{
    color::ColorSpace,
    draw::Plane,
    format::plane_formats,
    layout::layout,
    scene::{Extent, Labelled, Scene},
    style::Style,
    text::Texts,
};

const SIZE: (u32, u32) = (1920, 1080);
const LABEL: &str = "missing cap";

/// Upper left corners of boxes of 270 x 180.
fn corners() -> impl Iterator<Item = (u16, u16)> {
    (0_u16..20).map(|n| (n % 5 * 380 + 20, n / 5 * 260 + 60))
}

/// Confidences change from frame to frame, as they do in life.
fn confidence(frame: u32, object: usize) -> f32 {
    let percent = (frame as usize * 7 + object * 13) % 60;
    0.4 + f32::from(u16::try_from(percent).unwrap()) / 100.0
}

fn scene(frame: u32) -> Scene {
    let boxes = corners().zip(0..).map(|((x, y), n)| {
        let (x, y) = (f32::from(x), f32::from(y));
        Labelled {
            edges: [x, y, x + 270.0, y + 180.0],
            class_id: n,
            label: LABEL.to_owned(),
            confidence: Some(confidence(frame, n as usize)),
            ..Labelled::default()
        }
    });
    Scene { boxes: boxes.collect(), banner: Some("line3  10:00:00 UTC".to_owned()), ..Scene::default() }
}

fn draw(
    frame: &mut gst_video::VideoFrame<gst_video::video_frame::Writable>,
    scene: &Scene,
    texts: &mut Texts,
) {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let strokes = layout(scene, &Style::default(), Extent { width, height, is_interlaced: false }, texts);
    let space = ColorSpace::Yuv { kr: 0.2126, kb: 0.0722, full_range: false };
    for (index, &format) in (0_u32..).zip(plane_formats(frame.format())) {
        let stride = usize::try_from(frame.plane_stride()[index as usize]).unwrap();
        let (width, height) = format.units(width, height);
        let data = frame.plane_data_mut(index).unwrap();
        Plane { data, stride, width, height, format }.draw(&strokes, space);
    }
}

/// A frame as it comes from `evdetect`, with its regions.
fn analysed(frame: u32, memory: &gst::Memory) -> gst::Buffer {
    let mut buffer = gst::Buffer::new();
    let writable = buffer.get_mut().unwrap();
    writable.append_memory(memory.clone());
    for ((x, y), n) in corners().zip(0_usize..) {
        let rect = (u32::from(x), u32::from(y), 270, 180);
        let mut region = VideoRegionOfInterestMeta::add(writable, LABEL, rect);
        let detection = gst::Structure::builder("detection")
            .field("label_id", i32::try_from(n).unwrap())
            .field("confidence", f64::from(confidence(frame, n)));
        region.add_param(detection.build());
    }
    buffer
}

fn element(info: &gst_video::VideoInfo) -> Harness {
    let mut harness = Harness::new_parse("evoverlay camera-name=line3");
    harness.set_src_caps(info.to_caps().unwrap());
    harness
}

fn overlay(criterion: &mut Criterion) {
    gst::init().unwrap();
    gstedgevision::evoverlay::register(None).unwrap();
    let mut group = criterion.benchmark_group("overlay 1080p");
    for format in [gst_video::VideoFormat::I420, gst_video::VideoFormat::Nv12] {
        let info = gst_video::VideoInfo::builder(format, SIZE.0, SIZE.1).build().unwrap();
        let new = || {
            let buffer = gst::Buffer::from_mut_slice(vec![99; info.size()]);
            gst_video::VideoFrame::from_buffer_writable(buffer, &info).unwrap()
        };
        let source = gst_video::VideoFrame::from_buffer_readable(new().into_buffer(), &info).unwrap();
        let mut target = new();
        group.bench_function(format!("{format} copy"), |b| b.iter(|| source.copy(&mut target).unwrap()));
        let (mut texts, mut frames) = (Texts::default(), 0_u32..);
        group.bench_function(format!("{format} draw 20 boxes"), |b| {
            b.iter(|| draw(&mut target, &scene(frames.next().unwrap()), &mut texts));
        });
        let memory = new().into_buffer().memory(0).unwrap();
        let mut harness = element(&info);
        group.bench_function(format!("{format} whole element, copy included"), |b| {
            b.iter_batched(
                || analysed(frames.next().unwrap(), &memory),
                |frame| harness.push_and_pull(frame).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, overlay);
criterion_main!(benches);
