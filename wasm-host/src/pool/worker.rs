//! A worker thread: takes the next piece of work, never dies of it.

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;

use super::{
    FrameResult,
    quarantine::Admission,
    schedule::Shared,
    stats::Recorder,
    work::{LaneShared, Task, Working},
    workshop::{Lease, Workshop},
};
use crate::{
    analysis::{Analysis, Status, Timings},
    frame::{Frame, Transfer},
};

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
    /// Lane whose receiver this thread is calling; 0 when none.
    static DELIVERING: Cell<u64> = const { Cell::new(0) };
}

/// True on a pool's threads.
pub(crate) fn is_worker() -> bool {
    IS_WORKER.get()
}

/// How many of the lane's results this very thread is delivering: waiting for them would never end.
pub(crate) fn delivering_for(lane: u64) -> usize {
    usize::from(DELIVERING.get() == lane)
}

/// Starts a worker; `None` (and a log line) when the system has no thread to give.
pub(crate) fn spawn(number: usize, pool: Arc<Shared>, wake: Receiver<()>) -> Option<thread::JoinHandle<()>> {
    let body = move || {
        IS_WORKER.set(true);
        work(&pool, &wake);
    };
    thread::Builder::new()
        .name(format!("ev-worker-{number}"))
        .spawn(body)
        .inspect_err(|error| tracing::error!(worker = number, %error, "a worker thread could not be started"))
        .ok()
}

fn work(pool: &Arc<Shared>, wake: &Receiver<()>) {
    while wake.recv().is_ok() {
        while let Some((working, task)) = pool.next() {
            perform(pool, working, task);
        }
    }
}

fn perform(pool: &Shared, working: Working, task: Task) {
    match task {
        Task::Build { workshop, done } => {
            let outcome = workshop.lease_unbuilt().map_or(Ok(()), |lease| build(&working, lease));
            quietly("an analyzer", || drop(workshop));
            pool.wake();
            drop(working);
            if done.send(outcome).is_err() {
                tracing::debug!("nobody waits for this analyzer any more");
            }
        }
        Task::PassOn { job, why } => pool.pass_on(working, job, Status::Quarantined, &why),
        Task::Analyze { frame, submitted, epoch, lease, admission } => {
            let queue = submitted.elapsed();
            let workshop = lease.workshop();
            let mut result = analyze(&working, frame, lease);
            judge(&working, &workshop, admission, &result.analysis);
            quietly("an analyzer", || drop(workshop));
            // The analyzer is back: the lane's next frame may have been waiting for it.
            pool.wake();
            result.analysis.timings.queue = queue;
            result.analysis.timings.total = submitted.elapsed();
            pool.deliver(&working, epoch, result);
        }
    }
}

/// Tells the workshop how the frame went, before anything else can begin.
fn judge(working: &Working, workshop: &Workshop, admission: Admission, analysis: &Analysis) {
    let failed = matches!(analysis.status, Status::Timeout | Status::Trapped);
    let failure = failed.then(|| analysis.message.as_deref().unwrap_or("no reason was given"));
    if workshop.report(admission, failure)
        && let Some(lane) = working.lane()
    {
        tracing::debug!(camera = lane.name, reason = failure, "the modules are quarantined");
        lane.record(Recorder::quarantined);
    }
}

fn build(working: &Working, mut lease: Lease) -> Result<(), String> {
    let built = catch_unwind(AssertUnwindSafe(|| lease.analyzer().map(drop)));
    built.unwrap_or_else(|panic| Err(panicked(working, &*panic)))
}

/// Analyses the frame, then lets go of the analyzer and the frame.
fn analyze(working: &Working, frame: Frame, mut lease: Lease) -> FrameResult {
    let begun = Instant::now();
    let outcome =
        catch_unwind(AssertUnwindSafe(|| lease.analyzer().map(|analyzer| analyzer.analyze(&frame))));
    let analysis = match outcome {
        Ok(Ok(analysis)) => analysis,
        Ok(Err(reason)) => trapped(reason, begun.elapsed()),
        Err(panic) => {
            let broken = lease.take();
            quietly("an analyzer", || drop(broken));
            trapped(panicked(working, &*panic), begun.elapsed())
        }
    };
    quietly("an analyzer", || drop(lease));
    let (seq, transfer) = let_go(frame);
    FrameResult { seq, transfer, analysis }
}

fn trapped(reason: String, preprocess: Duration) -> Analysis {
    Analysis {
        status: Status::Trapped,
        detections: Vec::new(),
        tensors: Vec::new(),
        timings: Timings { preprocess, ..Timings::default() },
        bytes_copied: 0,
        message: Some(reason),
    }
}

/// Drops a frame, whatever its owner's destructor does.
pub(crate) fn let_go(frame: Frame) -> (u64, Transfer) {
    let kept = (frame.seq, frame.transfer);
    quietly("a frame", || drop(frame));
    kept
}

/// Calls the lane's receiver, which is not ours: its panic is logged and goes no further.
pub(crate) fn call_receiver(lane: &LaneShared, result: FrameResult) {
    let outer = DELIVERING.replace(lane.id);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (lane.on_result)(result))) {
        tracing::error!(camera = lane.name, panic = panic_text(&*panic), "the receiver of a result panicked");
    }
    DELIVERING.set(outer);
}

fn quietly(what: &str, action: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(action)) {
        tracing::error!(panic = panic_text(&*panic), "{what} panicked while it was dropped");
    }
}

fn panicked(working: &Working, panic: &(dyn Any + Send)) -> String {
    let camera = working.lane().map_or("", |lane| &lane.name);
    let text = panic_text(panic);
    tracing::error!(camera, panic = text, "the analysis of a frame panicked");
    format!(
        "The analysis for camera `{camera}` panicked ({text}); this is a fault of the host, please report it."
    )
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
