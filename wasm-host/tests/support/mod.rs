//! Frames, models and jobs for the tests of whole instances.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use edgevision_wasm_host::{
    analysis::{Analysis, Analyzer, AnalyzerFactory, Status},
    arena::{Arena, Slot},
    detection::{Detection, Thresholds},
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Plane, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
    nn::{
        DType, Model, TensorInfo,
        fake::{FakeModel, FakeTensor},
    },
};
use serde_json::json;

pub const WIDTH: u32 = 20;
pub const HEIGHT: u32 = 10;
/// Wider than the picture, as decoders make it.
pub const STRIDE: u32 = 32;
/// A frame that begins with this value sets the attacks off.
pub const ATTACK: u8 = 0xEE;

/// A module of `tests/wat`.
pub fn module(name: &str) -> Arc<Module> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wat/{name}.wat"));
    let bytes = wat::parse_file(&path).unwrap_or_else(|error| panic!("{error}"));
    Module::from_bytes(name, &bytes).unwrap_or_else(|error| panic!("{error}"))
}

pub fn stage(name: &str) -> Stage {
    Stage { module: module(name), params: json!({ "name": name }) }
}

/// A short deadline, because the attacks use it up.
pub fn limits() -> Limits {
    Limits { deadline: Duration::from_millis(200), memory_bytes: 4 << 20, ..Limits::default() }
}

pub fn spec(preprocess: &str, detect: &str, model: Option<Arc<dyn Model>>) -> JobSpec {
    JobSpec {
        preprocess: stage(preprocess),
        detect: stage(detect),
        model,
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.25),
        limits: limits(),
    }
}

pub fn analyzer(spec: JobSpec) -> Box<dyn Analyzer> {
    Job::for_camera(spec, "line3").unwrap().build().unwrap()
}

/// The job whose every result is known.
pub fn healthy() -> Box<dyn Analyzer> {
    analyzer(spec("copy_plane", "checksum", None))
}

pub fn color() -> Colorimetry {
    Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Limited }
}

/// A camera whose frames are grey, with padded lines, somewhere inside a slot.
pub struct Camera {
    pub arena: Arc<Arena>,
    layout: FrameLayout,
    seq: u64,
}

impl Camera {
    pub fn new() -> Self {
        let planes = [Plane { offset: 64, stride: STRIDE }];
        let layout = FrameLayout::new(PixelFormat::Gray8, WIDTH, HEIGHT, color(), &planes).unwrap();
        Self { arena: Arena::new(64 << 10, 8).unwrap(), layout, seq: 0 }
    }

    /// A frame of which every byte is different, and the hash of its visible pixels. `first` is its first pixel.
    pub fn shoot(&mut self, first: u8) -> (Frame, u32) {
        let bytes = self.bytes(first);
        let expected = hash(&visible(&bytes));
        (self.frame(&bytes), expected)
    }

    /// The bytes of the next frame, padding included.
    pub fn bytes(&self, first: u8) -> Vec<u8> {
        let seed = u8::try_from(self.seq % 251).unwrap();
        let pattern = (0..251_u8).map(|i| i.wrapping_mul(7) ^ seed).cycle();
        let mut bytes: Vec<u8> = pattern.take(self.layout.byte_len()).collect();
        bytes[64] = first;
        bytes
    }

    /// Puts bytes into a slot.
    pub fn frame(&mut self, bytes: &[u8]) -> Frame {
        let mut slot = self.arena.acquire().unwrap();
        let first: &mut Slot = Arc::get_mut(&mut slot).unwrap();
        first.copy_from(0, bytes).unwrap();
        let pixels = Pixels::Arena { arena: self.arena.clone(), offset: slot.offset() };
        self.frame_of(pixels, Box::new(slot))
    }

    pub fn frame_of(&mut self, pixels: Pixels, keep_alive: Box<dyn std::any::Any + Send>) -> Frame {
        let seq = self.seq;
        self.seq += 1;
        let layout = self.layout.clone();
        Frame { seq, timestamp_ns: Some(seq * 40), layout, pixels, transfer: Transfer::InPlace, keep_alive }
    }
}

/// The picture without its padding.
pub fn visible(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes[64..].chunks(STRIDE as usize).take(HEIGHT as usize);
    lines.flat_map(|line| &line[..WIDTH as usize]).copied().collect()
}

/// FNV-1a, 32 bit (offset basis 2166136261, prime 16777619).
pub fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619))
}

/// A model for u8 pictures that reports one detection whose class is the hash of what it was given.
pub fn hashing_model() -> FakeModel {
    let input = TensorInfo { name: "picture".into(), dtype: DType::U8, shape: vec![None, None] };
    let answer = |class: u32| {
        let floats = [0.0, 0.0, WIDTH as f32, HEIGHT as f32, 0.5, f32::from_bits(class)];
        let data = floats.iter().flat_map(|value| value.to_le_bytes()).collect();
        FakeTensor { dtype: DType::F32, shape: vec![1, 6], data }
    };
    FakeModel::with_inputs(vec![input], vec![answer(0)])
        .answering(move |_, inputs| Ok(vec![answer(hash(inputs[0].data))]))
}

/// The one box that fills the frame.
pub fn whole_frame(class_id: u32) -> Detection {
    Detection { x0: 0.0, y0: 0.0, x1: WIDTH as f32, y1: HEIGHT as f32, score: 0.5, class_id, extras: None }
}

#[track_caller]
pub fn assert_ok(analysis: &Analysis, class_id: u32) {
    assert_eq!((analysis.status, analysis.message.as_deref()), (Status::Ok, None));
    assert_eq!(analysis.detections, [whole_frame(class_id)]);
}
