//! The kernels in vectors. One loop body handles 128 bytes or more: the check of the deadline that the host puts
//! into every loop would else cost as much as the work. Rows of ours are padded to whole blocks ([`BLOCK`]); the odd
//! end of a row that belongs to somebody else is done by [`scalar`].

use crate::{
    color::{COLOR_BITS, Coefficients},
    geometry::Taps,
    scalar,
    simd::{F32x4, I16x8, I32x4, U8x16},
};

/// Pixels in a loop body; rows of our own have room for whole blocks.
pub const BLOCK: usize = 32;

/// See [`scalar::chroma_terms`].
pub fn chroma_terms(u: &[u8], v: &[u8], c: &Coefficients, terms: [&mut [i32]; 3]) {
    let [red, green, blue] = terms;
    let done = u.len() / BLOCK * BLOCK;
    let blocks = u.as_chunks::<BLOCK>().0.iter().zip(v.as_chunks::<BLOCK>().0);
    let to = red.as_chunks_mut::<BLOCK>().0.iter_mut().zip(green.as_chunks_mut::<BLOCK>().0);
    for (((u, v), (r, g)), b) in blocks.zip(to).zip(blue.as_chunks_mut::<BLOCK>().0) {
        for k in 0..BLOCK / 16 {
            let [u, v] = [u, v].map(|row| centred(&row.as_chunks().0[k], 128));
            for q in 0..4 {
                let at = 4 * k + q;
                let green = u[q].mul(I32x4::splat(c.green_u)).add(v[q].mul(I32x4::splat(c.green_v)));
                v[q].mul(I32x4::splat(c.red_v)).store(&mut r.as_chunks_mut().0[at]);
                green.store(&mut g.as_chunks_mut().0[at]);
                u[q].mul(I32x4::splat(c.blue_u)).store(&mut b.as_chunks_mut().0[at]);
            }
        }
    }
    scalar::chroma_terms(
        &u[done..],
        &v[done..],
        c,
        [&mut red[done..], &mut green[done..], &mut blue[done..]],
    );
}

/// 16 bytes less an offset.
#[inline(always)]
fn centred(bytes: &[u8; 16], offset: i32) -> [I32x4; 4] {
    let offset = I32x4::splat(-offset);
    let [[a, b], [c, d]] = U8x16::load(bytes).widen().map(I16x8::widen);
    [a, b, c, d].map(|quad| quad.add(offset))
}

/// Luma's part and the half that rounds, of 16 pixels.
#[inline(always)]
fn luma_terms(y: &[u8; 16], c: &Coefficients) -> [I32x4; 4] {
    let (factor, half) = (I32x4::splat(c.luma), I32x4::splat(1 << (COLOR_BITS - 1)));
    centred(y, c.luma_offset).map(|y| y.mul(factor).add(half))
}

/// Sums of 16 pixels to bytes.
#[inline(always)]
fn bytes(sums: [I32x4; 4]) -> U8x16 {
    let [a, b, c, d] = sums.map(|sum| sum.shr(COLOR_BITS));
    I16x8::narrow([I32x4::narrow([a, b]), I32x4::narrow([c, d])])
}

/// See [`scalar::color_row`].
pub fn color_row(luma: &[u8], terms: [&[i32]; 3], c: &Coefficients, out: [&mut [u8]; 3]) {
    let [out0, out1, out2] = out;
    let done = luma.len() / BLOCK * BLOCK;
    let terms01 = terms[0].as_chunks::<16>().0.iter().zip(terms[1].as_chunks::<16>().0);
    let out01 = out0.as_chunks_mut::<BLOCK>().0.iter_mut().zip(out1.as_chunks_mut::<BLOCK>().0);
    let from = luma.as_chunks::<BLOCK>().0.iter().zip(terms01.zip(terms[2].as_chunks::<16>().0));
    for ((y, ((t0, t1), t2)), ((o0, o1), o2)) in from.zip(out01.zip(out2.as_chunks_mut::<BLOCK>().0)) {
        for k in 0..2 {
            let luma = luma_terms(&y.as_chunks().0[k], c);
            for (terms, out) in [(t0, &mut *o0), (t1, &mut *o1), (t2, &mut *o2)] {
                color_block(luma, &terms.as_chunks().0[k]).store(&mut out.as_chunks_mut().0[k]);
            }
        }
    }
    let terms = terms.map(|row| &row[done / 2..]);
    scalar::color_row(&luma[done..], terms, c, [&mut out0[done..], &mut out1[done..], &mut out2[done..]]);
}

/// One colour of 16 pixels: a chroma term serves two of them.
#[inline(always)]
fn color_block(luma: [I32x4; 4], terms: &[i32; 8]) -> U8x16 {
    let [first, second] = [0, 1].map(|half| I32x4::load(&terms.as_chunks().0[half]).twice());
    let [a, b, c, d] = luma;
    bytes([a.add(first[0]), b.add(first[1]), c.add(second[0]), d.add(second[1])])
}

