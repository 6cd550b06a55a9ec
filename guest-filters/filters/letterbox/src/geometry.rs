//! Where the picture lies in the tensor, and which source samples each of its pixels is made of.

use crate::{
    kernels::BLOCK,
    params::{Align, Mode, Settings},
};

/// The picture inside the tensor, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width of the scaled picture, at least 1.
    pub width: usize,
    /// Height of the scaled picture, at least 1.
    pub height: usize,
}

impl Placement {
    /// Letterbox: one scale for both directions, so that the picture just fits; sizes rounded half up.
    pub fn new(settings: &Settings, width: usize, height: usize) -> Self {
        let (room_x, room_y) = (settings.width, settings.height);
        if settings.mode == Mode::Stretch {
            return Self { x: 0, y: 0, width: room_x, height: room_y };
        }
        let fit = (room_x as f64 / width as f64).min(room_y as f64 / height as f64);
        let scale = if settings.upscale { fit } else { fit.min(1.0) };
        let (width, height) = (scaled(width, scale, room_x), scaled(height, scale, room_y));
        let (x, y) = match settings.align {
            Align::TopLeft => (0, 0),
            Align::Center => ((room_x - width) / 2, (room_y - height) / 2),
        };
        Self { x, y, width, height }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=room")]
fn scaled(size: usize, scale: f64, room: usize) -> usize {
    ((size as f64 * scale + 0.5).floor() as usize).clamp(1, room)
}

/// Bits behind the point of a weight, as OpenCV's `resize` has them (`INTER_RESIZE_COEF_BITS`).
const WEIGHT_BITS: u32 = 11;

/// Source sample left of output sample `i` (-1 before the first one), and the weights of it and its right neighbour:
/// half-pixel centres. In the types of OpenCV's `resize`, which rounds the place to f32, the weights to 11 bits, and a
/// half to even.
#[allow(clippy::cast_possible_truncation, reason = "a place in a picture; weights are at most 2048")]
fn tap(i: usize, source: usize, output: usize) -> (isize, [i16; 2]) {
    let step = 1.0 / (output as f64 / source as f64);
    let at = ((i as f64 + 0.5) * step - 0.5) as f32;
    let left = at.floor();
    let weight = |share: f32| (share * (1 << WEIGHT_BITS) as f32).round_ties_even() as i16;
    (left as isize, [weight(1.0 - (at - left)), weight(at - left)])
}

/// What a row of the picture is made of: two source rows, the same one at the edges, and their weights in 1/2048.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowTap {
    /// Upper and lower source row.
    pub rows: [usize; 2],
    /// Their weights; the sum is 2048.
    pub weights: [i16; 2],
}

/// Taps down the picture.
pub fn rows(source: usize, output: usize) -> Vec<RowTap> {
    let inside = |row: isize| row.clamp(0, source.cast_signed() - 1).cast_unsigned();
    let tap = |i| {
        let (upper, weights) = tap(i, source, output);
        RowTap { rows: [inside(upper), inside(upper + 1)], weights }
    };
    (0..output).map(tap).collect()
}

/// Taps across the picture, padded to whole blocks.
#[derive(Clone, Debug)]
pub struct Taps {
    source_width: usize,
    // every index is below source_width: the vector kernel relies on it
    index: Vec<u32>,
    weights: Vec<i16>,
}

impl Taps {
    /// For a row of `source` pixels that becomes one of `output`.
    #[allow(clippy::cast_possible_truncation, reason = "a width fits into u32")]
    pub fn new(source: usize, output: usize) -> Self {
        let padded = output.next_multiple_of(BLOCK);
        let mut taps = Self { source_width: source, index: vec![], weights: vec![] };
        for i in 0..padded {
            let (left, weights) = tap(i.min(output - 1), source, output);
            // Beyond the edges there is the pixel at the edge alone.
            let inside = left.clamp(0, source.cast_signed() - 1);
            let alone = left != inside || left == source.cast_signed() - 1;
            taps.index.push(inside.cast_unsigned() as u32);
            taps.weights.extend(if alone { [1 << WEIGHT_BITS, 0] } else { weights });
        }
        taps
    }

    /// Pixels of the source row.
    pub fn source_width(&self) -> usize {
        self.source_width
    }
    /// The left one of the two source pixels.
    pub fn index(&self) -> &[u32] {
        &self.index
    }
    /// Weights of the left and the right one, in 1/2048.
    pub fn weights(&self) -> &[i16] {
        &self.weights
    }
}
