//! Deadlines: a thread that advances the engine's epoch while calls are running.

use std::{
    sync::{
        LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use wasmtime::Engine;

/// How much later than its deadline a call may be ended.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// The pace when no call is running. Not zero, so that a deadline set without [`ticks`] still comes.
const IDLE_TICK: Duration = Duration::from_millis(100);

/// Ticks of a deadline: rounded up, and one more because the running tick is partly over.
///
/// Call it for every call into a module: it also keeps the ticker at its full pace until the deadline is over.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    keep_awake(deadline.saturating_add(TICK * 2));
    let whole = deadline.as_nanos().div_ceil(TICK.as_nanos());
    // Wasmtime adds it to the present epoch, which must not wrap around.
    u64::try_from(whole).unwrap_or(u64::MAX).min(u64::MAX / 4) + 1
}

/// Milliseconds since the first use, until which the ticker keeps its full pace.
static AWAKE_UNTIL: AtomicU64 = AtomicU64::new(0);
static ASLEEP: AtomicBool = AtomicBool::new(false);
static TICKER: OnceLock<Thread> = OnceLock::new();

fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    millis(START.elapsed())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn keep_awake(duration: Duration) {
    let until = now().saturating_add(millis(duration)).saturating_add(1);
    AWAKE_UNTIL.fetch_max(until, Ordering::SeqCst);
    if ASLEEP.swap(false, Ordering::SeqCst)
        && let Some(ticker) = TICKER.get()
    {
        ticker.unpark();
    }
}

/// Starts the ticker, once per process. Without it no deadline would ever come, so failure ends the process.
pub(crate) fn start(engine: Engine) {
    TICKER.get_or_init(|| {
        let run = move || tick_for_ever(&engine);
        let ticker = std::thread::Builder::new().name("ev-epoch".into()).spawn(run);
        ticker.expect("the system has room for one more thread").thread().clone()
    });
}

fn tick_for_ever(engine: &Engine) {
    loop {
        if now() < AWAKE_UNTIL.load(Ordering::SeqCst) {
            std::thread::sleep(TICK);
        } else {
            idle();
        }
        engine.increment_epoch();
    }
}

/// Sleeps until somebody calls `ticks`, at most one idle tick. Says so first and looks again then: a call that came
/// in between is seen by one of the two.
fn idle() {
    ASLEEP.store(true, Ordering::SeqCst);
    if now() >= AWAKE_UNTIL.load(Ordering::SeqCst) {
        std::thread::park_timeout(IDLE_TICK);
    }
    ASLEEP.store(false, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_rounded_up_and_gets_one_tick_more() {
        let table = [(0, 1), (1, 2), (5, 2), (6, 3), (500, 101)];
        for (ms, expected) in table {
            assert_eq!(ticks(Duration::from_millis(ms)), expected, "{ms} ms");
        }
        assert!(ticks(Duration::MAX) < u64::MAX / 2);
    }
}
