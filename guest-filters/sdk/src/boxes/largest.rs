//! The largest of many floats: which class a cell shows, the hot loop of every decoder.
//!
//! A loop body handles 128 bytes, because in the sandbox every round checks the deadline. NaN is never the largest.

use crate::vector::F32x4;

/// Floats in a loop body.
const BLOCK: usize = 32;

/// Index and value of the (first) largest; `(0, -inf)` if there is none.
pub fn largest(values: impl IntoIterator<Item = f32>) -> (usize, f32) {
    let start = (0, f32::NEG_INFINITY);
    values.into_iter().enumerate().fold(start, |best, (i, v)| if v > best.1 { (i, v) } else { best })
}

/// The largest value; -inf if there is none.
#[inline]
pub fn max(values: &[f32]) -> f32 {
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let lowest = F32x4::splat(f32::NEG_INFINITY);
    let mut best = [lowest; 8];
    for block in blocks {
        let lanes = block.as_chunks::<4>().0;
        best.iter_mut().zip(lanes).for_each(|(best, lane)| *best = best.or_larger(F32x4::load(lane)));
    }
    let (lanes, rest) = rest.as_chunks::<4>();
    best.iter_mut().zip(lanes).for_each(|(best, lane)| *best = best.or_larger(F32x4::load(lane)));
    let best = best.into_iter().fold(lowest, F32x4::or_larger).to_array();
    best.iter().chain(rest).fold(f32::NEG_INFINITY, |best, &v| if v > best { v } else { best })
}

/// The largest of each column of a matrix with `best.len()` columns, row by row in `values`; the rows that are not
/// whole are left out. `best` is overwritten.
pub fn max_of_columns(values: &[f32], best: &mut [f32]) {
    best.fill(f32::NEG_INFINITY);
    if best.is_empty() {
        return;
    }
    values.chunks_exact(best.len()).for_each(|row| raise(best, row));
}

/// `best` becomes the larger of both, element by element.
fn raise(best: &mut [f32], values: &[f32]) {
    let (best, best_rest) = best.as_chunks_mut::<BLOCK>();
    let (values, rest) = values.as_chunks::<BLOCK>();
    for (best, values) in best.iter_mut().zip(values) {
        let values = values.as_chunks::<4>().0;
        for (best, values) in best.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            *best = F32x4::load(best).or_larger(F32x4::load(values)).to_array();
        }
    }
    for (best, &value) in best_rest.iter_mut().zip(rest) {
        *best = if *best < value { value } else { *best };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nan_is_never_the_largest() {
        assert_eq!(largest([f32::NAN, 1.0, f32::NAN, 3.0, 3.0]), (3, 3.0));
        assert_eq!((largest([f32::NAN]), largest([])), ((0, f32::NEG_INFINITY), (0, f32::NEG_INFINITY)));
        assert_eq!((max(&[f32::NAN; 50]), max(&[])), (f32::NEG_INFINITY, f32::NEG_INFINITY));
    }

    proptest! {
        #[test]
        fn vectors_find_what_a_sort_finds(
            values in prop::collection::vec(prop_oneof![9 => any::<f32>(), 1 => Just(f32::NAN)], 0..150),
            columns in 1usize..70,
        ) {
            let sorted = |values: &mut dyn Iterator<Item = f32>| {
                let mut numbers: Vec<f32> = values.filter(|v| !v.is_nan()).collect();
                numbers.sort_by(f32::total_cmp);
                numbers.last().copied().unwrap_or(f32::NEG_INFINITY)
            };
            prop_assert_eq!(max(&values), sorted(&mut values.iter().copied()));
            let rows = values.len() / columns;
            let mut best = vec![0.0; columns];
            max_of_columns(&values, &mut best);
            for (column, &best) in best.iter().enumerate() {
                let whole = &values[..rows * columns];
                prop_assert_eq!(best, sorted(&mut whole.iter().skip(column).step_by(columns).copied()));
            }
        }
    }
}
