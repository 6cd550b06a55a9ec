//! What is to be seen on one frame, and the strokes that it becomes. Pure.

use std::sync::Arc;

use edgevision_wasm_host::extras::Extras;

use super::{color::Rgb, text::Mask};

/// A detection in pixels of the frame that is drawn on; may reach beyond it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labelled {
    /// Left, upper, right and lower edge.
    pub edges: [f32; 4],
    /// Chooses the colour.
    pub class_id: u32,
    /// Number of the object over time, if a tracker gave one.
    pub track: Option<i32>,
    /// Name of the class.
    pub label: String,
    /// 0..=1, if known.
    pub confidence: Option<f32>,
    /// Landmarks and attributes, if there are any; in pixels of the same frame.
    pub extras: Option<Arc<Extras>>,
}

/// A notice at the top right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// What it says.
    pub text: String,
    /// Its ground.
    pub color: Rgb,
}

/// Everything that is drawn on one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Edges of what is made unrecognisable, before anything else is drawn.
    pub hidden: Vec<[f32; 4]>,
    /// The whole frame is made unrecognisable.
    pub hides_all: bool,
    /// Drawn in this order.
    pub boxes: Vec<Labelled>,
    /// Camera name and time, at the top left.
    pub banner: Option<String>,
    /// State of the frame, when it is worth telling.
    pub badge: Option<Badge>,
}

impl Scene {
    /// True when the frame can pass as it is.
    pub fn is_empty(&self) -> bool {
        let is_covered = self.hides_all || !self.hidden.is_empty();
        !is_covered && self.boxes.is_empty() && self.banner.is_none() && self.badge.is_none()
    }
}

/// The frame that is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Pixels of a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Two fields line by line: a line of halved chroma then belongs to lines up to three apart.
    pub is_interlaced: bool,
}

/// A rectangle of the frame: inclusive of `x0`, `y0`, exclusive of `x1`, `y1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x0: usize,
    /// Upper edge.
    pub y0: usize,
    /// Right edge.
    pub x1: usize,
    /// Lower edge.
    pub y1: usize,
}

impl Rect {
    /// Pixels of a line.
    pub const fn width(&self) -> usize {
        self.x1.saturating_sub(self.x0)
    }

    /// Lines.
    pub const fn height(&self) -> usize {
        self.y1.saturating_sub(self.y0)
    }

    /// True when they have a pixel in common.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.x0 < other.x1 && other.x0 < self.x1 && self.y0 < other.y1 && other.y0 < self.y1
    }

    /// True when there is no pixel in it.
    pub const fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }
}

/// One stroke of the brush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// Covers a rectangle.
    Fill {
        /// Where.
        rect: Rect,
        /// With what.
        color: Rgb,
        /// How densely, 255 = nothing shines through.
        alpha: u8,
    },
    /// Covers what the mask says.
    Text {
        /// Left edge of the mask, an even number.
        x: usize,
        /// Upper edge of the mask, an even number.
        y: usize,
        /// The text.
        mask: Arc<Mask>,
        /// With what.
        color: Rgb,
    },
    /// Leaves nothing of a rectangle but the means of a few cells.
    Hide {
        /// Where.
        rect: Rect,
        /// Columns and rows.
        cells: (usize, usize),
        /// From one mean to the next without steps.
        smooth: bool,
    },
}
