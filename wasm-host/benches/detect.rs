//! Decoding and NMS of the detectors, without inference: in the sandbox, and the same source natively.
//! Expected: at most 1.8 times the native time; 100,000 candidates well within a frame's deadline of 500 ms.
//!
//! The sandboxed figure is the host's own timing of the call without inference. Native vectors are those of the
//! compiler, which may be wider than WebAssembly's 128 bits.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use edgevision_sdk::{
    Detect, Infer, Output, Params, TensorRef,
    testing::{FixedModel, context, detect, whole},
};
use edgevision_wasm_host::{
    analysis::{Analyzer, AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
    nn::fake::{FakeModel, FakeTensor},
};
use yolo::Yolo;

type Failure = Box<dyn std::error::Error>;

/// An output of one model, and the side of its input.
struct Case {
    name: &'static str,
    params: &'static str,
    side: u32,
    shape: [usize; 3],
    /// The number at a row and a column.
    value: fn(usize, usize) -> f32,
}

/// Numbers from 0 to 1 that look like noise.
fn noise(row: usize, column: usize) -> f32 {
    ((row * 7919 + column * 104_729) % 1009) as f32 / 1009.0
}

/// A score: few cells show something, as in a picture.
fn score(cell: usize, class: usize) -> f32 {
    if cell.is_multiple_of(100) { noise(cell, class) } else { noise(cell, class) * 0.2 }
}

/// 100,000 boxes of one class, all above the threshold, over an input of 640.
fn everywhere(row: usize, column: usize) -> f32 {
    match row {
        0 | 1 => noise(row, column) * 640.0,
        2 | 3 => 10.0 + noise(row, column) * 60.0,
        _ => 0.3 + noise(row, column) * 0.7,
    }
}

const CASES: [Case; 4] = [
    Case {
        name: "yolox 3549x85",
        params: "{}",
        side: 416,
        shape: [1, 3549, 85],
        value: |row, column| if column < 4 { noise(row, column) } else { score(row, column) },
    },
    Case {
        name: "yolov8 84x3549",
        params: "{}",
        side: 416,
        shape: [1, 84, 3549],
        value: |row, column| if row < 4 { noise(row, column) * 400.0 } else { score(column, row) },
    },
    Case {
        name: "yolov8 84x8400",
        params: "{}",
        side: 640,
        shape: [1, 84, 8400],
        value: |row, column| if row < 4 { noise(row, column) * 600.0 } else { score(column, row) },
    },
    Case {
        name: "100,000 candidates",
        params: r#"{"max_candidates":100000}"#,
        side: 640,
        shape: [1, 5, 100_000],
        value: everywhere,
    },
];

impl Case {
    fn values(&self) -> Vec<f32> {
        let [_, rows, columns] = self.shape;
        (0..rows).flat_map(|row| (0..columns).map(move |column| (self.value)(row, column))).collect()
    }
}

fn guest(name: &str) -> Result<Arc<Module>, Failure> {
    let folder = std::env::var_os("EDGEVISION_BENCH_GUESTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests"), PathBuf::from);
    Ok(Module::load(&folder.join(format!("{name}.wasm")))?)
}

fn sandboxed(case: &Case) -> Result<Box<dyn Analyzer>, Failure> {
    let side = usize::try_from(case.side)?;
    let answer = FakeTensor::f32(case.shape, case.values());
    let spec = JobSpec {
        preprocess: Stage { module: guest("letterbox")?, params: serde_json::Value::Null },
        detect: Stage { module: guest("yolo")?, params: serde_json::from_str(case.params)? },
        model: Some(Arc::new(FakeModel::new([("images", [1, 3, side, side])], vec![answer]))),
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.25),
        limits: Limits { deadline: Duration::from_secs(10), ..Limits::default() },
    };
    Ok(Job::new(spec)?.build()?)
}

fn frame(side: u32) -> Result<Frame, Failure> {
    let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Limited };
    let layout = FrameLayout::packed(PixelFormat::Gray8, side, side, color)?;
    let arena = Arena::new(layout.byte_len(), 1)?;
    let slot = arena.acquire().ok_or("a new arena has room")?;
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (seq, timestamp_ns, transfer) = (0, None, Transfer::InPlace);
    Ok(Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive: Box::new(slot) })
}

/// Answers once; the outputs keep what they have.
struct Once(Option<FixedModel>);

impl Infer for &mut Once {
    fn infer(&mut self, inputs: &[TensorRef], outputs: &mut [Output]) -> Result<(), String> {
        self.0.take().map_or(Ok(()), |mut model| model.infer(inputs, outputs))
    }
}

fn postprocess_time(analyzer: &mut dyn Analyzer, frame: &Frame) -> Duration {
    let analysis = analyzer.analyze(frame);
    assert!(analysis.status == Status::Ok, "{:?}", analysis.message);
    analysis.timings.postprocess
}

fn measure(c: &mut Criterion, case: &Case) -> Result<(), Failure> {
    let mut group = c.benchmark_group(case.name);
    let (frame, mut analyzer) = (frame(case.side)?, sandboxed(case)?);
    group.bench_function("wasm", |b| {
        b.iter_custom(|rounds| (0..rounds).map(|_| postprocess_time(&mut *analyzer, &frame)).sum());
    });

    let side = i64::from(case.side);
    let shape = case.shape.map(|d| i64::try_from(d).unwrap_or(i64::MAX));
    let context = context(&[1, 3, side, side], &[("output", &shape)]);
    let mut native = Yolo::new(Params::from_json(case.params)?, &context)?;
    let dims = case.shape.map(|d| u32::try_from(d).unwrap_or(u32::MAX)).to_vec();
    let mut model = Once(Some(FixedModel(vec![(dims, case.values())])));
    let size = (case.side, case.side);
    group.bench_function("native", |b| {
        b.iter_custom(|rounds| {
            let start = Instant::now();
            for _ in 0..rounds {
                assert!(detect(&mut native, &mut model, whole(size.0, size.1), size).is_ok());
            }
            start.elapsed()
        });
    });
    group.finish();
    Ok(())
}

fn detectors(c: &mut Criterion) {
    for case in &CASES {
        measure(c, case).unwrap_or_else(|error| panic!("{error} (`cargo xtask guests` builds the modules)"));
    }
}

criterion_group!(benches, detectors);
criterion_main!(benches);
