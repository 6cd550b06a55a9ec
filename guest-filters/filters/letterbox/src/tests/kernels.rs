//! The vector kernels give the bits of their scalar twins, for every length.

use edgevision_sdk::{ColorMatrix, ColorRange};
use proptest::prelude::*;

use crate::{color::Coefficients, geometry::Taps, kernels, kernels::BLOCK, scalar};

fn bytes(len: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), len)
}

fn coefficients() -> impl Strategy<Value = Coefficients> {
    let matrix = prop_oneof![Just(ColorMatrix::Bt601), Just(ColorMatrix::Bt709)];
    let range = prop_oneof![Just(ColorRange::Limited), Just(ColorRange::Full)];
    (matrix, range).prop_map(|(matrix, range)| Coefficients::new(matrix, range))
}

fn three<T: Clone>(value: T, len: usize) -> [Vec<T>; 3] {
    std::array::from_fn(|_| vec![value.clone(); len])
}

proptest! {
    #[test]
    fn color((y, u, v) in (1usize..200).prop_flat_map(|n| (bytes(n), bytes(n.div_ceil(2)), bytes(n.div_ceil(2)))),
             c in coefficients()) {
        let padded = u.len().next_multiple_of(BLOCK);
        let (mut a, mut b) = (three(0, padded), three(0, padded));
        kernels::chroma_terms(&u, &v, &c, a.each_mut().map(|row| &mut row[..]));
        scalar::chroma_terms(&u, &v, &c, b.each_mut().map(|row| &mut row[..]));
        prop_assert_eq!(&a, &b);
        let (mut x, mut z) = (three(0, y.len()), three(0, y.len()));
        kernels::color_row(&y, a.each_ref().map(|row| &row[..]), &c, x.each_mut().map(|row| &mut row[..]));
        scalar::color_row(&y, b.each_ref().map(|row| &row[..]), &c, z.each_mut().map(|row| &mut row[..]));
        prop_assert_eq!(x, z);
    }

    #[test]
    fn grey(y in bytes(1..300), c in coefficients()) {
        let (mut a, mut b) = (vec![0; y.len()], vec![0; y.len()]);
        kernels::grey_row(&y, &c, &mut a);
        scalar::grey_row(&y, &c, &mut b);
        prop_assert_eq!(a, b);
    }

    #[test]
    fn split(packed in bytes(1..400)) {
        let (pairs, triples) = (packed.len() / 2, packed.len() / 3);
        let (mut a, mut b) = ([vec![0; pairs], vec![0; pairs]], [vec![0; pairs], vec![0; pairs]]);
        kernels::split2(&packed[..pairs * 2], a.each_mut().map(|row| &mut row[..]));
        scalar::split2(&packed[..pairs * 2], b.each_mut().map(|row| &mut row[..]));
        prop_assert_eq!(a, b);
        let (mut a, mut b) = (three(0, triples), three(0, triples));
        kernels::split3(&packed[..triples * 3], a.each_mut().map(|row| &mut row[..]));
        scalar::split3(&packed[..triples * 3], b.each_mut().map(|row| &mut row[..]));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn resample_and_blend(
        (upper, lower) in (1usize..8).prop_flat_map(|blocks| (bytes(blocks * BLOCK), bytes(blocks * BLOCK))),
        weight in 0i16..=2048, cut in 1usize..BLOCK, output in 1usize..150,
    ) {
        let taps = Taps::new(upper.len() - cut, output);
        let padded = output.next_multiple_of(BLOCK);
        let resampled = |row: &[u8]| {
            let (mut a, mut b) = (vec![0; padded], vec![0; padded]);
            kernels::resample(row, &taps, &mut a);
            scalar::resample(row, &taps, &mut b);
            assert_eq!(a, b);
            a
        };
        let (upper, lower) = (resampled(&upper), resampled(&lower));
        let (mut a, mut b) = (vec![0; padded], vec![0; padded]);
        kernels::blend(&upper, &lower, [2048 - weight, weight], &mut a);
        scalar::blend(&upper, &lower, [2048 - weight, weight], &mut b);
        prop_assert_eq!(a, b);
    }

    #[test]
    fn normalise(row in bytes(1..200), scale in 0.001f32..2.0, bias in -300f32..300.0) {
        let (mut a, mut b) = (vec![0.0; row.len()], vec![0.0; row.len()]);
        kernels::normalise(&row, scale, bias, &mut a);
        scalar::normalise(&row, scale, bias, &mut b);
        prop_assert_eq!(a, b);
    }
}
