//! What it costs to hand a 1080p frame to a module: the whole of `analyze` with modules that do nothing, against
//! copying the frame into guest-sized memory. Expected: at most 15 µs, and at least 10 times cheaper than the copy.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edgevision_wasm_host::{
    analysis::{Analyzer, AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
};

const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;

const PREPROCESS: &str = r#"(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "edgevision_alloc") (param i32 i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 256)))
    (global.get $next))
  (func (export "preprocess_tensor_bytes") (result i32) (i32.const 64))
  ;; Looks at the first pixel and describes a tensor of one byte.
  (func (export "preprocess") (param $f i32) (param $t i32) (result i32)
    (i32.store8 (i32.load (local.get $t)) (i32.load8_u (i32.load offset=32 (local.get $f))))
    (i32.store offset=8 (local.get $t) (i32.const 1))
    (i32.store offset=12 (local.get $t) (i32.const 2))
    (i32.store offset=16 (local.get $t) (i32.const 1))
    (i32.store offset=20 (local.get $t) (i32.const 1))
    (f32.store offset=52 (local.get $t) (f32.const 1))
    (f32.store offset=56 (local.get $t) (f32.const 1))
    (i32.store offset=68 (local.get $t) (i32.const 1))
    (i32.store offset=72 (local.get $t) (i32.const 1))
    (i32.const 0)))"#;

const DETECT: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "edgevision_abi_version") (result i32) (i32.const 1))
  (func (export "edgevision_init") (result i32) (i32.const 0))
  (func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 1024))
  ;; Looks at the tensor and reports nothing.
  (func (export "detect") (param $r i32) (result i32)
    (drop (i32.load8_u (i32.load offset=12 (local.get $r))))
    (i32.const 0)))"#;

fn stage(name: &str, text: &str) -> Result<Stage, Box<dyn std::error::Error>> {
    let module = Module::from_bytes(name, &wat::parse_str(text)?)?;
    Ok(Stage { module, params: serde_json::Value::Null })
}

fn analyzer() -> Result<Box<dyn Analyzer>, Box<dyn std::error::Error>> {
    let spec = JobSpec {
        preprocess: stage("preprocess", PREPROCESS)?,
        detect: stage("detect", DETECT)?,
        model: None,
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.25),
        limits: Limits::default(),
    };
    Ok(Job::new(spec)?.build()?)
}

/// Frames in all slots of an arena, so that caches see what a stream shows them.
fn frames() -> Result<Vec<Frame>, Box<dyn std::error::Error>> {
    let color = Colorimetry { matrix: ColorMatrix::Bt709, range: ColorRange::Limited };
    let layout = FrameLayout::packed(PixelFormat::I420, WIDTH, HEIGHT, color)?;
    let arena = Arena::new(layout.byte_len(), 8)?;
    let bytes: Vec<u8> = (0..251_u8).cycle().take(layout.byte_len()).collect();
    let mut frames = Vec::new();
    while let Some(mut slot) = arena.acquire() {
        Arc::get_mut(&mut slot).ok_or("a new slot has one owner")?.copy_from(0, &bytes)?;
        frames.push(Frame {
            seq: frames.len() as u64,
            timestamp_ns: None,
            layout: layout.clone(),
            pixels: Pixels::Arena { arena: arena.clone(), offset: slot.offset() },
            transfer: Transfer::InPlace,
            keep_alive: Box::new(slot),
        });
    }
    Ok(frames)
}

fn handover(c: &mut Criterion) {
    let (frames, mut analyzer) = match (frames(), analyzer()) {
        (Ok(frames), Ok(analyzer)) => (frames, analyzer),
        (Err(error), _) | (_, Err(error)) => panic!("{error}"),
    };
    let byte_len = frames[0].layout.byte_len();
    let mut group = c.benchmark_group("handover 1080p I420");
    group.throughput(Throughput::Elements(1));
    let mut next = frames.iter().cycle();
    group.bench_function("in place", |b| {
        b.iter(|| {
            let analysis = next.next().map(|frame| analyzer.analyze(frame));
            assert!(analysis.is_some_and(|analysis| analysis.status == Status::Ok));
        });
    });
    // The same amount of memory round robin, read from as many slots.
    let sources: Vec<Vec<u8>> = (1_u8..).zip(&frames).map(|(i, _)| vec![i; byte_len]).collect();
    let mut guest = vec![0_u8; byte_len];
    let mut next = sources.iter().cycle();
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            if let Some(source) = next.next() {
                guest.copy_from_slice(black_box(source));
            }
            black_box(&mut guest);
        });
    });
    group.finish();
}

criterion_group!(benches, handover);
criterion_main!(benches);
