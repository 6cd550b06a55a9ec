//! The kernels in vectors. One loop body handles 128 bytes or more: the check of the deadline that the host puts
//! into every loop would else cost as much as the work. Rows of ours are padded to whole blocks ([`BLOCK`]); the odd
//! end of a row that belongs to somebody else is done by [`scalar`].

use crate::{
    color::Coefficients,
    geometry::Taps,
    scalar,
    simd::{F32x4, I16x8, I32x4, U8x16},
};

/// Pixels in a loop body; rows of our own have room for whole blocks.
pub const BLOCK: usize = 32;

/// See [`scalar::chroma_terms`].
pub fn chroma_terms(u: &[u8], v: &[u8], c: &Coefficients, terms: [&mut [i16]; 3]) {
    let [red, green, blue] = terms;
    let done = u.len() / BLOCK * BLOCK;
    let blocks = u.as_chunks::<BLOCK>().0.iter().zip(v.as_chunks::<BLOCK>().0);
    let to = red.as_chunks_mut::<BLOCK>().0.iter_mut().zip(green.as_chunks_mut::<BLOCK>().0);
    for (((u, v), (r, g)), b) in blocks.zip(to).zip(blue.as_chunks_mut::<BLOCK>().0) {
        for k in 0..BLOCK / 16 {
            let [u, v] = [u, v].map(|row| U8x16::load(&row.as_chunks().0[k]).widen());
            for h in 0..2 {
                let [u, v] = [u[h], v[h]].map(|v| v.sub(I16x8::splat(128)).shl(8));
                let green = u.mul_q15(I16x8::splat(c.green_u)).add(v.mul_q15(I16x8::splat(c.green_v)));
                v.mul_q15(I16x8::splat(c.red_v)).store(&mut r.as_chunks_mut().0[2 * k + h]);
                green.store(&mut g.as_chunks_mut().0[2 * k + h]);
                u.mul_q15(I16x8::splat(c.blue_u)).store(&mut b.as_chunks_mut().0[2 * k + h]);
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

/// Luma's part with 6 bits behind the point, of 16 pixels.
#[inline(always)]
fn luma_q6(y: &[u8; 16], c: &Coefficients) -> [I16x8; 2] {
    let (offset, half) = (I16x8::splat(c.luma_offset), I16x8::splat(32));
    U8x16::load(y).widen().map(|y| y.sub(offset).shl(7).mul_q15(I16x8::splat(c.luma)).add(half))
}

/// See [`scalar::color_row`].
pub fn color_row(luma: &[u8], terms: [&[i16]; 3], c: &Coefficients, out: [&mut [u8]; 3]) {
    let [out0, out1, out2] = out;
    let done = luma.len() / BLOCK * BLOCK;
    let terms01 = terms[0].as_chunks::<16>().0.iter().zip(terms[1].as_chunks::<16>().0);
    let out01 = out0.as_chunks_mut::<BLOCK>().0.iter_mut().zip(out1.as_chunks_mut::<BLOCK>().0);
    let from = luma.as_chunks::<BLOCK>().0.iter().zip(terms01.zip(terms[2].as_chunks::<16>().0));
    for ((y, ((t0, t1), t2)), ((o0, o1), o2)) in from.zip(out01.zip(out2.as_chunks_mut::<BLOCK>().0)) {
        let luma = [luma_q6(&y.as_chunks().0[0], c), luma_q6(&y.as_chunks().0[1], c)];
        color_block(luma, t0, o0);
        color_block(luma, t1, o1);
        color_block(luma, t2, o2);
    }
    let terms = terms.map(|row| &row[done / 2..]);
    scalar::color_row(&luma[done..], terms, c, [&mut out0[done..], &mut out1[done..], &mut out2[done..]]);
}

/// One colour of 32 pixels.
#[inline(always)]
fn color_block(luma: [[I16x8; 2]; 2], terms: &[i16; 16], out: &mut [u8; BLOCK]) {
    let halves = luma.into_iter().zip(terms.as_chunks().0).zip(out.as_chunks_mut().0);
    for (([first, second], terms), out) in halves {
        let [low, high] = I16x8::load(terms).twice();
        I16x8::narrow([first.add_sat(low).shr(6), second.add_sat(high).shr(6)]).store(out);
    }
}

/// See [`scalar::grey_row`].
pub fn grey_row(luma: &[u8], c: &Coefficients, out: &mut [u8]) {
    let done = luma.len() / 64 * 64;
    for (y, out) in luma.as_chunks::<64>().0.iter().zip(out.as_chunks_mut::<64>().0) {
        for k in 0..4 {
            let sums = luma_q6(&y.as_chunks().0[k], c).map(|v| v.shr(6));
            I16x8::narrow(sums).store(&mut out.as_chunks_mut().0[k]);
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

/// See [`scalar::blend`]. Rows of ours: whole blocks.
pub fn blend(upper: &[u8], lower: &[u8], weight: i16, out: &mut [i16]) {
    let weight = I16x8::splat(weight);
    let rows = upper.as_chunks::<BLOCK>().0.iter().zip(lower.as_chunks::<BLOCK>().0);
    for ((a, b), out) in rows.zip(out.as_chunks_mut::<BLOCK>().0) {
        for k in 0..2 {
            let [a, b] = [a, b].map(|row| U8x16::load(&row.as_chunks().0[k]).widen());
            for h in 0..2 {
                let mean = a[h].shl(7).add(b[h].sub(a[h]).shl(7).mul_q15(weight));
                mean.store(&mut out.as_chunks_mut().0[2 * k + h]);
            }
        }
    }
}

/// See [`scalar::resample`]. `out` is a row of ours: whole blocks.
pub fn resample(row: &[i16], taps: &Taps, out: &mut [u8]) {
    assert!(row.len() > taps.source_width(), "the row has a sample behind its last pixel");
    let taps = taps.index().as_chunks::<BLOCK>().0.iter().zip(taps.weights().as_chunks::<{ 2 * BLOCK }>().0);
    for ((index, weights), out) in taps.zip(out.as_chunks_mut::<BLOCK>().0) {
        let quad = |k: usize| {
            // SAFETY: every index of `Taps` is below its source width, and the row is longer than that.
            let pairs = unsafe { I16x8::gather_pairs(row, &index.as_chunks().0[k]) };
            pairs.dot(I16x8::load(&weights.as_chunks().0[k])).add(I32x4::splat(1 << 20)).shr(21)
        };
        for k in 0..2 {
            let low = I32x4::narrow([quad(4 * k), quad(4 * k + 1)]);
            let high = I32x4::narrow([quad(4 * k + 2), quad(4 * k + 3)]);
            I16x8::narrow([low, high]).store(&mut out.as_chunks_mut().0[k]);
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
