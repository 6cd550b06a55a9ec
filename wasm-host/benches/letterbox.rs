//! `letterbox` from 720p I420 to a tensor of 640 x 640 floats: in its sandbox, and the same source natively.
//! Expected: at most 1.8 times the native time.
//!
//! Natively the vectors of the module are plain arrays for the compiler to vectorise (`simd.rs`); the sandbox has the
//! 128-bit instructions of WebAssembly. The sandboxed figure is the host's own timing of the call, so that neither
//! hand-over nor detection are in it.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use edgevision_sdk::{Context, FrameView, Params, Preprocess, TensorMut, frame::FrameInfo};
use edgevision_wasm_host::{
    analysis::{Analyzer, AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
    nn::fake::{FakeModel, FakeTensor},
};
use letterbox::Letterbox;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const SIDE: usize = 640;
const PARAMS: &str = r#"{"std":255}"#;

type Failure = Box<dyn std::error::Error>;

fn guest(name: &str) -> Result<Arc<Module>, Failure> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(format!("{name}.wasm"));
    Ok(Module::load(&path)?)
}

fn sandboxed() -> Result<Box<dyn Analyzer>, Failure> {
    let nothing = FakeTensor::f32([1, 5, 8], [0.0; 40]);
    let spec = JobSpec {
        preprocess: Stage { module: guest("letterbox")?, params: serde_json::from_str(PARAMS)? },
        detect: Stage { module: guest("yolo")?, params: serde_json::Value::Null },
        model: Some(Arc::new(FakeModel::new([("images", [1, 3, SIDE, SIDE])], vec![nothing]))),
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.25),
        limits: Limits::default(),
    };
    Ok(Job::new(spec)?.build()?)
}

/// Every value there is; the time does not depend on them.
fn picture(layout: &FrameLayout) -> Vec<u8> {
    (0u8..251).cycle().step_by(7).take(layout.byte_len()).collect()
}

fn frame(layout: &FrameLayout, bytes: &[u8]) -> Result<Frame, Failure> {
    let arena = Arena::new(layout.byte_len(), 1)?;
    let mut slot = arena.acquire().ok_or("a new arena has room")?;
    Arc::get_mut(&mut slot).ok_or("a new slot has one owner")?.copy_from(0, bytes)?;
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (layout, keep_alive) = (layout.clone(), Box::new(slot));
    Ok(Frame { seq: 0, timestamp_ns: None, layout, pixels, transfer: Transfer::InPlace, keep_alive })
}

fn view<'a>(layout: &FrameLayout, bytes: &'a [u8]) -> Result<FrameView<'a>, Failure> {
    let info = FrameInfo {
        format: edgevision_sdk::PixelFormat::I420,
        width: WIDTH as usize,
        height: HEIGHT as usize,
        matrix: edgevision_sdk::ColorMatrix::Bt709,
        range: edgevision_sdk::ColorRange::Limited,
        timestamp_ns: None,
        seq: 0,
    };
    let planes = layout.planes().iter().map(|p| (&bytes[p.offset as usize..], p.stride as usize));
    Ok(FrameView::new(info, &planes.collect::<Vec<_>>())?)
}

fn letterbox(c: &mut Criterion) {
    measure(c).unwrap_or_else(|error| panic!("{error} (`cargo xtask guests` builds the modules)"));
}

fn measure(c: &mut Criterion) -> Result<(), Failure> {
    let color = Colorimetry { matrix: ColorMatrix::Bt709, range: ColorRange::Limited };
    let layout = FrameLayout::packed(PixelFormat::I420, WIDTH, HEIGHT, color)?;
    let bytes = picture(&layout);
    let mut group = c.benchmark_group("letterbox 720p I420 to 640x640 f32");

    let (frame, mut analyzer) = (frame(&layout, &bytes)?, sandboxed()?);
    group.bench_function("wasm", |b| {
        b.iter_custom(|rounds| (0..rounds).map(|_| preprocess_time(&mut *analyzer, &frame)).sum());
    });

    let context = Context::default();
    let params = Params::from_json(&PARAMS.replace('}', &format!(r#","width":{SIDE},"height":{SIDE}}}"#)))?;
    let (mut native, view) = (Letterbox::new(params, &context)?, view(&layout, &bytes)?);
    let mut tensor = vec![0.0; 3 * SIDE * SIDE];
    group.bench_function("native", |b| {
        b.iter_custom(|rounds| {
            let start = Instant::now();
            for _ in 0..rounds {
                assert!(native.run(&view, &mut TensorMut::F32(&mut tensor)).is_ok());
            }
            start.elapsed()
        });
    });
    group.finish();
    Ok(())
}

fn preprocess_time(analyzer: &mut dyn Analyzer, frame: &Frame) -> Duration {
    let analysis = analyzer.analyze(frame);
    assert!(analysis.status == Status::Ok, "{:?}", analysis.message);
    analysis.timings.preprocess
}

criterion_group!(benches, letterbox);
criterion_main!(benches);
