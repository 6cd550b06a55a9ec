//! When failing modules are left alone, and when they get another chance. Pure: the caller brings the time.
//!
//! ```text
//!         max_failures in a row, or within the window
//!  open ────────────────────────────────────────────► shut ──── the pause is over ───► probing: one frame
//!   ▲                                                   ▲                                  │       │
//!   │                                                   └── it fails: the pause doubles ───┘       │
//!   └────────────────────────────── it succeeds ──────────────────────────────────────────────────┘
//! ```

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// When modules are quarantined and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuarantineRules {
    /// So many failures in a row, or within `window`, begin a quarantine; 0 = never.
    pub max_failures: u32,
    /// How long a failure counts when successes lie between.
    pub window: Duration,
    /// Pause before the first attempt; doubles with each attempt that fails.
    pub first_pause: Duration,
    /// The pause does not grow beyond this. Modules that are quarantined again within such a time after they were
    /// released go on where the pauses had got to.
    pub longest_pause: Duration,
}

impl Default for QuarantineRules {
    fn default() -> Self {
        Self {
            max_failures: 10,
            window: Duration::from_secs(10),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is analysed.
    Run,
    /// It is analysed, and its result decides.
    Probe,
    /// It goes on at once.
    Refuse,
}

/// The state of one chain of modules.
#[derive(Debug)]
pub(crate) struct Quarantine {
    rules: QuarantineRules,
    phase: Phase,
    /// When the last ones happened, at most `max_failures`, none older than the window.
    failures: VecDeque<Instant>,
    in_a_row: u32,
    pause: Duration,
    released: Option<Instant>,
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Shut { until: Instant },
    Probing,
}

impl Quarantine {
    pub fn new(rules: QuarantineRules) -> Self {
        Self {
            rules,
            phase: Phase::Open,
            failures: VecDeque::new(),
            in_a_row: 0,
            pause: Duration::ZERO,
            released: None,
            reason: String::new(),
        }
    }

    /// Other rules from now on. A quarantine that has begun stays, unless there are to be none.
    pub fn set_rules(&mut self, rules: QuarantineRules) {
        self.rules = rules;
        if rules.max_failures == 0 {
            *self = Self::new(rules);
        }
    }

    /// Why a frame would not be analysed now; a sentence. `None` when it would.
    pub fn refusal(&self, now: Instant) -> Option<String> {
        let next = match self.phase {
            Phase::Shut { until } if now < until => {
                let tenths = (until - now).as_millis().div_ceil(100);
                format!("the next frame is tried in {}.{} s", tenths / 10, tenths % 10)
            }
            Phase::Probing => "a frame is being tried".to_owned(),
            Phase::Shut { .. } | Phase::Open => return None,
        };
        Some(format!("the modules are quarantined, {next}; their last failure: {}", self.reason))
    }

    /// Decides on a frame that a worker could begin now.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match self.phase {
            Phase::Open => Admission::Run,
            Phase::Shut { until } if now >= until => {
                self.phase = Phase::Probing;
                Admission::Probe
            }
            Phase::Shut { .. } | Phase::Probing => Admission::Refuse,
        }
    }

    /// Takes note of the result of a frame that was admitted: of its failure, if it failed. True when a quarantine
    /// begins (not when it goes on).
    pub fn report(&mut self, now: Instant, admission: Admission, failure: Option<&str>) -> bool {
        match (self.phase, admission, failure) {
            (Phase::Probing, Admission::Probe, None) => {
                *self = Self { released: Some(now), pause: self.pause, ..Self::new(self.rules) };
                false
            }
            (Phase::Probing, Admission::Probe, Some(reason)) => {
                self.shut(now, self.pause.saturating_mul(2), reason);
                false
            }
            (Phase::Open, _, None) => {
                self.in_a_row = 0;
                false
            }
            (Phase::Open, _, Some(reason)) => self.failed(now, reason),
            // A frame that was begun before the quarantine.
            (Phase::Shut { .. } | Phase::Probing, ..) => false,
        }
    }

