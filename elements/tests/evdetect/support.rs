//! Pipelines around a detector, and what left them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Once},
};

use edgevision_wasm_host::{analysis::Status, frame::Transfer};
use gst::prelude::*;
use gst_video::VideoFrameExt;
use gstedgevision::detectionmeta::{self, FrameReport};

/// How long a pipeline may take before a test calls it hung.
pub const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);

pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstedgevision::plugin_register_static().unwrap();
    });
}

/// The probing module in a file, with `code` run before each frame.
pub struct Module {
    dir: tempfile::TempDir,
}

impl Module {
    pub fn with(code: &str) -> Self {
        let text = include_str!("probe.wat");
        assert!(text.contains(";; MARKER"));
        let wasm = wat::parse_str(text.replace(";; MARKER", code)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("probe.wasm"), wasm).unwrap();
        Self { dir }
    }

    pub fn plain() -> Self {
        Self::with("")
    }

    /// One that takes longer for some frames than for others, in no order.
    pub fn uneven() -> Self {
        Self::with(
            "(call $spin (i32.mul (i32.and (i32.mul (call $seq (local.get $f)) (i32.const 5)) (i32.const 7)) (i32.const 300000)))",
        )
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("probe.wasm")
    }
}

/// What left the detector, in order.
#[derive(Clone, Debug)]
pub enum Left {
    Frame(Frame),
    Event(gst::EventType),
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub pts: Option<gst::ClockTime>,
    pub flags: gst::BufferFlags,
    pub report: Arc<FrameReport>,
    /// Hash of the pixels that left.
    pub hash: u32,
    pub regions: Vec<detectionmeta::Region>,
}

impl Frame {
    pub fn status(&self) -> Status {
        self.report.analysis.status
    }

    pub fn is_in_place(&self) -> bool {
        self.report.transfer == Some(Transfer::InPlace)
    }

    /// The hash of the pixels that the module saw.
    pub fn seen(&self) -> Option<u32> {
        self.report.analysis.detections.first().map(|detection| detection.class_id)
    }
}

/// A pipeline with a detector `d` and a sink `s`, and a record of what reaches the sink.
pub struct Bench {
    pub pipeline: gst::Pipeline,
    pub detector: gst::Element,
    left: Arc<Mutex<Vec<Left>>>,
    warnings: Arc<Mutex<Vec<String>>>,
    told: Arc<Mutex<Vec<gst::Message>>>,
}

impl Bench {
    /// `DETECT` in the description stands for the detector.
    pub fn new(description: &str, module: &Path) -> Self {
        init();
        // A deadline that a crowded machine keeps; the last value of a property counts.
        let detect = format!("evdetect name=d deadline=30000000000 preprocess={}", module.display());
        let description = description.replace("DETECT", &detect);
        let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
        let detector = pipeline.by_name("d").unwrap();
        let left = record(&pipeline.by_name("s").unwrap().static_pad("sink").unwrap());
        let (warnings, told) = note_warnings(&pipeline.bus().unwrap());
        Self { pipeline, detector, left, warnings, told }
    }

    /// Runs to the end of the stream and returns the frames; fails on any error.
    #[track_caller]
    pub fn run(&self) -> Vec<Frame> {
        self.play();
        let message = self.wait_for(&[gst::MessageType::Eos]);
        assert!(matches!(message.view(), gst::MessageView::Eos(_)), "{message:?}");
        self.stop();
        self.frames()
    }

    pub fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    /// The next message of these kinds; an error is a failure unless asked for.
    #[track_caller]
    pub fn wait_for(&self, kinds: &[gst::MessageType]) -> gst::Message {
        let bus = self.pipeline.bus().unwrap();
        let mut wanted = kinds.to_vec();
        wanted.push(gst::MessageType::Error);
        let message = bus.timed_pop_filtered(PATIENCE, &wanted).expect("nothing happens");
        if message.type_() == gst::MessageType::Error && !kinds.contains(&gst::MessageType::Error) {
            panic!("{message:?}");
        }
        message
    }

    pub fn stop(&self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }

    pub fn left(&self) -> Vec<Left> {
        self.left.lock().unwrap().clone()
    }

    pub fn frames(&self) -> Vec<Frame> {
        frames(self.left())
    }

