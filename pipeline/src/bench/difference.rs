//! How far the outputs of two engines are apart.

use serde::{Deserialize, Serialize};

/// All outputs of one inference.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Outputs(pub Vec<Output>);

/// One output, its elements as numbers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Output {
    pub shape: Vec<usize>,
    /// Not finite ones are `None`, as in JSON.
    pub values: Vec<Option<f64>>,
}

/// Largest difference of a value, relative to the larger of 1 and the first engine's value; infinite where only one of
/// them is a number. `None` when the outputs have other shapes.
pub(super) fn largest(first: &Outputs, other: &Outputs) -> Option<f64> {
    let same = first.0.len() == other.0.len()
        && first.0.iter().zip(&other.0).all(|(a, b)| a.shape == b.shape && a.values.len() == b.values.len());
    let values = first.0.iter().zip(&other.0).flat_map(|(a, b)| a.values.iter().zip(&b.values));
    same.then(|| values.map(|(a, b)| apart(*a, *b)).fold(0.0, f64::max))
}

fn apart(a: Option<f64>, b: Option<f64>) -> f64 {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() / a.abs().max(1.0),
        (None, None) => 0.0,
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(shape: &[usize], values: &[f64]) -> Outputs {
        let values = values.iter().map(|value| value.is_finite().then_some(*value)).collect();
        Outputs(vec![Output { shape: shape.to_vec(), values }])
    }

    #[test]
    fn differences_are_relative_to_large_values_and_absolute_for_small_ones() {
        let first = outputs(&[2], &[200.0, 0.1]);
        assert_eq!(largest(&first, &outputs(&[2], &[202.0, 0.1])), Some(0.01));
        assert_eq!(largest(&first, &outputs(&[2], &[200.0, 0.6])), Some(0.5));
        assert_eq!(largest(&first, &outputs(&[2], &[200.0, f64::NAN])), Some(f64::INFINITY));
        assert_eq!(largest(&first, &outputs(&[1, 2], &[200.0, 0.1])), None);
    }
}
