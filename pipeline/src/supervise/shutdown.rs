//! The one way everything ends: a flag that threads can wait on, raised by a signal, a timer or the last camera.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    iterator::Signals,
};

/// Shared by everyone who has to end.
#[derive(Clone, Default)]
pub struct Shutdown(Arc<State>);

#[derive(Default)]
struct State {
    requested: Mutex<bool>,
    changed: Condvar,
}

impl Shutdown {
    /// Asks everyone to end.
    pub fn request(&self) {
        *self.0.requested.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// True once the end was requested.
    #[must_use]
    pub fn requested(&self) -> bool {
        *self.0.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps for `pause`, or until the end is requested; returns whether it was.
    #[must_use]
    pub fn wait(&self, pause: Duration) -> bool {
        let guard = self.0.requested.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(guard, pause, |requested| !*requested);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// From now on the first SIGINT or SIGTERM requests the end, the second ends the process at once
    /// (exit code 128 + signal).
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals(&self) -> io::Result<()> {
        let second = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal only raises the flag, the second finds it raised.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&second))?;
            flag::register(signal, Arc::clone(&second))?;
        }
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let shutdown = self.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            if signals.forever().next().is_some() {
                second.store(true, Ordering::SeqCst);
                shutdown.request();
                // The iterator must outlive the wait for a second signal: its handler stays registered.
                std::mem::forget(signals);
            }
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_early_when_the_end_is_requested() {
        let shutdown = Shutdown::default();
        assert!(!shutdown.wait(Duration::ZERO));
        let other = shutdown.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(3600)));
        shutdown.request();
        assert!(waiter.join().unwrap() && shutdown.requested());
    }
}