/// See [`scalar::grey_row`].
pub fn grey_row(luma: &[u8], c: &Coefficients, out: &mut [u8]) {
    let done = luma.len() / BLOCK * BLOCK;
    for (y, out) in luma.as_chunks::<BLOCK>().0.iter().zip(out.as_chunks_mut::<BLOCK>().0) {
        for k in 0..2 {
            bytes(luma_terms(&y.as_chunks().0[k], c)).store(&mut out.as_chunks_mut().0[k]);
        }
    }
    scalar::grey_row(&luma[done..], c, &mut out[done..]);
}

/// See [`scalar::split2`].
pub fn split2(packed: &[u8], [out0, out1]: [&mut [u8]; 2]) {
    let done = packed.len() / 64 * BLOCK;
    let out = out0.as_chunks_mut::<BLOCK>().0.iter_mut().zip(out1.as_chunks_mut::<BLOCK>().0);
    for (from, (o0, o1)) in packed.as_chunks::<64>().0.iter().zip(out) {
        let from = from.as_chunks::<16>().0;
        for k in 0..2 {
            let [first, second] = U8x16::split2([U8x16::load(&from[2 * k]), U8x16::load(&from[2 * k + 1])]);
            first.store(&mut o0.as_chunks_mut().0[k]);
            second.store(&mut o1.as_chunks_mut().0[k]);
        }
    }
    scalar::split2(&packed[2 * done..], [&mut out0[done..], &mut out1[done..]]);
}

/// See [`scalar::split3`].
pub fn split3(packed: &[u8], [out0, out1, out2]: [&mut [u8]; 3]) {
    let done = packed.len() / 96 * BLOCK;
    let out = out0.as_chunks_mut::<BLOCK>().0.iter_mut().zip(out1.as_chunks_mut::<BLOCK>().0);
    let out = out.zip(out2.as_chunks_mut::<BLOCK>().0);
    for (from, ((o0, o1), o2)) in packed.as_chunks::<96>().0.iter().zip(out) {
        let from = from.as_chunks::<16>().0;
        for k in 0..2 {
            let split = U8x16::split3([0, 1, 2].map(|i| U8x16::load(&from[3 * k + i])));
            split[0].store(&mut o0.as_chunks_mut().0[k]);
            split[1].store(&mut o1.as_chunks_mut().0[k]);
            split[2].store(&mut o2.as_chunks_mut().0[k]);
        }
    }
    scalar::split3(&packed[3 * done..], [&mut out0[done..], &mut out1[done..], &mut out2[done..]]);
}

/// See [`scalar::resample`]. `out` is a row of ours: whole blocks.
pub fn resample(row: &[u8], taps: &Taps, out: &mut [i16]) {
    assert!(row.len() > taps.source_width(), "the row has a sample behind its last pixel");
    let taps = taps.index().as_chunks::<BLOCK>().0.iter().zip(taps.weights().as_chunks::<{ 2 * BLOCK }>().0);
    for ((index, weights), out) in taps.zip(out.as_chunks_mut::<BLOCK>().0) {
        for k in 0..BLOCK / 8 {
            // SAFETY: every index of `Taps` is below its source width, and the row is longer than that.
            let pairs = unsafe { U8x16::gather_pairs(row, &index.as_chunks().0[k]) }.widen();
            let sums = [0, 1].map(|h| pairs[h].dot(I16x8::load(&weights.as_chunks().0[2 * k + h])).shr(4));
            I32x4::narrow(sums).store(&mut out.as_chunks_mut().0[k]);
        }
    }
}

/// See [`scalar::blend`]. Rows of ours: whole blocks.
pub fn blend(upper: &[i16], lower: &[i16], [a, b]: [i16; 2], out: &mut [u8]) {
    let (a, b, half) = (I16x8::splat(a), I16x8::splat(b), I16x8::splat(2));
    let rows = upper.as_chunks::<BLOCK>().0.iter().zip(lower.as_chunks::<BLOCK>().0);
    for ((upper, lower), out) in rows.zip(out.as_chunks_mut::<BLOCK>().0) {
        let mean = |k: usize| {
            let [x, y] = [upper, lower].map(|row| I16x8::load(&row.as_chunks().0[k]));
            x.mul_high(a).add(y.mul_high(b)).add(half).shr(2)
        };
        for k in 0..2 {
            I16x8::narrow([mean(2 * k), mean(2 * k + 1)]).store(&mut out.as_chunks_mut().0[k]);
        }
    }
}

/// See [`scalar::normalise`].
pub fn normalise(row: &[u8], scale: f32, bias: f32, out: &mut [f32]) {
    let done = row.len() / BLOCK * BLOCK;
    let (s, b) = (F32x4::splat(scale), F32x4::splat(bias));
    for (row, out) in row.as_chunks::<BLOCK>().0.iter().zip(out.as_chunks_mut::<BLOCK>().0) {
        for k in 0..2 {
            for (h, half) in U8x16::load(&row.as_chunks().0[k]).widen().into_iter().enumerate() {
                for (q, quad) in half.widen().into_iter().enumerate() {
                    quad.to_f32().mul(s).add(b).store(&mut out.as_chunks_mut().0[4 * k + 2 * h + q]);
                }
            }
        }
    }
    scalar::normalise(&row[done..], scale, bias, &mut out[done..]);
}
