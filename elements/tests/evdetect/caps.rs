//! Another resolution, format, rate or colorimetry in mid-stream: every frame on either side is analysed as what it is.

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;
use gst_video::VideoInfo;

use super::{
    pads::{CAPS, Rig},
    support::{Bench, Frame, Left, Module, hash},
};

const CHANGES: [&str; 8] = [
    "format=GRAY8,width=16,height=16,framerate=25/1",
    "format=I420,width=34,height=18,framerate=25/1",
    "format=I420,width=34,height=18,framerate=50/1",
    "format=RGB,width=640,height=480,framerate=50/1",
    "format=I420,width=1920,height=1080,framerate=50/1,colorimetry=bt601",
    "format=I420,width=1920,height=1080,framerate=50/1,colorimetry=bt709",
    "format=NV12,width=17,height=13,framerate=0/1",
    "format=BGR,width=320,height=2,framerate=25/1",
];

fn frame(info: &VideoInfo, n: u64) -> gst::Buffer {
    let noise = |at: usize| u8::try_from((at as u64 * 31 + n * 17 + (at as u64 >> 8)) % 256).unwrap();
    let mut buffer = gst::Buffer::from_mut_slice((0..info.size()).map(noise).collect::<Vec<u8>>());
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(n));
    buffer
}

#[test]
fn back_and_forth_many_times_with_frames_in_flight() {
    let rig = Rig::new(Module::uneven());
    let (rounds, each) = (6, 3);
    let mut pushed = Vec::new();
    for change in CHANGES.iter().cycle().take(CHANGES.len() * rounds) {
        let text = format!("video/x-raw,{change}");
        assert!(rig.caps(&text));
        let info = VideoInfo::from_caps(&text.parse::<gst::Caps>().unwrap()).unwrap();
        for _ in 0..each {
            let buffer = frame(&info, pushed.len() as u64);
            pushed.push((info.width(), info.height(), hash(&buffer, &info)));
            rig.src.push(buffer).unwrap();
        }
    }
    rig.wait_for_buffers(pushed.len());
    for (seq, (report, (width, height, hash))) in rig.reports().iter().zip(pushed).enumerate() {
        assert_eq!((report.seq, report.analysis.status), (seq as u64, Status::Ok), "{:?}", report.analysis);
        assert_eq!((report.width, report.height), (width, height), "frame {seq}");
        assert_eq!(report.analysis.detections[0].class_id, hash, "frame {seq} of {width}x{height}");
    }
    let caps = rig.names().iter().filter(|name| *name == "caps").count();
    assert_eq!(caps, 1 + CHANGES.len() * rounds);
}

#[track_caller]
fn assert_all_analysed(frames: &[Frame]) {
    for (seq, frame) in frames.iter().enumerate() {
        assert_eq!(frame.report.seq, seq as u64);
        assert_eq!(frame.status(), Status::Ok, "frame {seq}: {:?}", frame.report.analysis.message);
        assert_eq!(frame.seen(), Some(frame.hash), "frame {seq}");
    }
}

#[test]
fn a_decoder_that_changes_its_resolution() {
    let module = Module::uneven();
    let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/line3.mp4");
    let small = "video/x-raw,format=I420,width=320,height=180 ! x264enc speed-preset=ultrafast ! video/x-h264,stream-format=byte-stream";
    let bench = Bench::new(
        &format!(
            "concat name=c ! h264parse ! avdec_h264 ! DETECT workers=3 policy=every ! fakesink name=s sync=false qos=false \
             filesrc location={clip} ! qtdemux ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au ! identity eos-after=41 ! queue ! c. \
             videotestsrc num-buffers=20 pattern=ball ! {small} ! h264parse ! queue ! c. \
             filesrc location={clip} ! qtdemux ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au ! identity eos-after=31 ! queue ! c."
        ),
        &module.path(),
    );
    let frames = bench.run();
    assert_all_analysed(&frames);
    let sizes: Vec<_> = frames.iter().map(|frame| frame.report.width).collect();
    let count = |width| sizes.iter().filter(|w| **w == width).count();
    assert_eq!((count(640), count(320), sizes.len()), (70, 20, 90));
    assert_eq!((sizes[0], sizes[40], sizes[60]), (640, 320, 640));
    assert!(frames.iter().filter(|frame| frame.is_in_place()).count() > 80, "a new arena for each size");
}

#[test]
fn a_capsfilter_that_changes_while_frames_flow() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc pattern=ball ! capsfilter name=f caps=video/x-raw,format=I420,width=64,height=48 ! \
         DETECT workers=4 policy=every ! fakesink name=s sync=false qos=false",
        &module.path(),
    );
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    let filter = bench.pipeline.by_name("f").unwrap();
    let sizes = [(160, 120), (32, 16), (800, 600), (64, 48)];
    for (width, height) in sizes.iter().cycle().take(12) {
        let caps = format!("video/x-raw,format=I420,width={width},height={height}");
        filter.set_property("caps", caps.parse::<gst::Caps>().unwrap());
        let begin = std::time::Instant::now();
        while bench.frames().last().is_none_or(|frame| frame.report.width != *width) {
            assert!(begin.elapsed().as_secs() < 60, "no frame of {width}x{height}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    bench.stop();
    assert_all_analysed(&bench.frames());
    let changes =
        bench.left().iter().filter(|left| matches!(left, Left::Event(gst::EventType::Caps))).count();
    assert!(changes >= 13, "{changes}");
}

#[test]
fn caps_that_downstream_refuses_are_not_negotiated_upstream() {
    let rig = Rig::new(Module::uneven());
    rig.refuse_format("RGB");
    rig.push_all(0..4);
    rig.caps("video/x-raw,format=RGB,width=16,height=16,framerate=25/1");
    let info = VideoInfo::builder(gst_video::VideoFormat::Rgb, 16, 16).build().unwrap();
    let begin = std::time::Instant::now();
    let flow = loop {
        assert!(begin.elapsed().as_secs() < 60, "nobody says no");
        if let Err(flow) = rig.src.push(frame(&info, 9)) {
            break flow;
        }
    };
    assert_eq!(flow, gst::FlowError::NotNegotiated);
    assert_eq!(rig.buffers().len(), 4, "the frames before were not lost");
}

#[test]
fn a_refused_pipeline_ends_with_an_error_and_does_not_hang() {
    let module = Module::plain();
    let bench = Bench::new(
        "videotestsrc ! capsfilter name=f caps=video/x-raw,format=I420,width=64,height=48 ! DETECT policy=every ! \
         identity ! video/x-raw,width=64 ! fakesink name=s sync=false qos=false",
        &module.path(),
    );
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    let caps = "video/x-raw,format=I420,width=66,height=48".parse::<gst::Caps>().unwrap();
    bench.pipeline.by_name("f").unwrap().set_property("caps", caps);
    let message = bench.wait_for(&[gst::MessageType::Error]);
    assert!(format!("{message:?}").contains("not-negotiated"), "{message:?}");
}

#[test]
fn the_same_caps_again_change_nothing() {
    let rig = Rig::new(Module::plain());
    rig.push(0).unwrap();
    rig.caps(CAPS);
    rig.push(1).unwrap();
    rig.wait_for("40");
    assert!(rig.reports().iter().all(|report| report.analysis.status == Status::Ok));
}
