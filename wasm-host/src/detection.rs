//! What comes out: detections that are finite, inside the frame and above their threshold.

use std::{collections::BTreeMap, sync::Arc};

use crate::extras::{BadExtra, Extras, LandmarkScheme, reported::Reported};

/// One detection in pixels of the source frame. Guaranteed by [`accept`]: all values finite,
/// `0 <= x0 < x1 <= width`, `0 <= y0 < y1 <= height`, `0 <= score <= 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Left edge.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
    /// Confidence.
    pub score: f32,
    /// Index into the labels, from 0.
    pub class_id: u32,
    /// Landmarks, attributes and tensors, if the module reported any.
    pub extras: Option<Arc<Extras>>,
}

/// The least score a detection needs: one for all classes, and exceptions by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// For classes without an exception, 0..=1.
    pub default: f32,
    /// Exceptions: class id to threshold.
    pub per_class: BTreeMap<u32, f32>,
}

impl Thresholds {
    /// One threshold (0..=1) for all classes.
    pub fn all(default: f32) -> Self {
        Self { default, per_class: BTreeMap::new() }
    }

    /// The least score for a class.
    pub fn of(&self, class_id: u32) -> f32 {
        self.per_class.get(&class_id).copied().unwrap_or(self.default)
    }

    /// The smallest threshold of all classes: below it nothing is ever accepted.
    pub fn least(&self) -> f32 {
        self.per_class.values().copied().fold(self.default, f32::min)
    }
}

/// What detections of one frame have to fit.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// Width of the source frame in pixels.
    pub width: u32,
    /// Height of the source frame in lines.
    pub height: u32,
    /// Least scores.
    pub thresholds: &'a Thresholds,
    /// Number of classes that have a name; `None` when the job has no labels and any class will do.
    pub classes: Option<usize>,
}

impl Bounds<'_> {
    /// Frames are at most 32767 pixels wide and high: exact in f32.
    fn size(&self) -> (f32, f32) {
        (self.width as f32, self.height as f32)
    }
}

/// A detection that no correct module reports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// NaN or infinite.
    #[error("detection {index} has a {field} that is not a finite number")]
    NotFinite {
        /// Which of the reported detections.
        index: usize,
        /// Which value.
        field: &'static str,
    },
    /// A class without a name.
    #[error("detection {index} is of class {class_id}, but there are only {classes} labels")]
    UnknownClass {
        /// Which of the reported detections.
        index: usize,
        /// What was reported.
        class_id: u32,
        /// Names that exist.
        classes: usize,
    },
    /// A landmark, attribute or tensor of a detection that is no number.
    #[error("detection {index}: its {problem}")]
    Extra {
        /// Which of the reported detections.
        index: usize,
        /// What is wrong with it.
        problem: BadExtra,
    },
    /// A tensor of the frame that is none.
    #[error("the frame's {0}")]
    FrameExtra(BadExtra),
}

/// Takes what a module reported for a frame and keeps what can be believed: scores that reach their threshold (a
/// NaN score reaches none) and are at most 1 (larger ones become 1), boxes clipped to the frame, boxes without
/// area dropped, in falling score order (equal scores stay in the module's order).
///
/// # Errors
/// A detection above its threshold with a value that is not finite, or of a class without a label: the module is
/// broken, and none of its detections for this frame can be trusted.
pub fn accept(
    reported: &[edgevision_abi::Detection],
    bounds: &Bounds<'_>,
) -> Result<Vec<Detection>, Rejected> {
    accept_with(reported, &mut Reported::default(), &Arc::default(), bounds)
}

/// [`accept`] with what belongs to the detections: it shares the fate of its detection, and its values are checked like
/// the detection's. Points are clipped to the frame, confidences to 0..=1.
pub(crate) fn accept_with(
    reported: &[edgevision_abi::Detection],
    extras: &mut Reported,
    scheme: &Arc<LandmarkScheme>,
    bounds: &Bounds<'_>,
) -> Result<Vec<Detection>, Rejected> {
    let mut accepted = Vec::with_capacity(reported.len());
    for (index, raw) in reported.iter().enumerate() {
        if !reaches(raw.score, bounds.thresholds.of(raw.class_id)) {
            continue;
        }
        check(index, raw, bounds)?;
        if let Some(mut detection) = clip(raw, bounds) {
            let own = extras.take(index, scheme, bounds.size());
            detection.extras = own.map_err(|problem| Rejected::Extra { index, problem })?;
            accepted.push(detection);
        }
    }
    accepted.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(accepted)
}

// Written so that NaN on either side is "no".
fn reaches(score: f32, threshold: f32) -> bool {
    score >= threshold
}

fn check(index: usize, raw: &edgevision_abi::Detection, bounds: &Bounds<'_>) -> Result<(), Rejected> {
    let fields =
        [("left edge", raw.x0), ("upper edge", raw.y0), ("right edge", raw.x1), ("lower edge", raw.y1)];
    for (field, value) in fields.into_iter().chain([("score", raw.score)]) {
        if !value.is_finite() {
            return Err(Rejected::NotFinite { index, field });
        }
    }
    match bounds.classes {
        Some(classes) if usize::try_from(raw.class_id).map_or(true, |id| id >= classes) => {
            Err(Rejected::UnknownClass { index, class_id: raw.class_id, classes })
        }
        _ => Ok(()),
    }
}

