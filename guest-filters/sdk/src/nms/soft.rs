//! Soft-NMS, lazily: scores only fall, so that a box needs to be compared only when it would be the next to stay.
//!
//! The result is that of the paper's loop (take the best, lower the scores of all others), to the last bit: a box
//! meets those that stay in the same order, only later.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::{Method, Nms};
use crate::boxes::Candidate;

/// A box with its score after the first `seen` of those that stay.
struct Waiting {
    candidate: Candidate,
    seen: usize,
}

// The heap gives its greatest element first: that is the best box.
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        Candidate::best_first(&other.candidate, &self.candidate)
    }
}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Waiting {}

/// Returns the number of comparisons. `candidates` are empty afterwards.
pub(super) fn suppress(candidates: &mut Vec<Candidate>, how: &Nms, kept: &mut Vec<Candidate>) -> u64 {
    let waiting = candidates.drain(..).map(|candidate| Waiting { candidate, seen: 0 });
    let mut heap: BinaryHeap<Waiting> = waiting.collect::<Vec<_>>().into();
    let mut compared = 0;
    while kept.len() < how.max_detections
        && let Some(mut best) = heap.pop()
    {
        let news = kept.get(best.seen..).unwrap_or_default();
        if news.is_empty() {
            kept.push(best.candidate);
            continue;
        }
        compared += news.len() as u64;
        best.candidate.score = lowered(best.candidate, news, how);
        best.seen = kept.len();
        if best.candidate.score >= how.min_score {
            heap.push(best);
        }
    }
    compared
}

/// The score after meeting `others`.
fn lowered(candidate: Candidate, others: &[Candidate], how: &Nms) -> f32 {
    let rivals = others.iter().filter(|other| how.are_rivals(&candidate, other));
    rivals.fold(candidate.score, |score, rival| score * weight(rival.iou(&candidate), how))
}

/// What a score is multiplied with. The same bits natively and in Wasm.
fn weight(iou: f32, how: &Nms) -> f32 {
    match how.method {
        Method::Linear if iou > how.iou => 1.0 - iou,
        // An overlap of 0 weighs exp(0) = 1.
        Method::Gaussian { sigma } if iou > 0.0 => libm::expf(-(iou * iou) / sigma),
        _ => 1.0,
    }
}
