//! Deadlines inside inference engines: the thread that ends modules also stops runs whose time is up.
//!
//! A run is watched while it is in the engine. Watching costs two short locks, no thread and no timer; a run is
//! stopped at most a tick after its deadline, as soon as the engine looks (between two operators).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Stops a run from another thread.
pub trait Interrupt: Send + Sync {
    /// Asks the run that is under way to end with an error. Called again each tick until it has, also before it has
    /// begun and after it has ended; then it does nothing.
    fn interrupt(&self);
}

struct Watched {
    id: u64,
    deadline: Instant,
    interrupt: Arc<dyn Interrupt>,
}

struct List {
    next: u64,
    runs: Vec<Watched>,
}

static LIST: Mutex<List> = Mutex::new(List { next: 0, runs: Vec::new() });

fn list() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run under watch, until this is dropped. After that it is not interrupted any more.
pub(crate) struct Watch(u64);

/// Has `interrupt` called once `deadline` is over.
pub(crate) fn watch(deadline: Instant, interrupt: Arc<dyn Interrupt>) -> Watch {
    crate::epoch::watch_until(deadline);
    let mut list = list();
    let id = list.next;
    list.next += 1;
    list.runs.push(Watched { id, deadline, interrupt });
    Watch(id)
}

impl Drop for Watch {
    fn drop(&mut self) {
        list().runs.retain(|run| run.id != self.0);
    }
}

/// Stops what is late. Called at every tick, under the lock, so that no run is stopped after its watch has ended.
pub(crate) fn stop_what_is_late() {
    let list = list();
    if list.runs.is_empty() {
        return;
    }
    let now = Instant::now();
    list.runs.iter().filter(|run| run.deadline <= now).for_each(|run| run.interrupt.interrupt());
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Interrupt for Count {
        fn interrupt(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn only_what_is_late_and_under_watch_is_stopped() {
        let now = Instant::now();
        let [late, early, over] = [(); 3].map(|()| Arc::new(Count::default()));
        let first = watch(now, late.clone());
        let _second = watch(now + Duration::from_secs(3600), early.clone());
        drop(watch(now, over.clone()));
        stop_what_is_late();
        let stopped = late.0.load(Ordering::SeqCst);
        assert!(stopped >= 1, "the ticker may have been here too");
        drop(first);
        stop_what_is_late();
        assert_eq!(early.0.load(Ordering::SeqCst), 0);
        assert_eq!(over.0.load(Ordering::SeqCst), 0);
    }
}
