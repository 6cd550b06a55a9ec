//! What the worker pool adds to a frame: from `submit` to the result, with an analyzer that does nothing.
#![allow(clippy::unwrap_used, reason = "a benchmark may fail by panicking")]

use std::{sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use edgevision_wasm_host::{
    analysis::{Analysis, Analyzer, AnalyzerFactory, Status, Timings},
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    pool::{DropPolicy, LaneOptions, QuarantineRules, WorkerPool},
};

struct Nothing;

impl Analyzer for Nothing {
    fn analyze(&mut self, _: &Frame) -> Analysis {
        let timings = Timings::default();
        Analysis {
            status: Status::Ok,
            detections: Vec::new(),
            tensors: Vec::new(),
            timings,
            bytes_copied: 0,
            message: None,
        }
    }
}

impl AnalyzerFactory for Nothing {
    fn build(&self) -> Result<Box<dyn Analyzer>, String> {
        Ok(Box::new(Nothing))
    }
}

fn frames() -> impl FnMut() -> Frame {
    let fd = rustix::fs::memfd_create("pool-bench", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let fd = Arc::new(fd);
    let color = Colorimetry { matrix: ColorMatrix::Bt709, range: ColorRange::Limited };
    let layout = FrameLayout::packed(PixelFormat::I420, 1920, 1080, color).unwrap();
    let mut seq = 0;
    move || {
        seq += 1;
        Frame {
            seq,
            timestamp_ns: None,
            layout: layout.clone(),
            pixels: Pixels::Fd { fd: fd.clone(), len: 4 << 20, offset: 0 },
            transfer: Transfer::InPlace,
            keep_alive: Box::new(()),
        }
    }
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pool");
    group.measurement_time(Duration::from_secs(3));
    let pool = WorkerPool::new(1);
    let (send, results) = crossbeam_channel::unbounded();
    let quarantine = QuarantineRules::default();
    let options = LaneOptions { capacity: 64, policy: DropPolicy::Block, quarantine };
    let on_result = Box::new(move |result| send.send(result).unwrap());
    let lane = pool.lane("bench", Arc::new(Nothing), options, on_result);
    lane.warm_up().unwrap();

    let mut frame = frames();
    group.bench_function("round trip, idle worker", |bencher| {
        bencher.iter(|| {
            lane.submit(frame()).unwrap();
            results.recv().unwrap()
        });
    });
    group.bench_function("32 frames, busy worker", |bencher| {
        bencher.iter(|| {
            (0..32).for_each(|_| lane.submit(frame()).unwrap());
            results.iter().take(32).count()
        });
    });
    group.finish();
}

criterion_group!(pool, benches);
criterion_main!(pool);
