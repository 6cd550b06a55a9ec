//! Frames into a filter, and what comes out.

use std::path::{Path, PathBuf};
use std::sync::Once;

use gst::prelude::*;
use gst_video::VideoFrameExt;

pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstedgevision::plugin_register_static().unwrap();
    });
}

/// A module that ships.
pub fn guest(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing (`cargo xtask guests` builds it)", path.display());
    path
}

/// A module of the host's tests. They filter grey frames, and misbehave when the first pixel is [`ATTACK`].
pub struct Wat {
    dir: tempfile::TempDir,
    name: String,
}

pub const ATTACK: u8 = 0xEE;

impl Wat {
    pub fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../wasm-host/tests/wat").join(format!("{name}.wat"));
        let dir = tempfile::tempdir().unwrap();
        let wat = Self { dir, name: name.into() };
        std::fs::write(wat.path(), wat::parse_file(path).unwrap()).unwrap();
        wat
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join(format!("{}.wasm", self.name))
    }
}

pub fn filter(module: &Path, params: &str) -> gst::Element {
    init();
    // A deadline that a crowded machine keeps.
    let deadline = 30_000_000_000_u64;
    let element = gst::ElementFactory::make("evmodule").name("m").property("deadline", deadline);
    element.property("module", module.to_str().unwrap()).property("params", params).build().unwrap()
}

/// An element between two pads of the test.
pub struct Bench {
    pub harness: gst_check::Harness,
    pub element: gst::Element,
    pub bus: gst::Bus,
    info: gst_video::VideoInfo,
}

impl Bench {
    pub fn new(element: gst::Element, caps: &str) -> Self {
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        harness.play();
        let info = set_caps(&mut harness, caps);
        Self { harness, element, bus, info }
    }

    pub fn info(&self) -> &gst_video::VideoInfo {
        &self.info
    }

    pub fn change_caps(&mut self, caps: &str) {
        self.info = set_caps(&mut self.harness, caps);
    }

    /// A frame of which every visible byte is `value(plane, x in bytes, y)`.
    pub fn frame(&self, value: impl Fn(u32, usize, usize) -> u8) -> gst::Buffer {
        let buffer = gst::Buffer::with_size(self.info.size()).unwrap();
        let mut frame = gst_video::VideoFrame::from_buffer_writable(buffer, &self.info).unwrap();
        for plane in 0..frame.n_planes() {
            let stride = usize::try_from(frame.plane_stride()[plane as usize]).unwrap();
            for (y, row) in frame.plane_data_mut(plane).unwrap().chunks_mut(stride).enumerate() {
                row.iter_mut().enumerate().for_each(|(x, byte)| *byte = value(plane, x, y));
            }
        }
        frame.into_buffer()
    }

    /// Pushes a frame and pulls what comes out.
    pub fn through(&mut self, buffer: gst::Buffer) -> gst::Buffer {
        self.harness.push(buffer).unwrap();
        self.harness.pull().unwrap()
    }

    /// The visible bytes of each plane, row after row.
    pub fn visible(&self, buffer: &gst::Buffer) -> Vec<Vec<u8>> {
        visible(&self.info, buffer)
    }

    pub fn stat(&self, name: &str) -> u64 {
        self.element.property::<gst::Structure>("stats").get(name).unwrap()
    }

    /// Sentences of the warnings since the last look.
    pub fn warnings(&self) -> Vec<String> {
        let mut found = vec![];
        while let Some(message) = self.bus.pop_filtered(&[gst::MessageType::Warning]) {
            let gst::MessageView::Warning(warning) = message.view() else { continue };
            found.push(warning.error().to_string());
        }
        found
    }
}

fn set_caps(harness: &mut gst_check::Harness, caps: &str) -> gst_video::VideoInfo {
    let caps: gst::Caps = format!("video/x-raw,framerate=25/1,{caps}").parse().unwrap();
    harness.set_src_caps(caps.clone());
    gst_video::VideoInfo::from_caps(&caps).unwrap()
}

/// Visible bytes of a row, and rows, of a plane.
pub fn extent(info: &gst_video::VideoInfo, plane: usize) -> (usize, usize) {
    use gst_video::VideoFormat::{Bgr, I420, Nv12, Rgb};
    let (width, height) = (info.width() as usize, info.height() as usize);
    match (info.format(), plane) {
        (I420, 1..) => (width.div_ceil(2), height.div_ceil(2)),
        (Nv12, 1..) => (width.div_ceil(2) * 2, height.div_ceil(2)),
        (Rgb | Bgr, _) => (width * 3, height),
        _ => (width, height),
    }
}

pub fn visible(info: &gst_video::VideoInfo, buffer: &gst::Buffer) -> Vec<Vec<u8>> {
    let frame = gst_video::VideoFrame::from_buffer_readable(buffer.clone(), info).unwrap();
    let plane = |index: u32| {
        let (bytes, rows) = extent(info, index as usize);
        let stride = usize::try_from(frame.plane_stride()[index as usize]).unwrap();
        let data = frame.plane_data(index).unwrap();
        (0..rows).flat_map(|y| data[y * stride..][..bytes].to_vec()).collect()
    };
    (0..frame.n_planes()).map(plane).collect()
}

/// Runs a pipeline to the end of its stream.
#[track_caller]
pub fn run(pipeline: &gst::Element) {
    const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(PATIENCE, &kinds).expect("nothing happens");
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    pipeline.set_state(gst::State::Null).unwrap();
}
