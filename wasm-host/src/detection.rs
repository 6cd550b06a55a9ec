//! What comes out: detections that are finite, inside the frame and above their threshold.

/// One detection in pixels of the source frame. Guaranteed by [`accept`]: all values finite,
/// `0 <= x0 < x1 <= width`, `0 <= y0 < y1 <= height`, `0 <= score <= 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
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
}

/// The least score a detection needs: one for all classes, and exceptions by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// For classes without an exception, 0..=1.
    pub default: f32,
    /// Exceptions: class id to threshold.
    pub per_class: std::collections::BTreeMap<u32, f32>,
}
