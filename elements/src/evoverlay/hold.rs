//! What is known about a frame: from itself, or from the last one that was analysed. Pure.

use std::{sync::Arc, time::Duration};

use super::scene::Labelled;

/// When a frame was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Stream time or running time in nanoseconds, if the source gave one.
    pub stream_ns: Option<u64>,
    /// Wall clock in nanoseconds since 1970.
    pub system_ns: u64,
}

impl Moment {
    /// Time since `then`; none when time runs backwards: another turn of a looped clip, or a seek.
    fn since(self, then: Self) -> Option<Duration> {
        let age = match (self.stream_ns, then.stream_ns) {
            (Some(now), Some(then)) => now.checked_sub(then),
            _ => self.system_ns.checked_sub(then.system_ns),
        };
        age.map(Duration::from_nanos)
    }
}

/// What became of a frame at one detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// What was found is all that is there.
    Analysed,
    /// Left out on purpose.
    Skipped,
    /// The analysis failed.
    Failed,
    /// No report came with the frame: that nothing was found may mean that nobody looked.
    Unknown,
}

/// Objects of one detector that belong on a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// What boxes show.
    pub boxes: Vec<Labelled>,
    /// Older objects that are still kept from sight, although they have no box any more.
    pub covered: Vec<Labelled>,
    /// False when the frame was not analysed and no analysis is recent enough.
    pub is_known: bool,
}

/// Remembers the objects of the last analysed frame of one detector.
#[derive(Debug, Default)]
pub struct Holder {
    last: Option<(Moment, Vec<Labelled>)>,
    has_failed: bool,
}

impl Holder {
    /// What belongs on a frame on which `found` was found.
    ///
    /// Frames that were left out show the last boxes for `hold`, so that these don't flicker. A failure takes boxes
    /// away at once: nobody shall trust them. What is to be kept from sight is covered for `hold` in any case.
    pub fn view(&mut self, now: Moment, fate: Fate, found: Vec<Labelled>, hold: Duration) -> View {
        if fate == Fate::Analysed || (fate == Fate::Unknown && !found.is_empty()) {
            self.has_failed = false;
            self.last = Some((now, found.clone()));
            return View { boxes: found, covered: Vec::new(), is_known: true };
        }
        self.has_failed |= fate == Fate::Failed;
        self.last = self.last.take().filter(|(then, _)| now.since(*then).is_some_and(|age| age <= hold));
        let held = self.last.as_ref().map(|(_, held)| held.clone());
        let is_known = held.is_some();
        let held = held.unwrap_or_default();
        if fate == Fate::Skipped && !self.has_failed && found.is_empty() {
            return View { boxes: held, covered: Vec::new(), is_known };
        }
        View { boxes: found, covered: held, is_known }
    }

    /// Frames have another size from now on.
    pub fn rescale(&mut self, x: f32, y: f32) {
        for labelled in self.last.iter_mut().flat_map(|(_, held)| held) {
            let [x0, y0, x1, y1] = labelled.edges;
            labelled.edges = [x0 * x, y0 * y, x1 * x, y1 * y];
            if let Some(extras) = &mut labelled.extras {
                Arc::make_mut(extras).move_points(|px, py| (px * x, py * y));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_millis(500);

    fn at(ms: u64) -> Moment {
        Moment { stream_ns: Some(ms * 1_000_000), system_ns: 0 }
    }

    fn part() -> Vec<Labelled> {
        vec![Labelled { label: "part".to_owned(), ..Labelled::default() }]
    }

    /// Boxes, covered objects, whether the frame is known, after each of these frames.
    fn views(frames: &[(u64, Fate, bool)]) -> Vec<(usize, usize, bool)> {
        let mut holder = Holder::default();
        let view = |&(ms, fate, has_found): &(u64, Fate, bool)| {
            let found = if has_found { part() } else { Vec::new() };
            let view = holder.view(at(ms), fate, found, HOLD);
            (view.boxes.len(), view.covered.len(), view.is_known)
        };
        frames.iter().map(view).collect()
    }

    #[test]
    fn boxes_stay_on_skipped_frames_for_a_while() {
        use Fate::{Analysed, Skipped};
        let frames = [
            (0, Skipped, false),
            (40, Analysed, true),
            (540, Skipped, false),
            (541, Skipped, false),
            (542, Skipped, false),
        ];
        let expected = [(0, 0, false), (1, 0, true), (1, 0, true), (0, 0, false), (0, 0, false)];
        assert_eq!(views(&frames), expected);
    }

    #[test]
    fn a_failure_takes_boxes_away_but_uncovers_nothing() {
        use Fate::{Analysed, Failed, Skipped};
        let frames = [
            (40, Analysed, true),
            (80, Failed, false),
            (120, Skipped, false),
            (541, Failed, false),
            (560, Analysed, false),
            (600, Skipped, false),
        ];
        let expected = [(1, 0, true), (0, 1, true), (0, 1, true), (0, 0, false), (0, 0, true), (0, 0, true)];
        assert_eq!(views(&frames), expected);
    }

    #[test]
    fn nothing_outlives_a_seek() {
        use Fate::{Analysed, Skipped};
        assert_eq!(views(&[(400, Analysed, true), (0, Skipped, false)])[1], (0, 0, false));
    }

    #[test]
    fn without_reports_boxes_go_at_once_and_covers_stay() {
        use Fate::Unknown;
        let frames = [(0, Unknown, false), (40, Unknown, true), (80, Unknown, false), (541, Unknown, false)];
        assert_eq!(views(&frames), [(0, 0, false), (1, 0, true), (0, 1, true), (0, 0, false)]);
    }

    #[test]
    fn the_wall_clock_serves_frames_without_time() {
        let mut holder = Holder::default();
        let at = |ms: u64| Moment { stream_ns: None, system_ns: ms * 1_000_000 };
        holder.view(at(1000), Fate::Analysed, part(), HOLD);
        assert!(holder.view(at(1500), Fate::Skipped, Vec::new(), HOLD).is_known);
        assert!(!holder.view(at(1501), Fate::Skipped, Vec::new(), HOLD).is_known);
    }
}