fn clip(raw: &edgevision_abi::Detection, bounds: &Bounds<'_>) -> Option<Detection> {
    let (width, height) = bounds.size();
    let clipped = Detection {
        x0: raw.x0.clamp(0.0, width),
        y0: raw.y0.clamp(0.0, height),
        x1: raw.x1.clamp(0.0, width),
        y1: raw.y1.clamp(0.0, height),
        score: raw.score.clamp(0.0, 1.0),
        class_id: raw.class_id,
        extras: None,
    };
    (clipped.x0 < clipped.x1 && clipped.y0 < clipped.y1).then_some(clipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(x0: f32, y0: f32, x1: f32, y1: f32, score: f32, class_id: u32) -> edgevision_abi::Detection {
        edgevision_abi::Detection { x0, y0, x1, y1, score, class_id }
    }

    fn accepted(
        reported: &[edgevision_abi::Detection],
        thresholds: &Thresholds,
    ) -> Result<Vec<Detection>, Rejected> {
        accept(reported, &Bounds { width: 100, height: 50, thresholds, classes: Some(3) })
    }

    #[test]
    fn keeps_good_boxes_in_falling_score_order() {
        let found = accepted(
            &[
                raw(1.0, 2.0, 3.0, 4.0, 0.5, 0),
                raw(5.0, 6.0, 7.0, 8.0, 0.9, 2),
                raw(1.0, 1.0, 2.0, 2.0, 0.5, 1),
            ],
            &Thresholds::all(0.25),
        )
        .unwrap();
        assert_eq!(found.iter().map(|d| d.class_id).collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!(
            found[0],
            Detection { x0: 5.0, y0: 6.0, x1: 7.0, y1: 8.0, score: 0.9, class_id: 2, extras: None }
        );
    }

    #[test]
    fn a_threshold_is_inclusive_and_may_differ_by_class() {
        let thresholds = Thresholds { default: 0.5, per_class: BTreeMap::from([(1, 0.8), (2, 0.1)]) };
        let box_of = |score, class_id| raw(0.0, 0.0, 9.0, 9.0, score, class_id);
        let found = accepted(
            &[box_of(0.5, 0), box_of(0.49, 0), box_of(0.79, 1), box_of(0.8, 1), box_of(0.1, 2)],
            &thresholds,
        )
        .unwrap();
        assert_eq!(
            found.iter().map(|d| (d.score, d.class_id)).collect::<Vec<_>>(),
            [(0.8, 1), (0.5, 0), (0.1, 2)]
        );
        assert_eq!(thresholds.least(), 0.1);
    }

    #[test]
    fn a_nan_score_reaches_no_threshold() {
        assert_eq!(accepted(&[raw(0.0, 0.0, 9.0, 9.0, f32::NAN, 0)], &Thresholds::all(0.0)), Ok(vec![]));
    }

    #[test]
    fn values_that_are_not_finite_are_an_error() {
        for (index, value) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().enumerate() {
            let mut boxes = vec![raw(0.0, 0.0, 1.0, 1.0, 0.9, 0); index];
            boxes.push(raw(0.0, value, 9.0, 9.0, 0.9, 0));
            let error = accepted(&boxes, &Thresholds::all(0.25)).unwrap_err();
            assert_eq!(error, Rejected::NotFinite { index, field: "upper edge" });
        }
        let error =
            accepted(&[raw(0.0, 0.0, 9.0, 9.0, f32::INFINITY, 0)], &Thresholds::all(0.25)).unwrap_err();
        assert_eq!(error.to_string(), "detection 0 has a score that is not a finite number");
    }

    #[test]
    fn a_class_without_label_is_an_error_unless_there_are_no_labels() {
        let boxes = [raw(0.0, 0.0, 9.0, 9.0, 0.9, 3)];
        let error = accepted(&boxes, &Thresholds::all(0.25)).unwrap_err();
        assert_eq!(error.to_string(), "detection 0 is of class 3, but there are only 3 labels");
        let thresholds = Thresholds::all(0.25);
        let unnamed = Bounds { width: 100, height: 50, thresholds: &thresholds, classes: None };
        assert_eq!(accept(&boxes, &unnamed).unwrap().len(), 1);
    }

    #[test]
    fn boxes_are_clipped_and_dropped_when_nothing_is_left() {
        let found = accepted(
            &[
                raw(-5.0, -5.0, 500.0, 500.0, 0.9, 0),
                raw(100.0, 0.0, 120.0, 10.0, 0.9, 0),
                raw(9.0, 9.0, 9.0, 20.0, 0.9, 0),
                raw(20.0, 20.0, 10.0, 30.0, 0.9, 0),
            ],
            &Thresholds::all(0.25),
        )
        .unwrap();
        assert_eq!(
            found,
            [Detection { x0: 0.0, y0: 0.0, x1: 100.0, y1: 50.0, score: 0.9, class_id: 0, extras: None }]
        );
    }

    proptest! {
        /// Whatever bits a module reports, what is accepted keeps the promises of `Detection`.
        #[test]
        fn what_is_accepted_keeps_its_promises(bits in prop::collection::vec(any::<[u32; 5]>(), 0..20)) {
            let reported: Vec<_> = bits
                .iter()
                .map(|b| b.map(f32::from_bits))
                .map(|[x0, y0, x1, y1, score]| raw(x0, y0, x1, y1, score, 1))
                .collect();
            for d in accepted(&reported, &Thresholds::all(0.1)).unwrap_or_default() {
                prop_assert!(0.0 <= d.x0 && d.x0 < d.x1 && d.x1 <= 100.0);
                prop_assert!(0.0 <= d.y0 && d.y0 < d.y1 && d.y1 <= 50.0);
                prop_assert!((0.1..=1.0).contains(&d.score));
            }
        }
    }
}