    fn failed(&mut self, now: Instant, reason: &str) -> bool {
        if self.rules.max_failures == 0 {
            return false;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.failures.push_back(now);
        let is_old = |then: &Instant| now.saturating_duration_since(*then) > self.rules.window;
        while self.failures.front().is_some_and(is_old) {
            self.failures.pop_front();
        }
        let recent = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if self.in_a_row.max(recent) < self.rules.max_failures {
            return false;
        }
        let relapse =
            self.released.is_some_and(|at| now.saturating_duration_since(at) <= self.rules.longest_pause);
        let pause = if relapse { self.pause.saturating_mul(2) } else { self.rules.first_pause };
        self.shut(now, pause, reason);
        true
    }

    fn shut(&mut self, now: Instant, pause: Duration, reason: &str) {
        self.pause =
            pause.clamp(self.rules.first_pause, self.rules.longest_pause.max(self.rules.first_pause));
        self.phase = Phase::Shut { until: now + self.pause };
        self.failures.clear();
        reason.clone_into(&mut self.reason);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn rules(max_failures: u32) -> QuarantineRules {
        QuarantineRules { max_failures, ..QuarantineRules::default() }
    }

    /// A quarantine with a clock that the test turns.
    struct Clock {
        now: Instant,
        of: Quarantine,
    }

    impl Clock {
        fn new(max_failures: u32) -> Self {
            Self { now: Instant::now(), of: Quarantine::new(rules(max_failures)) }
        }
        fn frame(&mut self, failure: Option<&str>) -> Admission {
            let admission = self.of.admit(self.now);
            if admission != Admission::Refuse {
                self.of.report(self.now, admission, failure);
            }
            admission
        }
        fn fail(&mut self, times: usize) {
            (0..times).for_each(|_| assert_eq!(self.frame(Some("trap")), Admission::Run));
        }
        /// How long it takes until a frame is admitted.
        fn pause(&mut self) -> Duration {
            let begin = self.now;
            while self.of.refusal(self.now).is_some() {
                self.now += S / 10;
            }
            self.now - begin
        }
    }

    #[test]
    fn failures_in_a_row_begin_a_quarantine_however_long_they_take() {
        let mut clock = Clock::new(3);
        for _ in 0..3 {
            assert_eq!(clock.frame(Some("trap")), Admission::Run);
            clock.now += 30 * S;
        }
        clock.now -= 30 * S;
        assert_eq!(clock.frame(None), Admission::Refuse);
        let said = clock.of.refusal(clock.now).unwrap();
        assert_eq!(
            said,
            "the modules are quarantined, the next frame is tried in 1.0 s; their last failure: trap"
        );
    }

    #[test]
    fn failures_between_successes_count_for_the_window() {
        let mut clock = Clock::new(3);
        for _ in 0..50 {
            clock.fail(1);
            assert_eq!(clock.frame(None), Admission::Run);
            clock.now += 6 * S;
        }
        assert_eq!(clock.of.refusal(clock.now), None, "two in ten seconds are allowed");
        clock.now += 5 * S;
        clock.fail(1);
        clock.frame(None);
        clock.now += S;
        clock.fail(1);
        assert!(clock.of.refusal(clock.now).is_none());
        clock.frame(None);
        clock.fail(1);
        assert!(clock.of.refusal(clock.now).is_some());
    }

    #[test]
    fn the_pause_doubles_up_to_its_limit_and_a_success_ends_it() {
        let mut clock = Clock::new(2);
        clock.fail(2);
        let pauses: Vec<u64> = (0..8)
            .map(|_| {
                let pause = clock.pause();
                assert_eq!(clock.frame(Some("trap")), Admission::Probe);
                pause.as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        clock.pause();
        assert_eq!(clock.frame(None), Admission::Probe);
        assert_eq!(clock.frame(None), Admission::Run);
    }

    #[test]
    fn a_relapse_goes_on_with_the_pauses_and_good_conduct_starts_over() {
        let mut clock = Clock::new(1);
        clock.fail(1);
        clock.pause();
        clock.frame(None);
        clock.now += 30 * S;
        clock.fail(1);
        assert_eq!(clock.pause(), 2 * S);
        clock.frame(None);
        clock.now += 61 * S;
        clock.fail(1);
        assert_eq!(clock.pause(), S);
    }

    #[test]
    fn while_one_frame_is_tried_the_others_are_refused_and_late_results_decide_nothing() {
        let mut clock = Clock::new(2);
        clock.fail(2);
        assert!(!clock.of.report(clock.now, Admission::Run, None), "begun before");
        clock.pause();
        assert_eq!(clock.of.admit(clock.now), Admission::Probe);
        assert_eq!(clock.of.admit(clock.now), Admission::Refuse);
        clock.of.report(clock.now, Admission::Run, None);
        assert!(clock.of.refusal(clock.now).unwrap().contains("a frame is being tried"));
        clock.of.report(clock.now, Admission::Probe, None);
        assert_eq!(clock.of.admit(clock.now), Admission::Run);
    }

    #[test]
    fn zero_never_quarantines_and_ends_one() {
        let mut clock = Clock::new(0);
        clock.fail(1000);
        let mut clock = Clock::new(1);
        clock.fail(1);
        clock.of.set_rules(rules(0));
        clock.fail(10);
    }

    proptest! {
        /// Whatever happens: never a pause beyond the limit, and never more than `max_failures` failures in a row
        /// outside of it.
        #[test]
        fn a_failing_module_is_left_alone(
            max_failures in 1..6u32,
            steps in prop::collection::vec((any::<bool>(), 0..3000u64), 1..300),
        ) {
            let mut clock = Clock::new(max_failures);
            let mut row = 0;
            for (fails, ms) in steps {
                clock.now += Duration::from_millis(ms);
                let admission = clock.of.admit(clock.now);
                if admission == Admission::Refuse {
                    let reopened = clock.of.refusal(clock.now + 61 * S).is_none();
                    prop_assert!(reopened, "shut for more than the longest pause");
                    row = 0;
                    continue;
                }
                prop_assert!(clock.of.report(clock.now, admission, fails.then_some("trap")) <= fails);
                row = if fails { row + 1 } else { 0 };
                if admission == Admission::Run {
                    prop_assert!(row <= max_failures);
                }
            }
        }
    }
}