    pub fn stat(&self, name: &str) -> u64 {
        self.detector.property::<gst::Structure>("stats").get(name).unwrap()
    }

    /// The `state` of the statistics.
    pub fn state(&self) -> String {
        self.detector.property::<gst::Structure>("stats").get("state").unwrap()
    }

    /// The warnings and infos of the detector so far.
    pub fn told(&self) -> Vec<gst::Message> {
        let told = self.told.lock().unwrap();
        let ours = |message: &&gst::Message| message.src() == Some(self.detector.upcast_ref());
        told.iter().filter(ours).cloned().collect()
    }

    /// Waits until something holds.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = std::time::Instant::now() + std::time::Duration::from(PATIENCE);
        while !holds(self) {
            assert!(std::time::Instant::now() < end, "it did not happen: {what}; told {:?}", self.told());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Sentences of the warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

type Log<T> = Arc<Mutex<Vec<T>>>;

/// A bus forgets its messages when the pipeline stops; this does not.
fn note_warnings(bus: &gst::Bus) -> (Log<String>, Log<gst::Message>) {
    let (warnings, told) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (warning_log, told_log) = (warnings.clone(), told.clone());
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Warning(warning) = message.view() {
            warning_log.lock().unwrap().push(warning.error().to_string());
        }
        if matches!(
            message.type_(),
            gst::MessageType::Warning | gst::MessageType::Info | gst::MessageType::Element
        ) {
            told_log.lock().unwrap().push(message.clone());
        }
        gst::BusSyncReply::Pass
    });
    (warnings, told)
}

pub fn frames(left: Vec<Left>) -> Vec<Frame> {
    left.into_iter()
        .filter_map(|left| match left {
            Left::Frame(frame) => Some(frame),
            Left::Event(_) => None,
        })
        .collect()
}

/// Notes what passes a pad.
pub fn record(pad: &gst::Pad) -> Arc<Mutex<Vec<Left>>> {
    let left = Arc::new(Mutex::new(Vec::new()));
    let (log, mask) = (left.clone(), gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM);
    pad.add_probe(mask, move |pad, info| {
        let entry = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => Left::Frame(frame(pad, buffer)),
            Some(gst::PadProbeData::Event(event)) => Left::Event(event.type_()),
            _ => return gst::PadProbeReturn::Ok,
        };
        log.lock().unwrap().push(entry);
        gst::PadProbeReturn::Ok
    });
    left
}

fn frame(pad: &gst::Pad, buffer: &gst::Buffer) -> Frame {
    let info = gst_video::VideoInfo::from_caps(&pad.current_caps().unwrap()).unwrap();
    Frame {
        pts: buffer.pts(),
        flags: buffer.flags(),
        report: detectionmeta::report(buffer).expect("every frame has a report"),
        hash: hash(buffer, &info),
        regions: detectionmeta::detections(buffer),
    }
}

/// FNV-1a, 32 bit, of the visible pixels of all planes.
pub fn hash(buffer: &gst::Buffer, info: &gst_video::VideoInfo) -> u32 {
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let mut hash = 0x811c_9dc5;
    for plane in 0..frame.n_planes() {
        let component = if frame.format_info().n_planes() == 1 { 0 } else { plane };
        let width = frame.comp_width(component) as usize * frame.comp_pstride(component) as usize;
        let (stride, lines) =
            (frame.plane_stride()[plane as usize] as usize, frame.comp_height(component) as usize);
        let data = frame.plane_data(plane).unwrap();
        for line in 0..lines {
            for byte in &data[line * stride..line * stride + width] {
                hash = (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
            }
        }
    }
    hash
}

/// Every frame was analysed, in order and without gaps, and the module saw what left.
#[track_caller]
pub fn assert_whole(frames: &[Frame], count: usize) {
    assert_eq!(frames.len(), count);
    for (seq, frame) in frames.iter().enumerate() {
        assert_eq!(frame.report.seq, seq as u64);
        assert_eq!(frame.status(), Status::Ok, "frame {seq}: {:?}", frame.report.analysis.message);
        assert_eq!(frame.seen(), Some(frame.hash), "frame {seq}");
        assert_eq!(frame.regions.len(), 1);
    }
    assert!(frames.windows(2).all(|pair| pair[0].pts < pair[1].pts), "timestamps rise");
}
