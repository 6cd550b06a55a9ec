//! The vectors of the processor do what the arrays say, operation by operation.

use proptest::prelude::*;

use super::{arrays, sse2};

/// Evaluates the same lines with both kinds of vectors.
macro_rules! both {
    ($body:expr) => {{
        let with_arrays = {
            use arrays::*;
            let body: fn(_) -> _ = $body;
            body
        };
        let with_sse2 = {
            use sse2::*;
            let body: fn(_) -> _ = $body;
            body
        };
        (with_arrays, with_sse2)
    }};
}

type Samples = ([[u8; 16]; 3], [[i16; 8]; 2]);

proptest! {
    #[test]
    fn on_bytes(samples: Samples) {
        let (a, b) = both!(|([x, y, z], [p, q]): Samples| {
            let mut out = [[0; 16]; 7];
            let [even, odd] = U8x16::split2([U8x16::load(&x), U8x16::load(&y)]);
            let split = U8x16::split3([U8x16::load(&x), U8x16::load(&y), U8x16::load(&z)]);
            even.store(&mut out[0]);
            odd.store(&mut out[1]);
            split.into_iter().zip(&mut out[2..]).for_each(|(plane, out)| plane.store(out));
            I16x8::narrow([I16x8::load(&p), I16x8::load(&q)]).store(&mut out[5]);
            I16x8::narrow(U8x16::load(&x).widen()).store(&mut out[6]);
            out
        });
        prop_assert_eq!(a(samples), b(samples));
    }

    #[test]
    fn on_words(samples: Samples) {
        let (a, b) = both!(|(_, [p, q]): Samples| {
            let mut out = [[0; 8]; 11];
            let (x, y) = (I16x8::load(&p), I16x8::load(&q));
            let [low, high] = x.twice();
            let pairs = I32x4::narrow([x.dot(y).add(I32x4::splat(77)).shr(15), y.widen()[0]]);
            // SAFETY: the indexes end one before the last sample.
            let gathered = unsafe { I16x8::gather_pairs(&p, &[0, 6, 3, 3]) };
            let results = [
                x.add(y), x.sub(I16x8::splat(1234)), x.add_sat(y), x.mul_q15(y), x.shl(7), x.shr(6), low, high, pairs, gathered,
                I32x4::narrow(x.widen()),
            ];
            results.into_iter().zip(&mut out).for_each(|(result, out)| result.store(out));
            out
        });
        prop_assert_eq!(a(samples), b(samples));
    }

    #[test]
    fn on_floats(samples: Samples) {
        let (a, b) = both!(|(_, [p, _]): Samples| {
            let mut out = [[0.0; 4]; 2];
            let scaled = |v: I32x4| v.to_f32().mul(F32x4::splat(0.37)).add(F32x4::splat(-1.5));
            I16x8::load(&p).widen().map(scaled).into_iter().zip(&mut out).for_each(|(v, out)| v.store(out));
            out.map(|v| v.map(f32::to_bits))
        });
        prop_assert_eq!(a(samples), b(samples));
    }
}
