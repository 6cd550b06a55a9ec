//! Holds detections against reference detections.

/// A box with its class and score, in pixels of the source frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Class id.
    pub class_id: u64,
    /// 0..=1.
    pub score: f64,
    /// x0, y0, x1, y1.
    pub corners: [f64; 4],
}

/// Intersection over union of two boxes given by their corners; 0 for empty boxes.
#[must_use]
pub fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |c: [f64; 4]| (c[2] - c[0]).max(0.0) * (c[3] - c[1]).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

/// How many of a set of boxes were found in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Found.
    pub found: usize,
    /// Looked for.
    pub of: usize,
}

impl Share {
    /// 0..=1; 1 when nothing was looked for.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of boxes are far below 2^52")]
    pub fn ratio(self) -> f64 {
        if self.of == 0 { 1.0 } else { self.found as f64 / self.of as f64 }
    }

    /// Adds another share.
    pub fn add(&mut self, other: Self) {
        self.found += other.found;
        self.of += other.of;
    }
}

/// Which of `wanted` (at or above `least_score`) have a partner of the same class in `there` with at least this IoU.
/// Each partner serves once; better scored boxes choose first.
#[must_use]
pub fn found_again(wanted: &[Found], there: &[Found], least_score: f64, least_iou: f64) -> Share {
    let mut wanted: Vec<&Found> = wanted.iter().filter(|found| found.score >= least_score).collect();
    wanted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut free: Vec<&Found> = there.iter().collect();
    let mut share = Share { found: 0, of: wanted.len() };
    for want in wanted {
        let best = (0..free.len()).filter(|&i| free[i].class_id == want.class_id).max_by(|&i, &j| {
            iou(free[i].corners, want.corners).total_cmp(&iou(free[j].corners, want.corners))
        });
        if let Some(i) = best.filter(|&i| iou(free[i].corners, want.corners) >= least_iou) {
            free.swap_remove(i);
            share.found += 1;
        }
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(class_id: u64, score: f64, corners: [f64; 4]) -> Found {
        Found { class_id, score, corners }
    }

    #[test]
    fn iou_of_known_boxes() {
        assert!((iou([0., 0., 2., 2.], [1., 0., 3., 2.]) - 1.0 / 3.0).abs() < 1e-12);
        assert!(iou([0., 0., 1., 1.], [1., 0., 2., 1.]) == 0.0);
        assert!(iou([0., 0., 0., 0.], [0., 0., 0., 0.]) == 0.0);
    }

    #[test]
    fn a_partner_serves_once_and_must_be_of_the_same_class() {
        let a = found(1, 0.9, [0., 0., 10., 10.]);
        let b = found(1, 0.8, [0., 0., 10., 10.]);
        assert_eq!(found_again(&[a, b], &[a], 0.5, 0.75), Share { found: 1, of: 2 });
        assert_eq!(found_again(&[a], &[found(2, 0.9, a.corners)], 0.5, 0.75).found, 0);
    }
}
