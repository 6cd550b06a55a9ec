//! Which frames are picked. Pure.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use crate::config::units::HumanDuration;

/// Distance from one picked frame to the next; the first frame is always picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Every n-th frame.
    Frames(u64),
    /// The first frame of each such span of the stream's time.
    Time(Duration),
}

impl FromStr for Every {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no distance; write a number of frames such as 25, or a time such as 2s");
        match text.parse::<u64>() {
            Ok(0) => Err(wrong()),
            Ok(frames) => Ok(Self::Frames(frames)),
            Err(_) => {
                let time = text.parse::<HumanDuration>().map_err(|_| wrong())?.get();
                if time.is_zero() { Err(wrong()) } else { Ok(Self::Time(time)) }
            }
        }
    }
}

/// Says for each frame in turn whether it is picked.
#[derive(Clone, Debug)]
pub struct Picker {
    rule: Rule,
    left: u64,
}

#[derive(Clone, Debug)]
enum Rule {
    Frames(u64),
    Time { step: Duration, next: Option<Duration> },
    These(BTreeSet<u64>),
}

impl Picker {
    /// At this distance, at most `count`.
    pub fn every(every: Every, count: Option<u64>) -> Self {
        let rule = match every {
            Every::Frames(n) => Rule::Frames(n.max(1)),
            Every::Time(step) => Rule::Time { step, next: None },
        };
        Self { rule, left: count.unwrap_or(u64::MAX) }
    }

    /// The frames with these numbers.
    pub fn these(numbers: BTreeSet<u64>) -> Self {
        Self { left: numbers.len() as u64, rule: Rule::These(numbers) }
    }

    /// None, but the source is read to its end.
    pub fn none() -> Self {
        Self { rule: Rule::These(BTreeSet::new()), left: u64::MAX }
    }

    /// Whether frame `number` is picked; `time` is its time in the stream.
    pub fn wants(&mut self, number: u64, time: Option<Duration>) -> bool {
        let wanted = self.left > 0
            && match &mut self.rule {
                Rule::Frames(n) => number.is_multiple_of(*n),
                Rule::These(numbers) => numbers.contains(&number),
                Rule::Time { step, next } => {
                    // A frame without a time is nowhere: it cannot be the first one of a span.
                    let due = time.filter(|time| next.is_none_or(|next| *time >= next));
                    if let Some(time) = due {
                        *next = Some(following(next.unwrap_or(time), *step, time));
                    }
                    due.is_some()
                }
            };
        self.left -= u64::from(wanted);
        wanted
    }

    /// Whether no further frame will be picked.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }
}

/// The first border behind `time`, counted from `border` in steps: a gap in the stream does not shift the raster.
fn following(border: Duration, step: Duration, time: Duration) -> Duration {
    let passed = time.saturating_sub(border).as_nanos() / step.as_nanos().max(1);
    let ns = border.as_nanos() + (passed + 1) * step.as_nanos();
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

/// `count` of `total` frames, each from the middle of its share; all when there are fewer.
pub fn spread(total: u64, count: u64) -> BTreeSet<u64> {
    let count = count.min(total);
    let middle = |i: u64| (u128::from(2 * i + 1) * u128::from(total)) / (2 * u128::from(count));
    (0..count).map(|i| u64::try_from(middle(i)).unwrap_or(u64::MAX)).collect()
}

/// `count` different ones of `total` frames (Floyd's algorithm); all when there are fewer.
pub fn random(total: u64, count: u64, rng: &mut fastrand::Rng) -> BTreeSet<u64> {
    let mut picked = BTreeSet::new();
    for last in total.saturating_sub(count)..total {
        let number = rng.u64(0..=last);
        if !picked.insert(number) {
            picked.insert(last);
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(mut picker: Picker, frames: u64, ms: u64) -> Vec<u64> {
        (0..frames).filter(|&n| picker.wants(n, Some(Duration::from_millis(n * ms)))).collect()
    }

    #[test]
    fn distances_are_frames_or_times() {
        assert_eq!("25".parse(), Ok(Every::Frames(25)));
        assert_eq!("2s".parse(), Ok(Every::Time(Duration::from_secs(2))));
        for wrong in ["0", "0s", "-1", "x", "2.5"] {
            let error = wrong.parse::<Every>().unwrap_err();
            assert!(error.starts_with(&format!("`{wrong}` is no distance")), "{error}");
        }
    }

    #[test]
    fn every_nth_frame_beginning_with_the_first() {
        assert_eq!(picked(Picker::every(Every::Frames(3), None), 8, 40), [0, 3, 6]);
        assert_eq!(picked(Picker::every(Every::Frames(3), Some(2)), 8, 40), [0, 3]);
    }

    #[test]
    fn spans_of_time_keep_their_raster_over_gaps() {
        let every = Picker::every(Every::Time(Duration::from_millis(100)), None);
        assert_eq!(picked(every.clone(), 8, 40), [0, 3, 5]);
        let mut gap = every;
        let times = [20, 110, 130, 475, 510, 520, 610, 621];
        let wanted: Vec<u64> =
            times.into_iter().filter(|&ms| gap.wants(0, Some(Duration::from_millis(ms)))).collect();
        assert_eq!(wanted, [20, 130, 475, 520, 621]);
        assert!(!gap.wants(0, None), "a frame without a time");
    }

    #[test]
    fn spread_frames_stand_in_the_middle_of_their_shares() {
        assert_eq!(Vec::from_iter(spread(300, 3)), [50, 150, 250]);
        assert_eq!(Vec::from_iter(spread(5, 1)), [2]);
        assert_eq!(spread(4, 9).len(), 4);
        assert!(spread(0, 9).is_empty() && spread(9, 0).is_empty());
        assert_eq!(spread(u64::MAX / 4, 1000).len(), 1000);
    }

    #[test]
    fn random_frames_differ_and_repeat_with_the_seed() {
        let draw = |seed| random(300, 50, &mut fastrand::Rng::with_seed(seed));
        assert_eq!(draw(1).len(), 50);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).iter().all(|n| *n < 300));
        assert_eq!(random(3, 9, &mut fastrand::Rng::with_seed(1)).len(), 3);
        // each of 4 frames about 500 times in 1000 draws of 2
        let mut hits = [0; 4];
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..1000 {
            for n in random(4, 2, &mut rng) {
                hits[usize::try_from(n).unwrap()] += 1;
            }
        }
        assert!(hits.iter().all(|n| (400..600).contains(n)), "{hits:?}");
    }

    #[test]
    fn after_the_last_wanted_frame_it_is_done() {
        let mut picker = Picker::these(spread(10, 2));
        for number in 0..8 {
            assert!(!picker.is_done());
            picker.wants(number, None);
        }
        assert!(picker.is_done());
        assert!(!Picker::none().is_done());
    }
}
