//! Non-maximum suppression: of boxes that show the same object the best one stays.
//!
//! Greedy NMS drops a box whose IoU with a better one that stays is **above** the threshold. Soft-NMS (Bodla et al.,
//! "Soft-NMS: Improving Object Detection With One Line of Code", 2017) lowers its score instead. Both look only at
//! boxes of the same class, unless asked to be agnostic.
//!
//! Boxes that are no boxes (not finite, empty) are left out. Nothing here takes more than
//! `max_candidates * max_detections` comparisons.

mod greedy;
mod soft;
#[cfg(test)]
mod tests;

use crate::boxes::Candidate;

/// What becomes of a box that overlaps a better one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// It is dropped when the IoU is above the threshold.
    Greedy,
    /// Its score is multiplied by `1 - IoU` when the IoU is above the threshold.
    Linear,
    /// Its score is multiplied by `exp(-IoU² / sigma)`, whatever the threshold.
    Gaussian {
        /// Above 0; the paper's is 0.5.
        sigma: f32,
    },
    /// Nothing: the model has done it, or the user wants to see everything.
    None,
}

/// How suppression works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nms {
    /// What becomes of overlapping boxes.
    pub method: Method,
    /// IoU above which boxes show the same object, 0..=1.
    pub iou: f32,
    /// Most boxes that stay.
    pub max_detections: usize,
    /// Most boxes that are looked at, the best ones: a model that finds something everywhere must not take for ever.
    pub max_candidates: usize,
    /// Compare boxes of different classes, too.
    pub agnostic: bool,
    /// Least score after soft-NMS has lowered it.
    pub min_score: f32,
}

impl Nms {
    fn are_rivals(&self, a: &Candidate, b: &Candidate) -> bool {
        self.agnostic || a.class == b.class
    }
}

/// Puts the boxes that stay into `kept`, in falling score order; equal scores in the order of
/// [`Candidate::best_first`]. `candidates` are sorted and cut, or empty, afterwards. Returns how many pairs of boxes
/// were compared: at most `max_candidates * max_detections`.
pub fn suppress(candidates: &mut Vec<Candidate>, how: &Nms, kept: &mut Vec<Candidate>) -> u64 {
    kept.clear();
    candidates.retain(Candidate::is_sound);
    keep_best(candidates, how.max_candidates);
    match how.method {
        Method::Linear | Method::Gaussian { .. } => return soft::suppress(candidates, how, kept),
        Method::Greedy | Method::None => candidates.sort_unstable_by(Candidate::best_first),
    }
    if how.method == Method::Greedy {
        return greedy::suppress(candidates, how, kept);
    }
    kept.extend(candidates.iter().take(how.max_detections));
    0
}

/// Leaves the `most` best boxes, in no order. Takes time in proportion to their number.
pub fn keep_best(candidates: &mut Vec<Candidate>, most: usize) {
    if candidates.len() > most && most > 0 {
        candidates.select_nth_unstable_by(most - 1, Candidate::best_first);
    }
    candidates.truncate(most);
}
