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
}

/// A module that fails on every other frame is not told about on every other frame.
const GOOD_FRAMES_TO_RECOVER: u32 = 10;

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
                let begins = self.state != State::Quarantined;
                (State::Quarantined, begins.then(|| format!("frame {seq} goes on at once: {reason}"))?)
            }
            Status::Trapped | Status::Timeout => {
                self.good = 0;
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

    fn went_well(&mut self, seq: u64) -> Option<Change> {
        self.good = self.good.saturating_add(1);
        let recovered = match self.state {
            State::Ok => false,
            State::Failing => self.good >= GOOD_FRAMES_TO_RECOVER,
            State::Quarantined => true,
        };
        recovered.then(|| {
            *self = Self::default();
            let sentence = format!("the modules have recovered: frame {seq} was analysed");
            Change { state: State::Ok, status: Status::Ok, seq, sentence }
        })
    }
}

#[cfg(test)]
mod tests {
    use edgevision_wasm_host::analysis::Timings;

    use super::*;

    fn analysis(status: Status, message: Option<&str>) -> Analysis {
        let (detections, timings) = (Vec::new(), Timings::default());
        Analysis { status, detections, timings, bytes_copied: 0, message: message.map(str::to_owned) }
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
        let table: [(&str, &[(u64, State)]); 7] = [
            ("oooso", &[]),
            ("ottstt", &[(1, Failing)]),
            ("tddtdt", &[(0, Failing), (1, Failing)]),
            ("ototototo", &[(1, Failing)]),
            ("toooooooooot", &[(0, Failing), (10, Ok), (11, Failing)]),
            ("ttqqqtqqqdqqo", &[(0, Failing), (2, Quarantined), (12, Ok)]),
            ("tqototq", &[(0, Failing), (1, Quarantined), (2, Ok), (3, Failing), (6, Quarantined)]),
        ];
        for (row, expected) in table {
            assert_eq!(told(row), expected, "{row}");
        }
    }

    #[test]
    fn the_sentence_says_which_frame_and_why() {
        let late = analysis(Status::Timeout, Some("letterbox ran for 500 ms"));
        let change = Health::default().judge(7, &late).unwrap();
        assert_eq!(change.sentence, "frame 7 goes on without detections: letterbox ran for 500 ms");
        assert_eq!((change.state.as_str(), change.status, change.seq), ("failing", Status::Timeout, 7));
    }
}
