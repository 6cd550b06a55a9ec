//! Where a detector puts what it finds in a frame.

use super::{Candidate, PostProcess};
use crate::{Detection, Geometry, Request, nms};

/// The boxes of one frame. Its memory is kept from frame to frame and bounded, whatever the model says.
#[derive(Clone, Debug)]
pub struct Boxes {
    settings: PostProcess,
    candidates: Vec<Candidate>,
    kept: Vec<Candidate>,
}

impl Boxes {
    /// Empty.
    pub fn new(settings: PostProcess) -> Self {
        Self { settings, candidates: vec![], kept: vec![] }
    }

    /// What was asked for.
    pub fn settings(&self) -> &PostProcess {
        &self.settings
    }

    /// Least score of a box. A decoder may skip what is below, but need not.
    pub fn threshold(&self) -> f32 {
        self.settings.score_threshold
    }

    /// Forgets the last frame.
    pub fn clear(&mut self) {
        self.candidates.clear();
        self.kept.clear();
    }

    /// Adds a box, if it is one and reaches the threshold. Of too many the best stay.
    pub fn add(&mut self, candidate: Option<Candidate>) {
        let Some(candidate) = candidate.filter(|c| c.score >= self.settings.score_threshold) else { return };
        self.candidates.push(candidate);
        // Twice the room, so that the choice is made only after as many new ones.
        let most = self.settings.nms.max_candidates;
        if self.candidates.len() >= most.saturating_mul(2).max(1024) {
            nms::keep_best(&mut self.candidates, most);
        }
    }

    /// How many boxes wait for [`suppress`](Self::suppress).
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Those that non-maximum suppression leaves, best first.
    pub fn suppress(&mut self) -> &[Candidate] {
        nms::suppress(&mut self.candidates, &self.settings.nms, &mut self.kept);
        &self.kept
    }

    /// Suppresses, maps back to the frame, clips, and reports what is left.
    pub fn report(&mut self, geometry: &Geometry, request: &Request, report: &mut dyn FnMut(Detection)) {
        let kept = self.suppress();
        kept.iter().filter_map(|kept| kept.in_frame(geometry, request)).for_each(report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Params, nms::Method};

    fn boxes(json: &str) -> Boxes {
        let context = Context { score_threshold: 0.25, ..Context::default() };
        Boxes::new(
            PostProcess::take(&mut Params::from_json(json).unwrap(), &context, Method::Greedy, 0.45).unwrap(),
        )
    }

    #[test]
    fn only_boxes_at_the_threshold_or_above_count() {
        let mut boxes = boxes("{}");
        let square = |score| Candidate::from_corners([0.0, 0.0, 1.0, 1.0], score, 0, 0);
        [square(0.25), square(0.249), square(f32::NAN), None].into_iter().for_each(|c| boxes.add(c));
        assert_eq!((boxes.len(), boxes.suppress().len()), (1, 1));
        boxes.clear();
        assert!(boxes.is_empty() && boxes.suppress().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_the_best_stay() {
        let mut boxes = boxes(r#"{"max_candidates":1000,"max_detections":1000,"nms":"none"}"#);
        for i in 0..50_000usize {
            let score = (i * 7919 % 50_021) as f32 / 50_021.0;
            boxes.add(Candidate::from_corners([0.0, 0.0, 1.0, 1.0], score, 0, i));
            assert!(boxes.len() < 2000);
        }
        let mut scores: Vec<f32> = (0..50_000usize).map(|i| (i * 7919 % 50_021) as f32 / 50_021.0).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let kept: Vec<f32> = boxes.suppress().iter().map(|c| c.score).collect();
        assert_eq!(kept, scores[..1000]);
    }
}
