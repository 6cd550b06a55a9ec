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

/// Source sample and the weight of its neighbour for output sample `i`: half-pixel centres, edges repeated.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..source")]
fn tap(i: usize, source: usize, output: usize) -> (usize, f64) {
    let at = ((i as f64 + 0.5) * source as f64 / output as f64 - 0.5).clamp(0.0, (source - 1) as f64);
    (at as usize, at.fract())
}

/// Taps down the picture: row, and weight of the next row in 1/32768.
#[allow(clippy::cast_possible_truncation, reason = "a weight below 1 is clamped to below 32768")]
pub fn rows(source: usize, output: usize) -> Vec<(usize, i16)> {
    let weight = |f: f64| (f * 32768.0).round().min(32767.0) as i16;
    (0..output).map(|i| tap(i, source, output)).map(|(row, f)| (row, weight(f))).collect()
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
    #[allow(clippy::cast_possible_truncation, reason = "a weight is at most 16384, a width fits into u32")]
    pub fn new(source: usize, output: usize) -> Self {
        let padded = output.next_multiple_of(BLOCK);
        let mut taps = Self { source_width: source, index: vec![], weights: vec![] };
        for i in 0..padded {
            let (index, f) = tap(i.min(output - 1), source, output);
            let weight = (f * 16384.0).round() as i16;
            taps.index.push(index as u32);
            taps.weights.extend([16384 - weight, weight]);
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
    /// Weights of the left and the right one, in 1/16384.
    pub fn weights(&self) -> &[i16] {
        &self.weights
    }
}
