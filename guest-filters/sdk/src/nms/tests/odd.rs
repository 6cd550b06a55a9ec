//! Boxes that are none, and boxes at the edge of a rule.

use super::*;

proptest! {
    #[test]
    fn any_numbers_end_in_sound_boxes_in_order(
        numbers in prop::collection::vec(any::<[f32; 5]>(), 0..60), iou in 0f32..=1.0, method in 0usize..4,
    ) {
        let candidates: Vec<Candidate> = numbers
            .iter()
            .map(|&[x0, y0, x1, y1, score]| Candidate { x0, y0, x1, y1, score, class: 0, index: 0 })
            .collect();
        let how = Nms { method: METHODS[method], iou, max_detections: 10, min_score: f32::MIN, ..GREEDY };
        let kept = run(&candidates, how);
        prop_assert!(kept.len() <= 10 && kept.iter().all(Candidate::is_sound));
        prop_assert_eq!(kept.is_empty(), !candidates.iter().any(Candidate::is_sound));
        prop_assert!(kept.is_sorted_by(|a, b| a.score >= b.score));
    }
}

#[test]
fn identical_boxes_leave_one_and_the_threshold_itself_leaves_both() {
    let how = Nms { iou: 0.5, ..GREEDY };
    let same = numbered(vec![square(3.0, 7.0, 0.5); 50]);
    assert_eq!(run(&same, how), [same[0]], "the first of the output");
    let half = [square(0.0, 2.0, 0.9), Candidate { y1: 1.0, ..square(0.0, 2.0, 0.8) }];
    assert_eq!(half[0].iou(&half[1]), 0.5);
    assert_eq!(run(&half, how).len(), 2);
    assert_eq!(run(&half, Nms { iou: 0.499, ..how }).len(), 1);
}

#[test]
fn identical_boxes_of_other_classes_stay_unless_all_are_compared() {
    let two = [square(0.0, 2.0, 0.9), Candidate { class: 1, ..square(0.0, 2.0, 0.8) }];
    assert_eq!(run(&two, GREEDY), two);
    assert_eq!(run(&two, Nms { agnostic: true, ..GREEDY }), two[..1]);
    let soft = Nms { method: Method::Linear, min_score: 0.1, ..GREEDY };
    assert_eq!((run(&two, soft).len(), run(&two, Nms { agnostic: true, ..soft }).len()), (2, 1));
}

#[test]
fn what_is_no_box_is_left_out_and_takes_nobody_with_it() {
    let good = square(5.0, 1.0, 0.7);
    let bad = [
        square(5.0, 0.0, 0.9),
        Candidate { x1: 4.0, ..good },
        Candidate { y1: -1.0, ..good },
        Candidate { x0: f32::NEG_INFINITY, x1: f32::INFINITY, ..good },
        Candidate { y0: f32::NAN, ..good },
        Candidate { score: f32::NAN, ..good },
        Candidate { score: f32::INFINITY, ..good },
    ];
    for method in METHODS {
        let all: Vec<Candidate> = bad.iter().copied().chain([good]).collect();
        assert_eq!(run(&all, Nms { method, ..GREEDY }), [good], "{method:?}");
        assert_eq!(run(&bad, Nms { method, ..GREEDY }), []);
    }
}

#[test]
fn boxes_with_areas_beyond_all_numbers_are_compared_with_nobody() {
    let huge = Candidate { x0: -3e38, y0: -3e38, x1: 3e38, y1: 3e38, score: 0.9, ..Candidate::default() };
    let kept = run(&[huge, square(0.0, 1.0, 0.5), square(0.0, 1.0, 0.4)], GREEDY);
    assert_eq!(kept, [huge, square(0.0, 1.0, 0.5)]);
}
