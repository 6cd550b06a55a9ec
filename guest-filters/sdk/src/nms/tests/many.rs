//! A model that finds something everywhere. Work is counted, not timed: time depends on who else works.

use super::*;

const MANY: usize = 100_000;

/// Comparisons that are allowed; greedy NMS compares with four boxes at once.
fn bound(how: &Nms) -> u64 {
    (how.max_candidates * how.max_detections.next_multiple_of(4)) as u64
}

fn score(i: usize) -> f32 {
    (i * 7919 % 100_003) as f32 / 100_003.0
}

fn compared(candidates: &[Candidate], how: Nms) -> (u64, Vec<Candidate>) {
    let mut kept = vec![];
    let compared = suppress(&mut candidates.to_vec(), &how, &mut kept);
    assert!(compared <= bound(&how), "{compared} comparisons, {how:?}");
    (compared, kept)
}

#[test]
fn boxes_that_all_stay() {
    let many: Vec<Candidate> = (0..MANY).map(|i| square(i as f32 * 2.0, 1.0, score(i))).collect();
    let mut best: Vec<f32> = many.iter().map(|c| c.score).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    for method in METHODS {
        let how = Nms { method, max_detections: 1000, agnostic: true, ..GREEDY };
        let (compared, kept) = compared(&many, how);
        assert_eq!(kept.iter().map(|c| c.score).collect::<Vec<_>>(), best[..1000]);
        assert!(compared <= 1000 * 1000 / 2 + 4000, "only those that stay were compared: {compared}");
    }
}

#[test]
fn boxes_of_which_one_stays() {
    let many = numbered((0..MANY).map(|i| square(0.0, 1.0, score(i))).collect());
    let (compared, kept) = compared(&many, GREEDY);
    assert_eq!((kept.len(), compared), (1, 29_999 * 4));
}

#[test]
fn boxes_that_meet_all_that_stay_and_lose_late() {
    // 100 places; in each the first box stays and all the others lose against it.
    let place = |i: usize| square((i % 100) as f32 * 2.0, 1.0, 1.0 - i as f32 / MANY as f32);
    let many = numbered((0..MANY).map(place).collect());
    for method in METHODS {
        let (_, kept) = compared(&many, Nms { method, max_detections: 200, ..GREEDY });
        assert!(kept.len() >= 100);
    }
}

#[test]
fn all_of_them_may_be_asked_for() {
    let many = numbered((0..MANY).map(|i| square(i as f32 % 317.0, 40.0, score(i))).collect());
    for method in METHODS {
        let how = Nms { method, max_candidates: MANY, ..GREEDY };
        let (_, kept) = compared(&many, how);
        assert!(!kept.is_empty());
    }
}
