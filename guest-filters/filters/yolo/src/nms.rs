//! Greedy non-maximum suppression.

use crate::decode::Candidate;

/// Most boxes that are sorted and compared: a model that finds something everywhere must not take for ever.
const MOST_CANDIDATES: usize = 30_000;

/// How NMS works.
#[derive(Clone, Copy, Debug)]
pub struct Suppression {
    /// A box goes when its IoU with a better one is above this.
    pub iou: f32,
    /// Most boxes that stay.
    pub most: usize,
    /// Compare boxes of different classes too.
    pub agnostic: bool,
}

/// Puts the boxes that stay into `kept`, in falling score order; equal scores stay in their order.
/// Time is bounded by 30,000 x `most` comparisons.
pub fn suppress(candidates: &mut Vec<Candidate>, how: Suppression, kept: &mut Vec<Candidate>) {
    kept.clear();
    keep_best(candidates);
    for candidate in candidates.iter() {
        if kept.len() == how.most {
            return;
        }
        let rival = |k: &&Candidate| how.agnostic || k.class == candidate.class;
        if !kept.iter().filter(rival).any(|k| iou(k, candidate) > how.iou) {
            kept.push(*candidate);
        }
    }
}

fn keep_best(candidates: &mut Vec<Candidate>) {
    let falling = |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score);
    if candidates.len() > MOST_CANDIDATES {
        candidates.select_nth_unstable_by(MOST_CANDIDATES - 1, falling);
        candidates.truncate(MOST_CANDIDATES);
    }
    candidates.sort_by(falling);
}

/// Intersection over union of plain areas.
pub fn iou(a: &Candidate, b: &Candidate) -> f32 {
    let width = (a.x1.min(b.x1) - a.x0.max(b.x0)).max(0.0);
    let height = (a.y1.min(b.y1) - a.y0.max(b.y0)).max(0.0);
    let area = |c: &Candidate| (c.x1 - c.x0) * (c.y1 - c.y0);
    let both = width * height;
    both / (area(a) + area(b) - both)
}
