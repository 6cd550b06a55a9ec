//! Deadlines: a thread that advances the engine's epoch while calls are running.

use std::{
    cell::Cell,
    marker::PhantomData,
    sync::{
        LazyLock, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use wasmtime::Engine;

use crate::engine::engine;

/// How much later than its deadline a call may be ended.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// The pace when no call is running. Not zero, so that a deadline set without [`ticks`] still comes.
const IDLE_TICK: Duration = Duration::from_millis(100);

/// Ticks of a deadline: rounded up, and one more because the running tick is partly over.
///
/// Call it right before every call into a module: it also keeps the ticker at its full pace until the deadline is
/// over, and brings the epoch up to date, so that the new deadline does not pay for ticks that came late.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    keep_awake(deadline.saturating_add(TICK * 2));
    catch_up(engine());
    let whole = deadline.as_nanos().div_ceil(TICK.as_nanos());
    // Wasmtime adds it to the present epoch, which must not wrap around.
    u64::try_from(whole).unwrap_or(u64::MAX).min(u64::MAX / 4) + 1
}

thread_local! {
    /// When the call into a module that this thread is in has to be over; the innermost of nested ones.
    static CALL_ENDS: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A call into a module that has begun on this thread, until this is dropped. What runs inside the call (a model that
/// is WebAssembly itself) has to end with it.
#[must_use]
pub(crate) struct Running {
    since: Instant,
    around: Option<Instant>,
    // A value of this thread must not be dropped by another.
    _thread: PhantomData<*const ()>,
}

impl Running {
    /// Begins a call that may take as long as `budget`.
    pub(crate) fn begin(budget: Duration) -> Self {
        let since = Instant::now();
        Self { since, around: CALL_ENDS.replace(since.checked_add(budget)), _thread: PhantomData }
    }

    /// Time since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CALL_ENDS.set(self.around);
    }
}

/// When the call that this thread is in has to be over; `None` outside of calls.
pub(crate) fn call_ends() -> Option<Instant> {
    CALL_ENDS.get()
}

/// Has the ticker at its full pace until `deadline`, also when no module is running.
pub(crate) fn watch_until(deadline: Instant) {
    engine();
    keep_awake(deadline.saturating_duration_since(Instant::now()).saturating_add(TICK * 2));
}

/// Milliseconds since the first use, until which the ticker keeps its full pace.
static AWAKE_UNTIL: AtomicU64 = AtomicU64::new(0);
static ASLEEP: AtomicBool = AtomicBool::new(false);
static TICKER: OnceLock<Thread> = OnceLock::new();

fn running_for() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

fn now() -> u64 {
    millis(running_for())
}

/// Makes the epoch what the clock says. On a busy machine a thread that sleeps for a tick may get up much later, and
/// counting its turns instead of the time would stretch every deadline.
fn catch_up(engine: &Engine) {
    static TICKED: Mutex<u128> = Mutex::new(0);
    // Held while counting, so that nobody starts a deadline in the middle of it.
    let mut ticked = TICKED.lock().unwrap_or_else(PoisonError::into_inner);
    let due = running_for().as_nanos() / TICK.as_nanos();
    for _ in *ticked..due {
        engine.increment_epoch();
    }
    *ticked = due.max(*ticked);
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
        catch_up(engine);
        crate::watch::stop_what_is_late();
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
    fn the_end_of_the_innermost_call_is_known_while_it_runs() {
        let outer = Running::begin(Duration::from_secs(60));
        let end = call_ends().unwrap();
        let inner = Running::begin(Duration::from_secs(1));
        assert!(call_ends().unwrap() < end);
        drop(inner);
        assert_eq!(call_ends(), Some(end));
        drop(outer);
        assert_eq!(call_ends(), None);
    }

    #[test]
    fn a_deadline_is_rounded_up_and_gets_one_tick_more() {
        let table = [(0, 1), (1, 2), (5, 2), (6, 3), (500, 101)];
        for (ms, expected) in table {
            assert_eq!(ticks(Duration::from_millis(ms)), expected, "{ms} ms");
        }
        assert!(ticks(Duration::MAX) < u64::MAX / 2);
    }

    #[test]
    fn an_endless_loop_ends_at_its_deadline_even_when_the_ticker_had_gone_to_sleep() {
        let engine = crate::engine::engine();
        let wasm = wat::parse_str(r#"(module (func (export "spin") (loop $l (br $l))))"#).unwrap();
        let module = wasmtime::Module::new(engine, wasm).unwrap();
        let mut store = wasmtime::Store::new(engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let spin = instance.get_typed_func::<(), ()>(&mut store, "spin").unwrap();
        for pause in [0, 250] {
            std::thread::sleep(Duration::from_millis(pause));
            let (deadline, started) = (Duration::from_millis(60), Instant::now());
            store.set_epoch_deadline(ticks(deadline));
            let error = spin.call(&mut store, ()).unwrap_err();
            let took = started.elapsed();
            assert_eq!(error.downcast_ref(), Some(&wasmtime::Trap::Interrupt));
            assert!(took >= deadline, "{took:?} after a pause of {pause} ms");
            assert!(took < Duration::from_secs(1), "{took:?} after a pause of {pause} ms");
        }
    }
}
