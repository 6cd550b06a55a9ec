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
            let mut out = [[0; 16]; 8];
            let [even, odd] = U8x16::split2([U8x16::load(&x), U8x16::load(&y)]);
            let split = U8x16::split3([U8x16::load(&x), U8x16::load(&y), U8x16::load(&z)]);
            even.store(&mut out[0]);
            odd.store(&mut out[1]);
            split.into_iter().zip(&mut out[2..]).for_each(|(plane, out)| plane.store(out));
            I16x8::narrow([I16x8::load(&p), I16x8::load(&q)]).store(&mut out[5]);
            I16x8::narrow(U8x16::load(&x).widen()).store(&mut out[6]);
            // SAFETY: the indexes end one before the last sample.
            unsafe { U8x16::gather_pairs(&x, &[0, 14, 3, 3, 9, 1, 7, 12]) }.store(&mut out[7]);
            out
        });
        prop_assert_eq!(a(samples), b(samples));
    }

    #[test]
    fn on_words(samples: Samples) {
        let (a, b) = both!(|(_, [p, q]): Samples| {
            let mut out = [[0; 8]; 6];
            let (x, y) = (I16x8::load(&p), I16x8::load(&q));
            let pairs = I32x4::narrow([x.dot(y).add(I32x4::splat(77)).shr(15), y.widen()[0]]);
            let results = [x.add(y), x.shr(6), x.mul_high(y), pairs, I32x4::narrow(x.widen()), I16x8::splat(1234)];
            results.into_iter().zip(&mut out).for_each(|(result, out)| result.store(out));
            out
        });
        prop_assert_eq!(a(samples), b(samples));
    }

    #[test]
    fn on_double_words(samples: [[i32; 4]; 2]) {
        let (a, b) = both!(|[p, q]: [[i32; 4]; 2]| {
            let mut out = [[0; 4]; 5];
            let (x, y) = (I32x4::load(&p), I32x4::load(&q));
            let [low, high] = x.twice();
            let results = [x.mul(y), x.add(y), x.shr(20), low, high];
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
