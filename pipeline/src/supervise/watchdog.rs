//! Notices a camera that is connected but silent. Pure: time is an argument.

use std::time::{Duration, Instant};

/// Until the first frame a camera has this long on top of its stall timeout: connecting, and waiting for the first
/// key frame, which many cameras send only every few seconds.
pub const OPENING_GRACE: Duration = Duration::from_secs(10);

/// Watches the number of frames that have come in.
#[derive(Clone, Debug)]
pub struct Watchdog {
    stall_timeout: Duration,
    frames: u64,
    last_progress: Instant,
}

impl Watchdog {
    /// Starts watching at `now`.
    #[must_use]
    pub fn new(stall_timeout: Duration, now: Instant) -> Self {
        Self { stall_timeout, frames: 0, last_progress: now }
    }

    /// Tells how many frames have come in so far; returns for how long there was none if that is too long.
    pub fn stalled(&mut self, frames: u64, now: Instant) -> Option<Duration> {
        if frames != self.frames {
            self.frames = frames;
            self.last_progress = now;
        }
        let silent = now.saturating_duration_since(self.last_progress);
        let allowed = if self.frames == 0 { self.stall_timeout + OPENING_GRACE } else { self.stall_timeout };
        (silent > allowed).then_some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    #[test]
    fn a_steady_camera_is_never_stalled() {
        let start = Instant::now();
        let mut dog = Watchdog::new(TIMEOUT, start);
        assert!((1..1000).all(|n| dog.stalled(n, start + Duration::from_millis(1900 * n)).is_none()));
    }

    #[test]
    fn silence_after_the_first_frame_is_noticed_after_the_stall_timeout() {
        let start = Instant::now();
        let mut dog = Watchdog::new(TIMEOUT, start);
        assert_eq!(dog.stalled(1, start), None);
        assert_eq!(dog.stalled(1, start + TIMEOUT), None);
        let late = TIMEOUT + Duration::from_millis(1);
        assert_eq!(dog.stalled(1, start + late), Some(late));
    }

    #[test]
    fn opening_may_take_longer() {
        let start = Instant::now();
        let mut dog = Watchdog::new(TIMEOUT, start);
        assert_eq!(dog.stalled(0, start + TIMEOUT + OPENING_GRACE), None);
        assert!(dog.stalled(0, start + TIMEOUT + OPENING_GRACE + Duration::from_millis(1)).is_some());
    }
}
