//! The process that measures one engine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use edgevision_wasm_host::nn::{Model, NnError, load_model};

use super::{
    BenchArgs,
    difference::Outputs,
    figures::{Figures, percentile},
    process::{cpu_time, resident},
    tensors::{self, Input, Room},
};
use crate::{
    cli::Report,
    error::{AppError, Exit},
};

/// Fewest inferences that the times are taken of, however long that takes.
const FEWEST_RUNS: usize = 10;
/// Inferences before anything is measured: engines allocate and choose their kernels in the first ones.
const WARM_UP: usize = 3;

/// Prints figures and outputs as JSON, for the process that asked.
pub(super) fn measure(args: &BenchArgs) -> Result<Report, AppError> {
    let measured = figures(args).map_err(|sentence| AppError::new(Exit::Unavailable, sentence))?;
    let text =
        serde_json::to_string(&measured).map_err(|error| AppError::new(Exit::Internal, error.to_string()))?;
    Ok(Report { text, complaints: String::new(), exit: Exit::Ok })
}

fn figures(args: &BenchArgs) -> Result<(Figures, Outputs), String> {
    let sentence = |error: NnError| error.to_string();
    let start = Instant::now();
    let model = load(args, 1)?;
    let load_ms = start.elapsed().as_secs_f64() * 1e3;
    let inputs = tensors::inputs(&*model, &args.shapes)
        .map_err(|error| format!("{}: {error}", args.model.display()))?;
    let mut session = model.clone().session().map_err(sentence)?;
    let mut room = Room::new(&*model, &mut *session, &inputs).map_err(sentence)?;
    let outputs = room.outputs(&mut *session, &inputs).map_err(sentence)?;
    for _ in 0..WARM_UP {
        room.run(&mut *session, &inputs).map_err(sentence)?;
    }
    let before = cpu_time();
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < args.time.get() || times.len() < FEWEST_RUNS {
        let begun = Instant::now();
        room.run(&mut *session, &inputs).map_err(sentence)?;
        times.push(begun.elapsed());
    }
    let one = per_second(times.len(), start.elapsed());
    let cpu = cpu_time().saturating_sub(before);
    let rss_of_one = resident();
    times.sort_unstable();
    drop((session, room));
    let (engine, runs) = (model.identity().engine.to_owned(), times.len());
    drop(model);
    let more = (2..=args.workers()).map(|workers| throughput(args, &inputs, workers));
    let fps = std::iter::once(Ok(one)).chain(more).collect::<Result<Vec<f64>, String>>()?;
    #[allow(clippy::cast_precision_loss, reason = "a count of runs")]
    let cpu_ms = cpu.as_secs_f64() * 1e3 / runs as f64;
    let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|share| percentile(&times, share));
    let figures =
        Figures { engine, load_ms, p50_ms, p95_ms, p99_ms, cpu_ms, fps, rss: [rss_of_one, resident()], runs };
    Ok((figures, outputs))
}

fn load(args: &BenchArgs, sessions: usize) -> Result<Arc<dyn Model>, String> {
    let engine = args.engines.first().map_or("auto", String::as_str);
    load_model(&args.model, engine, &args.load_options(sessions)?).map_err(|error| error.to_string())
}

/// Inferences a second of so many workers, each with a session of its own, as the worker pool runs them.
fn throughput(args: &BenchArgs, inputs: &[Input], workers: usize) -> Result<f64, String> {
    let model = load(args, workers)?;
    let (stop, runs) = (AtomicBool::new(false), AtomicU64::new(0));
    let worker = || -> Result<(), NnError> {
        let mut session = model.clone().session()?;
        let mut room = Room::new(&*model, &mut *session, inputs)?;
        while !stop.load(Ordering::Relaxed) {
            room.run(&mut *session, inputs)?;
            runs.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        // The first inferences of each are not counted.
        thread::sleep(args.time.get() / 4);
        let (start, before) = (Instant::now(), runs.load(Ordering::Relaxed));
        thread::sleep(args.time.get());
        let (elapsed, counted) = (start.elapsed(), runs.load(Ordering::Relaxed) - before);
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker
                .join()
                .map_err(|_| "the engine panicked".to_owned())?
                .map_err(|error| error.to_string())?;
        }
        Ok(per_second(usize::try_from(counted).unwrap_or(usize::MAX), elapsed))
    })
}

#[allow(clippy::cast_precision_loss, reason = "a count of runs")]
fn per_second(runs: usize, elapsed: Duration) -> f64 {
    runs as f64 / elapsed.as_secs_f64()
}
