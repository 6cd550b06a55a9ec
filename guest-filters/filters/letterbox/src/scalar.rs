//! The kernels one sample at a time: what the vector kernels are held against, and what does their odd ends.

use crate::color::{COLOR_BITS, Coefficients};
#[cfg(test)]
use crate::geometry::Taps;

/// Luma's part of a colour with 20 bits behind the point, and the half that rounds their sum.
#[inline(always)]
fn luma_term(y: u8, c: &Coefficients) -> i32 {
    (i32::from(y) - c.luma_offset) * c.luma + (1 << (COLOR_BITS - 1))
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn byte(sum: i32) -> u8 {
    (sum >> COLOR_BITS).clamp(0, 255) as u8
}

/// Chroma's parts of red, green and blue with 20 bits behind the point.
pub fn chroma_terms(u: &[u8], v: &[u8], c: &Coefficients, terms: [&mut [i32]; 3]) {
    let [red, green, blue] = terms;
    for (i, (&u, &v)) in u.iter().zip(v).enumerate() {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        red[i] = v * c.red_v;
        green[i] = u * c.green_u + v * c.green_v;
        blue[i] = u * c.blue_u;
    }
}

/// A row of luma and the chroma terms of its pixels, two pixels to a term, to three rows of colour.
pub fn color_row(luma: &[u8], terms: [&[i32]; 3], c: &Coefficients, out: [&mut [u8]; 3]) {
    for (terms, out) in terms.into_iter().zip(out) {
        for (x, (&y, out)) in luma.iter().zip(out).enumerate() {
            *out = byte(luma_term(y, c) + terms[x / 2]);
        }
    }
}

/// A row of luma to a row of grey.
pub fn grey_row(luma: &[u8], c: &Coefficients, out: &mut [u8]) {
    luma.iter().zip(out).for_each(|(&y, out)| *out = byte(luma_term(y, c)));
}

/// Separates packed pixels of two bytes.
pub fn split2(packed: &[u8], out: [&mut [u8]; 2]) {
    for (k, out) in out.into_iter().enumerate() {
        packed.chunks_exact(2).zip(out).for_each(|(pixel, out)| *out = pixel[k]);
    }
}

/// Separates packed pixels of three bytes.
pub fn split3(packed: &[u8], out: [&mut [u8]; 3]) {
    for (k, out) in out.into_iter().enumerate() {
        packed.chunks_exact(3).zip(out).for_each(|(pixel, out)| *out = pixel[k]);
    }
}

/// An 8-bit row to the picture's width, 7 bits behind the point: what OpenCV keeps of 11 when it goes down.
#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "at most 255 x 2048 / 16")]
pub fn resample(row: &[u8], taps: &Taps, out: &mut [i16]) {
    for ((index, weights), out) in taps.index().iter().zip(taps.weights().as_chunks::<2>().0).zip(out) {
        let pair = &row[*index as usize..][..2];
        let sum = i32::from(pair[0]) * i32::from(weights[0]) + i32::from(pair[1]) * i32::from(weights[1]);
        *out = (sum >> 4) as i16;
    }
}

/// `upper` and `lower` rows to their mean: each product loses 16 of 18 bits, then the sum is rounded.
#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of bytes is a byte")]
pub fn blend(upper: &[i16], lower: &[i16], weights: [i16; 2], out: &mut [u8]) {
    let product = |value: i16, weight: i16| (i32::from(value) * i32::from(weight)) >> 16;
    for ((&a, &b), out) in upper.iter().zip(lower).zip(out) {
        *out = ((product(a, weights[0]) + product(b, weights[1]) + 2) >> 2).min(255) as u8;
    }
}

/// `value * scale + bias`.
pub fn normalise(row: &[u8], scale: f32, bias: f32, out: &mut [f32]) {
    row.iter().zip(out).for_each(|(&v, out)| *out = f32::from(v) * scale + bias);
}
