//! The worker pools that the detectors of the process share, and how workers and engine threads share the cores.
//!
//! Threads of the engine times workers are the cores. Detectors for throughput share a pool of one worker per core,
//! whose engines use one thread each. Detectors for latency share a pool of a single worker, whose engine uses all
//! cores: one inference at a time, also with several cameras.

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicUsize, Ordering},
};

use edgevision_wasm_host::pool::WorkerPool;

use super::settings::Performance;
use crate::glue::{cores, lock};

static DEFAULT_WORKERS: AtomicUsize = AtomicUsize::new(0);
static LATENCY_WORKERS: AtomicUsize = AtomicUsize::new(1);
static SHARED: Mutex<Weak<WorkerPool>> = Mutex::new(Weak::new());
static SHARED_FOR_LATENCY: Mutex<Weak<WorkerPool>> = Mutex::new(Weak::new());

/// Sets how many workers the shared pool gets when it is made, 0 for one per core. Call it before the first
/// detector starts; a pool that exists keeps its size.
pub fn set_default_workers(workers: usize) {
    DEFAULT_WORKERS.store(workers, Ordering::Relaxed);
}

/// The same for the pool of those who ask for latency: 1 unless this says otherwise; 0 has them share the other pool.
pub fn set_latency_workers(workers: usize) {
    LATENCY_WORKERS.store(workers, Ordering::Relaxed);
}

/// Workers that a detector with these properties will have.
#[must_use]
pub fn planned(workers: usize, performance: Performance) -> usize {
    let shared = match performance {
        Performance::Throughput => 0,
        Performance::Latency => LATENCY_WORKERS.load(Ordering::Relaxed),
    };
    let asked = [workers, shared, DEFAULT_WORKERS.load(Ordering::Relaxed)];
    asked.into_iter().find(|asked| *asked > 0).unwrap_or_else(cores)
}

/// A shared pool (`workers` is 0; made when the first user asks, gone with the last), or a private one.
pub(super) fn pool(workers: usize, performance: Performance) -> Arc<WorkerPool> {
    if workers > 0 {
        return WorkerPool::new(workers);
    }
    let own = performance == Performance::Latency && LATENCY_WORKERS.load(Ordering::Relaxed) > 0;
    let mut shared = lock(if own { &SHARED_FOR_LATENCY } else { &SHARED });
    shared.upgrade().unwrap_or_else(|| {
        let pool = WorkerPool::new(planned(0, performance));
        *shared = Arc::downgrade(&pool);
        pool
    })
}

#[cfg(test)]
mod tests {
    use super::{
        Performance::{Latency, Throughput},
        *,
    };

    #[test]
    fn detectors_share_a_pool_unless_they_ask_for_their_own() {
        let (first, second, own) = (pool(0, Throughput), pool(0, Throughput), pool(1, Throughput));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &own));
        assert_eq!((first.workers(), own.workers()), (cores(), 1));
        let (quick, too) = (pool(0, Latency), pool(0, Latency));
        assert!(Arc::ptr_eq(&quick, &too) && !Arc::ptr_eq(&quick, &first));
        assert_eq!((quick.workers(), planned(0, Latency), planned(3, Latency)), (1, 1, 3));
    }
}
