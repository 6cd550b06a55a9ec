//! Threads for inference, shared by all models.
//!
//! A rten thread pool runs one model at a time as far as its threads go, so each run that is under way has a pool of
//! its own. They are made when first needed and kept: never more than there were runs at once, whatever the number
//! of models and sessions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ::rten::ThreadPool;

/// Idle pools by their number of threads.
static IDLE: Mutex<BTreeMap<usize, Vec<Arc<ThreadPool>>>> = Mutex::new(BTreeMap::new());

/// A pool for the duration of one run.
pub(super) struct Threads {
    count: usize,
    pool: Arc<ThreadPool>,
}

/// Takes an idle pool of `count` threads, the last one used first, or makes one.
pub(super) fn take(count: usize) -> Threads {
    let idle = idle().get_mut(&count).and_then(Vec::pop);
    let pool = idle.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(count)));
    Threads { count, pool }
}

impl Threads {
    pub fn pool(&self) -> Arc<ThreadPool> {
        self.pool.clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        idle().entry(self.count).or_default().push(self.pool.clone());
    }
}

fn idle() -> MutexGuard<'static, BTreeMap<usize, Vec<Arc<ThreadPool>>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_used_again_but_never_twice_at_once() {
        let (first, second) = (take(3), take(3));
        assert!(!Arc::ptr_eq(&first.pool, &second.pool));
        let kept = first.pool();
        drop(first);
        assert!(Arc::ptr_eq(&take(3).pool, &kept));
        assert!(!Arc::ptr_eq(&take(2).pool, &kept), "another number of threads is another pool");
    }
}
