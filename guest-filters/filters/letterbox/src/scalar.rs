//! The kernels one sample at a time: what the vector kernels are held against, and what does their odd ends.

use crate::color::Coefficients;
#[cfg(test)]
use crate::geometry::Taps;

/// Product of two numbers with 15 bits behind the point, rounded; saturates where both are -1.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "clamped to i16::MAX, and never below i16::MIN")]
pub fn mul_q15(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + (1 << 14)) >> 15).min(i32::from(i16::MAX)) as i16
}

/// Luma's part of a colour with 6 bits behind the point, and the half that rounds their sum.
#[inline(always)]
fn luma_q6(y: u8, c: &Coefficients) -> i16 {
    mul_q15((i16::from(y) - c.luma_offset) << 7, c.luma) + 32
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn byte(q6: i16) -> u8 {
    (q6 >> 6).clamp(0, 255) as u8
}

/// Chroma's parts of red, green and blue with 6 bits behind the point.
pub fn chroma_terms(u: &[u8], v: &[u8], c: &Coefficients, terms: [&mut [i16]; 3]) {
    let [red, green, blue] = terms;
    for (i, (&u, &v)) in u.iter().zip(v).enumerate() {
        let (u, v) = ((i16::from(u) - 128) << 8, (i16::from(v) - 128) << 8);
        red[i] = mul_q15(v, c.red_v);
        green[i] = mul_q15(u, c.green_u) + mul_q15(v, c.green_v);
        blue[i] = mul_q15(u, c.blue_u);
    }
}

/// A row of luma and the chroma terms of its pixels, two pixels to a term, to three rows of colour.
pub fn color_row(luma: &[u8], terms: [&[i16]; 3], c: &Coefficients, out: [&mut [u8]; 3]) {
    for (terms, out) in terms.into_iter().zip(out) {
        for (x, (&y, out)) in luma.iter().zip(out).enumerate() {
            *out = byte(luma_q6(y, c).saturating_add(terms[x / 2]));
        }
    }
}

/// A row of luma to a row of grey.
pub fn grey_row(luma: &[u8], c: &Coefficients, out: &mut [u8]) {
    luma.iter().zip(out).for_each(|(&y, out)| *out = byte(luma_q6(y, c)));
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

/// `upper` and `lower` rows to their mean with the weight of `lower` in 1/32768; 7 bits behind the point.
#[cfg(test)]
pub fn blend(upper: &[u8], lower: &[u8], weight: i16, out: &mut [i16]) {
    for ((&a, &b), out) in upper.iter().zip(lower).zip(out) {
        let (a, b) = (i16::from(a), i16::from(b));
        *out = (a << 7) + mul_q15((b - a) << 7, weight);
    }
}

/// A row with 7 bits behind the point to the picture's width.
#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of bytes is a byte")]
pub fn resample(row: &[i16], taps: &Taps, out: &mut [u8]) {
    for ((index, weights), out) in taps.index().iter().zip(taps.weights().as_chunks::<2>().0).zip(out) {
        let pair = &row[*index as usize..][..2];
        let sum = i32::from(pair[0]) * i32::from(weights[0]) + i32::from(pair[1]) * i32::from(weights[1]);
        *out = ((sum + (1 << 20)) >> 21) as u8;
    }
}

/// `value * scale + bias`.
pub fn normalise(row: &[u8], scale: f32, bias: f32, out: &mut [f32]) {
    row.iter().zip(out).for_each(|(&v, out)| *out = f32::from(v) * scale + bias);
}
