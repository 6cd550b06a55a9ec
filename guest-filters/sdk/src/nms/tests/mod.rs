//! NMS against the textbook, and with boxes that are none.

mod many;
mod odd;
mod textbook;

use proptest::prelude::*;

use super::{Method, Nms, suppress};
use crate::boxes::Candidate;

const GREEDY: Nms = Nms {
    method: Method::Greedy,
    iou: 0.45,
    max_detections: 100,
    max_candidates: 30_000,
    agnostic: false,
    min_score: 0.0,
};

const METHODS: [Method; 4] = [Method::Greedy, Method::Linear, Method::Gaussian { sigma: 0.5 }, Method::None];

fn run(candidates: &[Candidate], how: Nms) -> Vec<Candidate> {
    let mut kept = vec![];
    suppress(&mut candidates.to_vec(), &how, &mut kept);
    kept
}

/// Numbered in their order, as a decoder does.
fn numbered(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.iter_mut().zip(0..).for_each(|(candidate, index)| candidate.index = index);
    candidates
}

/// Whole numbers, so that every way to compute an IoU has but one rounding, and many equal scores.
fn candidate() -> impl Strategy<Value = Candidate> {
    (0u8..40, 0u8..40, 1u8..30, 1u8..30, 0u8..50, 0u32..3).prop_map(|(x, y, w, h, score, class)| {
        let [x0, y0, w, h, score] = [x, y, w, h, score].map(f32::from);
        Candidate { x0, y0, x1: x0 + w, y1: y0 + h, score: score / 50.0, class, index: 0 }
    })
}

fn candidates(most: usize) -> impl Strategy<Value = Vec<Candidate>> {
    prop::collection::vec(candidate(), 0..most).prop_map(numbered)
}

fn square(x: f32, size: f32, score: f32) -> Candidate {
    Candidate { x0: x, x1: x + size, y1: size, score, ..Candidate::default() }
}
