//! How long to wait before a lost camera is opened again. Pure: the caller brings the random numbers.

use std::time::Duration;

/// Exponential back-off with full-range jitter, so that fifty cameras behind one switch do not come back at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    attempt: u32,
}

impl Backoff {
    /// Starts at `initial`, doubles on each attempt, never above `max`.
    #[must_use]
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max: max.max(initial), attempt: 0 }
    }

    /// The next pause: half of the step, plus up to another half by `random` (0..1).
    pub fn next(&mut self, random: f64) -> Duration {
        let step =
            self.initial.saturating_mul(1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX)).min(self.max);
        self.attempt = self.attempt.saturating_add(1).min(31);
        step.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
    }

    /// Attempts since the last success.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempt
    }

    /// The camera delivered frames: the next loss starts from the beginning.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: Duration = Duration::from_millis(500);
    const MAX: Duration = Duration::from_secs(30);

    #[test]
    fn doubles_up_to_the_limit_and_stays_there_for_ever() {
        let mut backoff = Backoff::new(INITIAL, MAX);
        let steps: Vec<u128> = (0..9).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(steps, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        assert!((0..1000).all(|_| backoff.next(1.0) == MAX));
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        let mut backoff = Backoff::new(INITIAL, MAX);
        assert_eq!(backoff.next(0.0), INITIAL / 2);
        assert_eq!(backoff.next(0.0), INITIAL);
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff::new(INITIAL, MAX);
        for _ in 0..5 {
            backoff.next(1.0);
        }
        backoff.reset();
        assert_eq!((backoff.attempts(), backoff.next(1.0)), (0, INITIAL));
    }
}
