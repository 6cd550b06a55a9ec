//! Extracted frames hold the pixels that modules see.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;

use edgevision_tests::{
    command::{Job, edgevision, stderr, yaml},
    compare::{Share, found_again},
    media::{media, shipped},
    records,
    rtsp::{Camera, free_port},
};
use gst::prelude::*;

fn extract(source: &Path, out: &Path, count: &str) -> serde_json::Value {
    let mut command = edgevision();
    command.arg("extract-frames").arg(source).arg("--out").arg(out).args(["--count", count]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap()
}

/// Frames as tight planes of 4:2:0, decoded without our code.
fn planes(clip: &Path) -> Vec<Vec<u8>> {
    gst::init().unwrap();
    let description = "filesrc name=file ! decodebin ! video/x-raw,format=I420 ! appsink name=out sync=false";
    let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.by_name("file").unwrap().set_property("location", clip);
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let frames = std::iter::from_fn(|| sink.pull_sample().ok()).map(|sample| tight(&sample)).collect();
    pipeline.set_state(gst::State::Null).unwrap();
    frames
}

fn tight(sample: &gst::Sample) -> Vec<u8> {
    let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &info).unwrap();
    let (width, height) = (info.width() as usize, info.height() as usize);
    let mut bytes = Vec::new();
    for (plane, (w, h)) in
        [(width, height), (width / 2, height / 2), (width / 2, height / 2)].into_iter().enumerate()
    {
        let stride = usize::try_from(info_stride(&frame, plane)).unwrap();
        let data = frame.plane_data(u32::try_from(plane).unwrap()).unwrap();
        (0..h).for_each(|y| bytes.extend(&data[y * stride..][..w]));
    }
    bytes
}

fn info_stride(frame: &gst_video::VideoFrameRef<&gst::BufferRef>, plane: usize) -> i32 {
    use gst_video::prelude::*;
    frame.plane_stride()[plane]
}

/// The formulas of the media's README, with its decimals: BT.601, limited (`luma` 1.164384) or full range.
fn reference(planes: &[u8], width: usize, height: usize, limited: bool, x: usize, y: usize) -> [u8; 3] {
    let chroma = width * height + y / 2 * (width / 2) + x / 2;
    let [luma, u, v] =
        [planes[y * width + x], planes[chroma], planes[chroma + width * height / 4]].map(f64::from);
    let (u, v) = (u - 128.0, v - 128.0);
    let rgb = if limited {
        let y = 1.164384 * (luma - 16.0);
        [y + 1.596027 * v, y - 0.391762 * u - 0.812968 * v, y + 2.017232 * u]
    } else {
        [luma + 1.402 * v, luma - 0.344136 * u - 0.714136 * v, luma + 1.772 * u]
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
    rgb.map(|value| (value + 0.5).floor().clamp(0.0, 255.0) as u8)
}

fn assert_exact(clip: &Path, limited: bool) {
    let out = tempfile::tempdir().unwrap();
    let manifest = extract(clip, out.path(), "4");
    let decoded = planes(clip);
    let frames = manifest["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 4);
    for frame in frames {
        let picture = image::open(out.path().join(frame["file"].as_str().unwrap())).unwrap().into_rgb8();
        let number = usize::try_from(frame["frame"].as_u64().unwrap()).unwrap();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut off = 0;
        for (x, y, pixel) in picture.enumerate_pixels() {
            let wanted = reference(&decoded[number], width, height, limited, x as usize, y as usize);
            let far = pixel.0.iter().zip(wanted).map(|(a, b)| a.abs_diff(b)).max().unwrap_or_default();
            assert!(far <= 1, "{} {x},{y} of frame {number}: {pixel:?}, not {wanted:?}", clip.display());
            off += usize::from(far > 0);
        }
        // The README's coefficients have six decimals; the definition's fall on the other side of a half now and then.
        assert!(off * 1000 < width * height, "{}: {off} pixels of frame {number} differ", clip.display());
    }
}

#[test]
fn limited_range_becomes_exactly_the_rgb_of_the_definition() {
    assert_exact(&shipped("samples/line3.mp4"), true);
}

#[test]
fn full_range_becomes_exactly_the_rgb_of_the_definition() {
    if let Some(clip) = media("clips/sign-640x480-fullrange.mkv") {
        assert_exact(&clip, false);
    }
}

/// Calibration and training see what the modules see: the pictures give the detections of the clip.
#[test]
fn pictures_give_the_detections_of_the_clip() {
    let pictures = tempfile::tempdir().unwrap();
    let manifest = extract(&shipped("samples/line3.mp4"), pictures.path(), "20");
    let detect = |source: &Path| {
        let config = std::fs::read_to_string(shipped("configs/line3.yaml")).unwrap();
        let analyze = &config[config.find("analyze:").unwrap()..config.find("outputs:").unwrap()];
        let analyze = analyze.replace("../samples", &shipped("samples").to_string_lossy());
        let source = yaml(source);
        let job = Job::new(&format!(
            "cameras: [{{name: a, source: {source}}}]\n{analyze}\noutputs: {{json_lines: {{path: $OUT/out.jsonl}}}}\n"
        ));
        let output = job.run(&[]);
        assert!(output.status.success(), "{}", stderr(&output));
        records::ours(&job.file("out.jsonl"))
    };
    let (of_clip, of_pictures) = (detect(&shipped("samples/line3.mp4")), detect(pictures.path()));
    assert_eq!(of_pictures.len(), 20);
    let (mut there, mut back) = (Share::default(), Share::default());
    for (picture, frame) in of_pictures.iter().zip(manifest["frames"].as_array().unwrap()) {
        let clip = &of_clip[usize::try_from(frame["frame"].as_u64().unwrap()).unwrap()];
        there.add(found_again(&clip.found(), &picture.found(), 0.75, 0.9));
        back.add(found_again(&picture.found(), &clip.found(), 0.75, 0.9));
    }
    assert!(there.of > 100 && there.ratio() >= 0.99 && back.ratio() >= 0.99, "{there:?} {back:?}");
}

#[test]
fn frames_of_a_network_camera() {
    let port = free_port();
    let _camera = Camera::start(port, "h264", "320x240", None);
    let out = tempfile::tempdir().unwrap();
    let mut command = edgevision();
    command.arg("extract-frames").arg(format!("rtsp://127.0.0.1:{port}/camera")).arg("--out").arg(out.path());
    let output = command.args(["--every", "200ms", "--count", "3"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let manifest = std::fs::read(out.path().join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let frames = manifest["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 3);
    let times: Vec<u64> = frames.iter().map(|frame| frame["timestamp_ns"].as_u64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[1] > pair[0]), "{times:?}");
    for frame in frames {
        let picture = image::open(out.path().join(frame["file"].as_str().unwrap())).unwrap();
        assert_eq!((picture.width(), picture.height()), (320, 240));
    }
}
