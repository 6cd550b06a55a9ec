//! The worker pool that all detectors of the process share.

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicUsize, Ordering},
};

use edgevision_wasm_host::pool::WorkerPool;

use crate::glue::{cores, lock};

static DEFAULT_WORKERS: AtomicUsize = AtomicUsize::new(0);
static SHARED: Mutex<Weak<WorkerPool>> = Mutex::new(Weak::new());

/// Sets how many workers the shared pool gets when it is made, 0 for one per core. Call it before the first
/// detector starts; a pool that exists keeps its size.
pub fn set_default_workers(workers: usize) {
    DEFAULT_WORKERS.store(workers, Ordering::Relaxed);
}

/// Workers that a detector with this `workers` property will have.
pub(super) fn planned(workers: usize) -> usize {
    let asked = [workers, DEFAULT_WORKERS.load(Ordering::Relaxed)].into_iter().find(|asked| *asked > 0);
    asked.unwrap_or_else(cores)
}

/// The shared pool (`workers` is 0; made when the first user asks, gone with the last), or a private one.
pub(super) fn pool(workers: usize) -> Arc<WorkerPool> {
    if workers > 0 {
        return WorkerPool::new(workers);
    }
    let mut shared = lock(&SHARED);
    shared.upgrade().unwrap_or_else(|| {
        let pool = WorkerPool::new(planned(0));
        *shared = Arc::downgrade(&pool);
        pool
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detectors_share_a_pool_unless_they_ask_for_their_own() {
        let (first, second, own) = (pool(0), pool(0), pool(1));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &own));
        assert_eq!(own.workers(), 1);
    }
}
