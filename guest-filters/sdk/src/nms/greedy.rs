//! Greedy NMS: each box against those that stay, four at a time.

use super::Nms;
use crate::{boxes::Candidate, vector::F32x4};

/// Four boxes that stay. Lanes without one have an endless area, and so an IoU of 0 with everything.
#[derive(Clone, Copy)]
struct Four {
    x0: [f32; 4],
    y0: [f32; 4],
    x1: [f32; 4],
    y1: [f32; 4],
    area: [f32; 4],
    class: [u32; 4],
}

impl Four {
    const EMPTY: Self = Self {
        x0: [0.0; 4],
        y0: [0.0; 4],
        x1: [0.0; 4],
        y1: [0.0; 4],
        area: [f32::INFINITY; 4],
        class: [0; 4],
    };

    fn set(&mut self, lane: usize, c: &Candidate) {
        (self.x0[lane], self.y0[lane], self.x1[lane], self.y1[lane]) = (c.x0, c.y0, c.x1, c.y1);
        (self.area[lane], self.class[lane]) = (c.area(), c.class);
    }

    /// One bit for each whose IoU with the box is above the threshold.
    #[inline(always)]
    fn overlapping(&self, c: &Candidate, iou: f32) -> u8 {
        let zero = F32x4::splat(0.0);
        let right = F32x4::load(&self.x1).or_smaller(F32x4::splat(c.x1));
        let left = F32x4::load(&self.x0).or_larger(F32x4::splat(c.x0));
        let lower = F32x4::load(&self.y1).or_smaller(F32x4::splat(c.y1));
        let upper = F32x4::load(&self.y0).or_larger(F32x4::splat(c.y0));
        let both = zero.or_larger(right.minus(left)).times(zero.or_larger(lower.minus(upper)));
        let all = F32x4::load(&self.area).plus(F32x4::splat(c.area())).minus(both);
        both.over(all).above(F32x4::splat(iou))
    }

    /// One bit for each of this class.
    #[inline(always)]
    fn of_class(&self, class: u32) -> u8 {
        (0..4).fold(0, |mask, lane| mask | u8::from(self.class[lane] == class) << lane)
    }
}

/// `sorted` is in falling score order. Returns the number of comparisons.
pub(super) fn suppress(sorted: &[Candidate], how: &Nms, kept: &mut Vec<Candidate>) -> u64 {
    let mut staying: Vec<Four> = Vec::with_capacity(how.max_detections.min(sorted.len()).div_ceil(4));
    let mut compared = 0;
    for candidate in sorted {
        if kept.len() == how.max_detections {
            break;
        }
        let lost = |four: &Four| {
            compared += 1;
            let mask = four.overlapping(candidate, how.iou);
            mask != 0 && (how.agnostic || mask & four.of_class(candidate.class) != 0)
        };
        if !staying.iter().any(lost) {
            push(&mut staying, kept.len(), candidate);
            kept.push(*candidate);
        }
    }
    // Four at a time, of which the last may be fewer.
    compared * 4
}

fn push(staying: &mut Vec<Four>, len: usize, candidate: &Candidate) {
    if len.is_multiple_of(4) {
        staying.push(Four::EMPTY);
    }
    if let Some(last) = staying.last_mut() {
        last.set(len % 4, candidate);
    }
}
