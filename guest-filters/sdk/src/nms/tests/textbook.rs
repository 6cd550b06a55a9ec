//! Both kinds of suppression as their papers describe them: all pairs, no early end, no vectors.

use super::*;

/// The share of the union that both cover, from the definition.
fn overlap(a: &Candidate, b: &Candidate) -> f64 {
    let [a, b] = [a, b].map(|c| [c.x0, c.y0, c.x1, c.y1].map(f64::from));
    let side = |low: usize, high: usize| (a[high].min(b[high]) - a[low].max(b[low])).max(0.0);
    let both = side(0, 2) * side(1, 3);
    let area = |c: [f64; 4]| (c[2] - c[0]) * (c[3] - c[1]);
    both / (area(a) + area(b) - both)
}

/// Marks losers in a table of all pairs.
fn greedy(candidates: &[Candidate], how: &Nms) -> Vec<Candidate> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| candidates[b].score.partial_cmp(&candidates[a].score).unwrap().then(a.cmp(&b)));
    order.truncate(how.max_candidates);
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
    order.into_iter().filter(|&i| !dropped[i]).take(how.max_detections).map(|i| candidates[i]).collect()
}

/// Algorithm 1 of the paper: the best leaves the list, all others are lowered at once.
fn soft(candidates: &[Candidate], how: &Nms) -> Vec<Candidate> {
    let (mut list, mut kept) = (candidates.to_vec(), vec![]);
    while !list.is_empty() && kept.len() < how.max_detections {
        let best = (1..list.len()).fold(0, |best, i| if list[i].score > list[best].score { i } else { best });
        let best = list.remove(best);
        for other in &mut list {
            #[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is meant")]
            let iou = overlap(&best, other) as f32;
            let factor = match how.method {
                Method::Linear => {
                    if iou > how.iou {
                        1.0 - iou
                    } else {
                        1.0
                    }
                }
                Method::Gaussian { sigma } => libm::expf(-(iou * iou) / sigma),
                _ => panic!("not soft"),
            };
            if how.agnostic || best.class == other.class {
                other.score *= factor;
            }
        }
        list.retain(|c| c.score >= how.min_score);
        kept.push(best);
    }
    kept
}

/// No ratio of these sizes lies within rounding of such a threshold.
fn iou() -> impl Strategy<Value = f32> {
    prop_oneof![Just(0.450_01), Just(0.700_01), Just(0.123_45)]
}

proptest! {
    #[test]
    fn greedy_agrees(
        candidates in candidates(120), iou in iou(), most in 1usize..50, top in 1usize..150, agnostic: bool,
    ) {
        let how = Nms { iou, max_detections: most, max_candidates: top, agnostic, ..GREEDY };
        prop_assert_eq!(run(&candidates, how), greedy(&candidates, &how));
    }

    #[test]
    fn soft_agrees_to_the_last_bit(
        candidates in candidates(80), iou in iou(), most in 1usize..50, agnostic: bool,
        sigma in prop_oneof![Just(None), (0.1f32..2.0).prop_map(Some)], min_score in 0f32..0.5,
    ) {
        let method = sigma.map_or(Method::Linear, |sigma| Method::Gaussian { sigma });
        let how = Nms { method, iou, max_detections: most, agnostic, min_score, ..GREEDY };
        let above: Vec<_> = candidates.iter().filter(|c| c.score >= min_score).copied().collect();
        prop_assert_eq!(run(&above, how), soft(&above, &how));
    }
}

#[test]
fn what_soft_nms_leaves_of_a_score() {
    // Half of the second box is covered: IoU 1/3.
    let pair = [square(0.0, 4.0, 0.9), square(2.0, 4.0, 0.6)];
    let scores = |method, iou| -> Vec<f32> {
        run(&pair, Nms { method, iou, ..GREEDY }).iter().map(|c| c.score).collect()
    };
    assert_eq!(scores(Method::Linear, 0.45), [0.9, 0.6]);
    assert!((scores(Method::Linear, 0.3)[1] - 0.4).abs() < 1e-6);
    assert!((scores(Method::Gaussian { sigma: 0.5 }, 0.45)[1] - 0.6 * (-2.0f32 / 9.0).exp()).abs() < 1e-6);
}
