//! A box before and after it is mapped back to the frame.

use std::cmp::Ordering;

use crate::{Detection, Geometry, Request};

/// A box that a decoder found, in pixels of the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Left edge.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
    /// Confidence, usually 0..=1.
    pub score: f32,
    /// Class, from 0.
    pub class: u32,
    /// Where in the output it was found (row, column, cell): to look up what else is known about it, and to decide
    /// which one is first when scores are equal.
    pub index: u32,
}

impl Candidate {
    /// From left, upper, right and lower edge. None if a number is not finite or the box is empty: a model may say
    /// anything.
    pub fn from_corners([x0, y0, x1, y1]: [f32; 4], score: f32, class: usize, index: usize) -> Option<Self> {
        let (class, index) = (u32::try_from(class).ok()?, u32::try_from(index).ok()?);
        let candidate = Self { x0, y0, x1, y1, score, class, index };
        candidate.is_sound().then_some(candidate)
    }

    /// From centre, width and height; the rest as [`from_corners`](Self::from_corners).
    pub fn from_center([cx, cy, w, h]: [f32; 4], score: f32, class: usize, index: usize) -> Option<Self> {
        let corners = [cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0];
        Self::from_corners(corners, score, class, index)
    }

    /// Everything is finite and the box is not empty.
    pub fn is_sound(&self) -> bool {
        let numbers = [self.x0, self.y0, self.x1, self.y1, self.score];
        numbers.iter().all(|v| v.is_finite()) && self.x1 > self.x0 && self.y1 > self.y0
    }

    /// Its area in square pixels of the input, without any `+ 1`.
    pub fn area(&self) -> f32 {
        (self.x1 - self.x0) * (self.y1 - self.y0)
    }

    /// Intersection over union, 0..=1; 0 if one of the two is empty, NaN if an area is beyond all numbers.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = self.x1.min(other.x1) - self.x0.max(other.x0);
        let height = self.y1.min(other.y1) - self.y0.max(other.y0);
        if !(width > 0.0 && height > 0.0) {
            return 0.0;
        }
        let both = width * height;
        both / (self.area() + other.area() - both)
    }

    /// Falling score; equal ones in the order of the output, then of the classes.
    pub fn best_first(a: &Self, b: &Self) -> Ordering {
        let later = (a.index, a.class).cmp(&(b.index, b.class));
        b.score.total_cmp(&a.score).then(later)
    }

    /// The box in pixels of the source frame, clipped to it, its score to 0..=1; None if nothing of it is inside.
    #[allow(clippy::cast_precision_loss, reason = "frames are smaller than 2^24 pixels wide")]
    pub fn in_frame(&self, g: &Geometry, request: &Request) -> Option<Detection> {
        let x = |x: f32| ((x - g.offset_x) / g.scale_x).clamp(0.0, request.frame_width as f32);
        let y = |y: f32| ((y - g.offset_y) / g.scale_y).clamp(0.0, request.frame_height as f32);
        let (x0, y0, x1, y1) = (x(self.x0), y(self.y0), x(self.x1), y(self.y1));
        let score = self.score.clamp(0.0, 1.0);
        let detection = Detection { x0, y0, x1, y1, score, class_id: self.class };
        (x1 > x0 && y1 > y0).then_some(detection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_must_have_an_inside_and_numbers() {
        let sound = |corners, score| Candidate::from_corners(corners, score, 0, 0).is_some();
        assert!(sound([-3.0, 0.0, -2.0, 0.5], 0.5));
        assert!(!sound([1.0, 0.0, 1.0, 2.0], 0.5) && !sound([2.0, 0.0, 1.0, 2.0], 0.5));
        assert!(!sound([0.0, 0.0, f32::INFINITY, 2.0], 0.5) && !sound([0.0, f32::NAN, 1.0, 2.0], 0.5));
        assert!(!sound([0.0, 0.0, 1.0, 2.0], f32::NAN));
        assert!(Candidate::from_center([5.0, 5.0, -2.0, 2.0], 0.5, 0, 0).is_none());
        let centred = Candidate::from_center([5.0, 6.0, 2.0, 4.0], 0.5, 3, 9);
        assert_eq!(centred, Candidate::from_corners([4.0, 4.0, 6.0, 8.0], 0.5, 3, 9));
    }

    #[test]
    fn a_box_is_mapped_back_and_clipped() {
        // A frame of 200x100 in the middle of an input of 100x100: half size, 25 pixels of padding above.
        let geometry = Geometry {
            scale_x: 0.5,
            scale_y: 0.5,
            offset_y: 25.0,
            input_width: 100,
            input_height: 100,
            ..Geometry::default()
        };
        let request = Request { frame_width: 200, frame_height: 100 };
        let mapped = |corners| {
            let found = Candidate::from_corners(corners, 1.5, 7, 0).unwrap().in_frame(&geometry, &request);
            found.map(|d| ([d.x0, d.y0, d.x1, d.y1], d.score, d.class_id))
        };
        assert_eq!(mapped([40.0, 45.0, 60.0, 55.0]), Some(([80.0, 40.0, 120.0, 60.0], 1.0, 7)));
        assert_eq!(mapped([-8.0, 16.0, 12.0, 36.0]), Some(([0.0, 0.0, 24.0, 22.0], 1.0, 7)));
        assert_eq!(mapped([40.0, 0.0, 60.0, 20.0]), None, "it lies in the padding");
        let odd = Geometry { scale_x: 0.0, ..geometry };
        let found = Candidate::from_corners([0.0, 30.0, 9.0, 40.0], 0.5, 0, 0).unwrap();
        assert_eq!(found.in_frame(&odd, &request), None, "NaN is nowhere");
    }
}
