//! What is told about a module that fails: one message for each state, none for each frame. Pure.

use edgevision_wasm_host::analysis::{Analysis, Status};

/// How the modules fare, from the frames that have left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The last frames were analysed.
    #[default]
    Ok,
    /// Frames fail.
    Failing,
    /// Frames go on at once.
    Quarantined,
}

impl State {
    /// As in `stats` and in the details of messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::Quarantined => "quarantined",
        }
    }
}

/// A change that the user is told about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which state it is now.
    pub state: State,
    /// Of the frame.
    pub status: Status,
    /// Number of the frame.
    pub seq: u64,
    /// One sentence.
    pub sentence: String,
}

/// Follows the frames in their order.
#[derive(Debug, Default)]
pub struct Health {
    state: State,
    told_trapped: bool,
    told_timeout: bool,
    /// Frames in a row that went well since the last failure.
    good: u32,
    /// A frame was tried and went well. Those that came while it was tried were refused, and follow it.
    released: bool,
    /// How often modules that failed, but were not quarantined, have recovered.
    recoveries: u32,
}

/// A module that fails on every other frame is not told about on every other frame.
const GOOD_FRAMES_TO_RECOVER: u32 = 10;
/// It takes twice as many frames after each recovery, up to this: one that fails now and then is told about a few
/// times and then rarely.
const MOST_GOOD_FRAMES: u32 = 10_000;

impl Health {
    /// The state now.
    pub fn state(&self) -> State {
        self.state
    }

    /// Takes note of the next frame.
    pub fn judge(&mut self, seq: u64, analysis: &Analysis) -> Option<Change> {
        let status = analysis.status;
        let reason = analysis.message.as_deref().unwrap_or("no reason was given");
        let (state, sentence) = match status {
            Status::Skipped => return None,
            Status::Ok => return self.went_well(seq),
            Status::Quarantined => {
                let begins = self.state != State::Quarantined && !self.released;
                (State::Quarantined, begins.then(|| format!("frame {seq} goes on at once: {reason}"))?)
            }
            Status::Trapped | Status::Timeout => {
                (self.good, self.released) = (0, false);
                let told =
                    if status == Status::Trapped { &mut self.told_trapped } else { &mut self.told_timeout };
                // An attempt that fails does not end the quarantine.
                if std::mem::replace(told, true) || self.state == State::Quarantined {
                    return None;
                }
                (State::Failing, format!("frame {seq} goes on without detections: {reason}"))
            }
        };
        self.state = state;
        Some(Change { state, status, seq, sentence })
    }

    /// Other modules take over: nothing is held against them, but that the ones before failed was told, so their first
    /// good frame is told, too.
    pub fn renew(&mut self) {
        *self = match self.state {
            State::Ok => Self::default(),
            State::Failing | State::Quarantined => {
                Self { state: State::Failing, good: GOOD_FRAMES_TO_RECOVER - 1, ..Self::default() }
            }
        };
    }

    /// What waited was discarded by a flush.
    pub fn flushed(&mut self) {
        self.released = false;
    }

    fn went_well(&mut self, seq: u64) -> Option<Change> {
        self.good = self.good.saturating_add(1);
        self.released = self.state == State::Quarantined;
        let recoveries = match self.state {
            State::Quarantined => self.recoveries,
            State::Failing if self.good >= good_frames_to_recover(self.recoveries) => self.recoveries + 1,
            State::Ok | State::Failing => return None,
        };
        *self = Self { released: self.released, recoveries, ..Self::default() };
        let sentence = format!("the modules have recovered: frame {seq} was analysed");
        Some(Change { state: State::Ok, status: Status::Ok, seq, sentence })
    }
}

fn good_frames_to_recover(recoveries: u32) -> u32 {
    GOOD_FRAMES_TO_RECOVER.saturating_mul(2_u32.saturating_pow(recoveries)).min(MOST_GOOD_FRAMES)
}

#[cfg(test)]
mod tests {
    use edgevision_wasm_host::analysis::Timings;

    use super::*;

    fn analysis(status: Status, message: Option<&str>) -> Analysis {
        let (detections, timings) = (Vec::new(), Timings::default());
        Analysis {
            status,
            detections,
            tensors: Vec::new(),
            timings,
            bytes_copied: 0,
            message: message.map(str::to_owned),
        }
    }

