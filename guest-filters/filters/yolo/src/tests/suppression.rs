//! NMS against the textbook: compare every pair, no early end.

use std::time::Instant;

use proptest::prelude::*;

use crate::{
    decode::Candidate,
    nms::{Suppression, iou, suppress},
};

/// Intersection over union in f64, from the definition.
fn overlap(a: &Candidate, b: &Candidate) -> f64 {
    let [a, b] = [a, b].map(|c| [c.x0, c.y0, c.x1, c.y1].map(f64::from));
    let side = |low: usize, high: usize| (a[high].min(b[high]) - a[low].max(b[low])).max(0.0);
    let both = side(0, 2) * side(1, 3);
    let area = |c: [f64; 4]| (c[2] - c[0]) * (c[3] - c[1]);
    both / (area(a) + area(b) - both)
}

/// Marks losers in a table of all pairs.
fn textbook(candidates: &[Candidate], how: Suppression) -> Vec<Candidate> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| candidates[b].score.partial_cmp(&candidates[a].score).unwrap().then(a.cmp(&b)));
    let mut dropped = vec![false; candidates.len()];
    for (rank, &winner) in order.iter().enumerate() {
        for &loser in &order[rank + 1..] {
            let (a, b) = (&candidates[winner], &candidates[loser]);
            let rivals = how.agnostic || a.class == b.class;
            if !dropped[winner] && rivals && overlap(a, b) > f64::from(how.iou) {
                dropped[loser] = true;
            }
        }
    }
    order.into_iter().filter(|&i| !dropped[i]).take(how.most).map(|i| candidates[i]).collect()
}

fn run(candidates: &[Candidate], how: Suppression) -> Vec<Candidate> {
    let mut kept = vec![];
    suppress(&mut candidates.to_vec(), how, &mut kept);
    kept
}

/// Whole numbers, so that both sides compute the same ratio but for one rounding.
fn candidate() -> impl Strategy<Value = Candidate> {
    (0u8..40, 0u8..40, 1u8..30, 1u8..30, 0u8..50, 0u32..3).prop_map(|(x, y, w, h, score, class)| {
        let [x0, y0, w, h, score] = [x, y, w, h, score].map(f32::from);
        Candidate { x0, y0, x1: x0 + w, y1: y0 + h, score: score / 50.0, class }
    })
}

proptest! {
    #[test]
    fn agrees_with_the_textbook(
        candidates in prop::collection::vec(candidate(), 0..120),
        // No ratio of these sizes lies within rounding of such a threshold.
        iou in prop_oneof![Just(0.450_01), Just(0.700_01), Just(0.123_45)],
        most in 1usize..50,
        agnostic: bool,
    ) {
        let how = Suppression { iou, most, agnostic };
        prop_assert_eq!(run(&candidates, how), textbook(&candidates, how));
    }

    #[test]
    fn survives_any_numbers(numbers in prop::collection::vec(any::<[f32; 5]>(), 0..60), iou in 0f32..=1.0) {
        let candidates: Vec<Candidate> = numbers
            .iter()
            .map(|&[x0, y0, x1, y1, score]| Candidate { x0, y0, x1, y1, score, class: 0 })
            .collect();
        let kept = run(&candidates, Suppression { iou, most: 10, agnostic: false });
        prop_assert!(kept.len() <= 10 && kept.is_empty() == candidates.is_empty());
    }
}

fn square(x: f32, size: f32, score: f32) -> Candidate {
    Candidate { x0: x, y0: 0.0, x1: x + size, y1: size, score, class: 0 }
}

#[test]
fn identical_boxes_leave_one_and_the_threshold_itself_leaves_both() {
    let how = Suppression { iou: 0.5, most: 100, agnostic: false };
    assert_eq!(run(&vec![square(3.0, 7.0, 0.5); 50], how).len(), 1);
    let half = [square(0.0, 2.0, 0.9), Candidate { y1: 1.0, ..square(0.0, 2.0, 0.8) }];
    assert_eq!(iou(&half[0], &half[1]), 0.5);
    assert_eq!(run(&half, how).len(), 2);
    assert_eq!(run(&half, Suppression { iou: 0.499, ..how }).len(), 1);
}

#[test]
fn boxes_without_area_or_end_take_nobody_with_them() {
    let how = Suppression { iou: 0.45, most: 100, agnostic: false };
    let infinite =
        Candidate { x0: f32::NEG_INFINITY, y0: 0.0, x1: f32::INFINITY, y1: 1.0, score: 1.0, class: 0 };
    let odd = [square(5.0, 0.0, 0.9), square(5.0, 0.0, 0.8), infinite, square(5.0, 1.0, 0.7)];
    assert!(run(&odd, how).contains(&odd[3]));
    let not_a_number = Candidate { score: f32::NAN, ..square(0.0, 1.0, 0.0) };
    assert!(run(&[not_a_number, square(9.0, 1.0, 0.7)], how).contains(&square(9.0, 1.0, 0.7)));
}

#[test]
fn a_hundred_thousand_boxes_end_soon_and_the_best_win() {
    let many: Vec<Candidate> = (0..100_000usize)
        .map(|i| square(i as f32 * 2.0, 1.0, (i * 7919 % 100_003) as f32 / 100_003.0))
        .collect();
    let start = Instant::now();
    let kept = run(&many, Suppression { iou: 0.45, most: 1000, agnostic: true });
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let mut scores: Vec<f32> = many.iter().map(|c| c.score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(kept.iter().map(|c| c.score).collect::<Vec<_>>(), scores[..1000]);
}
