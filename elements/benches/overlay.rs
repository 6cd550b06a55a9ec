//! What drawing costs: 20 boxes with labels, banner and badge on one 1080p frame. The budget is 0.5 ms with the
//! copy of the frame (the copy itself is the `copy` line).
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may fail by panicking and has no public items"
)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gst_video::prelude::*;
use gstedgevision::evoverlay::{
    draw::{Plane, plane_formats},
    scene::{self, Labelled, Scene},
    style::{ColorSpace, Style},
};

const SIZE: (u32, u32) = (1920, 1080);

fn twenty_boxes() -> Scene {
    let boxes = (0_u16..20).map(|n| {
        let (x, y) = (f32::from(n % 5) * 380.0 + 20.0, f32::from(n / 5) * 260.0 + 60.0);
        let label = "missing cap".to_owned();
        Labelled { edges: [x, y, x + 270.0, y + 180.0], class_id: n.into(), label, confidence: Some(0.93) }
    });
    Scene { boxes: boxes.collect(), banner: Some("line3  10:00:00 UTC".to_owned()), badge: None }
}

fn draw(frame: &mut gst_video::VideoFrame<gst_video::video_frame::Writable>, scene: &Scene) {
    let strokes = scene::layout(scene, &Style::default(), SIZE.0 as usize, SIZE.1 as usize);
    let space = ColorSpace::Yuv { kr: 0.2126, kb: 0.0722, full_range: false };
    for (index, &format) in (0_u32..).zip(plane_formats(frame.format())) {
        let stride = usize::try_from(frame.plane_stride()[index as usize]).unwrap();
        let (width, height) = (SIZE.0 as usize / format.subsampling, SIZE.1 as usize / format.subsampling);
        let data = frame.plane_data_mut(index).unwrap();
        Plane { data, stride, width, height, format }.draw(&strokes, space);
    }
}

fn overlay(criterion: &mut Criterion) {
    gst::init().unwrap();
    let scene = twenty_boxes();
    let mut group = criterion.benchmark_group("overlay 1080p");
    for format in [gst_video::VideoFormat::I420, gst_video::VideoFormat::Nv12] {
        let info = gst_video::VideoInfo::builder(format, SIZE.0, SIZE.1).build().unwrap();
        let new = || {
            let buffer = gst::Buffer::with_size(info.size()).unwrap();
            gst_video::VideoFrame::from_buffer_writable(buffer, &info).unwrap()
        };
        let source = gst_video::VideoFrame::from_buffer_readable(new().into_buffer(), &info).unwrap();
        let mut target = new();
        group.bench_function(format!("{format} copy"), |b| b.iter(|| source.copy(&mut target).unwrap()));
        group.bench_function(format!("{format} draw 20 boxes"), |b| b.iter(|| draw(&mut target, &scene)));
        group.bench_function(format!("{format} copy into a new buffer and draw"), |b| {
            b.iter_batched(
                || (),
                |()| {
                    let mut fresh = new();
                    source.copy(&mut fresh).unwrap();
                    draw(&mut fresh, &scene);
                    fresh
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, overlay);
criterion_main!(benches);