    #[test]
    fn modules_that_take_over_are_told_by_their_first_frame() {
        let judge =
            |health: &mut Health, status| health.judge(0, &analysis(status, None)).map(|change| change.state);
        for failure in [Status::Trapped, Status::Quarantined] {
            let mut health = Health::default();
            assert!(judge(&mut health, failure).is_some());
            health.renew();
            assert_eq!(judge(&mut health, Status::Skipped), None);
            assert_eq!(judge(&mut health, Status::Ok), Some(State::Ok));
            assert_eq!(
                judge(&mut health, failure).map(State::as_str),
                judge(&mut Health::default(), failure).map(State::as_str)
            );
            health.renew();
            assert_eq!(
                judge(&mut health, Status::Trapped),
                Some(State::Failing),
                "their own failure is news"
            );
        }
        let mut health = Health::default();
        health.renew();
        assert_eq!(judge(&mut health, Status::Ok), None);
    }

    /// The states that are told for a row of frames: o = ok, s = skipped, t = trapped, d = deadline, q = quarantined.
    fn told(row: &str) -> Vec<(u64, State)> {
        let mut health = Health::default();
        let changes = row.chars().zip(0..).filter_map(|(letter, seq)| {
            let status = match letter {
                'o' => Status::Ok,
                's' => Status::Skipped,
                't' => Status::Trapped,
                'd' => Status::Timeout,
                _ => Status::Quarantined,
            };
            health.judge(seq, &analysis(status, None)).map(|change| (change.seq, change.state))
        });
        changes.collect()
    }

    #[test]
    fn a_state_is_told_once() {
        use State::{Failing, Ok, Quarantined};
        let table: [(&str, &[(u64, State)]); 10] = [
            ("oooso", &[]),
            ("ottstt", &[(1, Failing)]),
            ("tddtdt", &[(0, Failing), (1, Failing)]),
            ("ototototo", &[(1, Failing)]),
            ("toooooooooot", &[(0, Failing), (10, Ok), (11, Failing)]),
            ("ttqqqtqqqdqqo", &[(0, Failing), (2, Quarantined), (12, Ok)]),
            ("tqototq", &[(0, Failing), (1, Quarantined), (2, Ok), (3, Failing), (6, Quarantined)]),
            // Refused while the good frame was tried.
            ("tqqoqqqoo", &[(0, Failing), (1, Quarantined), (3, Ok)]),
            ("tqoqqtq", &[(0, Failing), (1, Quarantined), (2, Ok), (5, Failing), (6, Quarantined)]),
            (
                "tqoqsqtdqo",
                &[
                    (0, Failing),
                    (1, Quarantined),
                    (2, Ok),
                    (6, Failing),
                    (7, Failing),
                    (8, Quarantined),
                    (9, Ok),
                ],
            ),
        ];
        for (row, expected) in table {
            assert_eq!(told(row), expected, "{row}");
        }
    }

    #[test]
    fn failures_now_and_then_are_told_ever_more_rarely() {
        let row = "toooooooooooooooooooooooooooooo".repeat(1000);
        let told = told(&row);
        assert!((3..10).contains(&told.len()), "{told:?}");
    }

    #[test]
    fn after_a_flush_nothing_is_left_of_an_attempt() {
        let mut health = Health::default();
        let mut next = |seq, status| health.judge(seq, &analysis(status, None)).map(|change| change.state);
        assert_eq!(next(0, Status::Quarantined), Some(State::Quarantined));
        assert_eq!(next(1, Status::Ok), Some(State::Ok));
        health.flushed();
        let change = health.judge(2, &analysis(Status::Quarantined, None));
        assert_eq!(change.map(|change| change.state), Some(State::Quarantined));
    }

    #[test]
    fn the_sentence_says_which_frame_and_why() {
        let late = analysis(Status::Timeout, Some("letterbox ran for 500 ms"));
        let change = Health::default().judge(7, &late).unwrap();
        assert_eq!(change.sentence, "frame 7 goes on without detections: letterbox ran for 500 ms");
        assert_eq!((change.state.as_str(), change.status, change.seq), ("failing", Status::Timeout, 7));
    }
}
