//! What it costs to be a component: the detect stage of `yolo` as a core module (tensors borrowed in place) and as a
//! component (tensors as resources of `wasi:nn`), on the shapes of YOLOX at 416x416, without the time in the engine.

use std::{path::PathBuf, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use edgevision_wasm_host::{
    analysis::{Analyzer, AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    job::{Job, JobSpec, Limits, Stage},
    module::Module,
    nn::fake::{FakeModel, FakeTensor},
};

const SIZE: usize = 416;
/// Cells of the grids with strides 8, 16 and 32.
const CELLS: usize = 52 * 52 + 26 * 26 + 13 * 13;
const COLUMNS: usize = 85;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn stage(name: &str) -> Outcome<Stage> {
    let guests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
    let module = Module::load(&guests.join(format!("{name}.wasm")))?;
    Ok(Stage { module, params: serde_json::Value::Null })
}

/// Every 500th cell is an object.
fn model() -> FakeModel {
    let mut values = vec![0.0_f32; CELLS * COLUMNS];
    for cell in values.chunks_mut(COLUMNS).step_by(500) {
        (cell[2], cell[3], cell[4], cell[5]) = (1.0, 1.0, 0.9, 0.9);
    }
    FakeModel::new([("images", [1, 3, SIZE, SIZE])], vec![FakeTensor::f32([1, CELLS, COLUMNS], values)])
}

fn analyzer(detect: &str) -> Outcome<Box<dyn Analyzer>> {
    let spec = JobSpec {
        preprocess: stage("letterbox")?,
        detect: stage(detect)?,
        model: Some(Arc::new(model())),
        labels: Arc::new([]),
        thresholds: Thresholds::all(0.25),
        limits: Limits::default(),
    };
    Ok(Job::new(spec)?.build()?)
}

fn frame() -> Outcome<Frame> {
    let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Limited };
    let layout = FrameLayout::packed(PixelFormat::I420, 640, 360, color)?;
    let arena = Arena::new(layout.byte_len(), 1)?;
    let slot = arena.acquire().ok_or("a new arena has a free slot")?;
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (seq, timestamp_ns, transfer) = (0, None, Transfer::InPlace);
    Ok(Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive: Box::new(slot) })
}

fn component(c: &mut Criterion) {
    let mut group = c.benchmark_group("yolo on 416x416 without inference");
    for (name, module) in [("core module", "yolo"), ("component", "yolo-component")] {
        let (frame, mut analyzer) = match (frame(), analyzer(module)) {
            (Ok(frame), Ok(analyzer)) => (frame, analyzer),
            (Err(error), _) | (_, Err(error)) => panic!("{error} (`cargo xtask guests` builds the modules)"),
        };
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let analysis = analyzer.analyze(&frame);
                    assert_eq!((analysis.status, analysis.detections.is_empty()), (Status::Ok, false));
                    spent += analysis.timings.postprocess;
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group!(benches, component);
criterion_main!(benches);
