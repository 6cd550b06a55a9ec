//! What is known of a tensor: its shape, and the numbers in it if they may become somebody's shape.

/// Most dimensions of a tensor.
const MAX_RANK: usize = 8;
/// Most numbers that are remembered.
pub(super) const MAX_NUMBERS: u64 = 256;

/// A tensor of known shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Value {
    dims: Vec<u64>,
    elements: u64,
    /// The elements of a small integer tensor.
    pub(super) ints: Option<Vec<i64>>,
    /// The elements of a small float tensor.
    pub(super) floats: Option<Vec<f32>>,
}

impl Value {
    pub(super) fn of(dims: Vec<u64>) -> Result<Self, String> {
        if dims.len() > MAX_RANK {
            return Err(format!("{} dimensions; at most {MAX_RANK} are followed", dims.len()));
        }
        let elements = dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
        let elements = elements.filter(|elements| *elements < 1 << 60);
        Ok(Self { elements: elements.ok_or("it has too many elements")?, dims, ints: None, floats: None })
    }

    pub(super) fn with_ints(mut self, ints: Option<Vec<i64>>) -> Self {
        self.ints = ints.filter(|ints| ints.len() as u64 == self.elements && self.elements <= MAX_NUMBERS);
        self
    }

    pub(super) fn dims(&self) -> &[u64] {
        &self.dims
    }

    pub(super) fn rank(&self) -> usize {
        self.dims.len()
    }

    pub(super) fn elements(&self) -> u64 {
        self.elements
    }

    pub(super) fn dim(&self, index: usize) -> Result<u64, String> {
        self.dims.get(index).copied().ok_or_else(|| format!("a tensor has no dimension {index}"))
    }

    /// Frees the memory; the name stays taken.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// An axis that may be counted from the end, of a tensor with `rank` dimensions.
    pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
        let count = i64::try_from(rank).unwrap_or(i64::MAX);
        let forward = if axis < 0 { axis.saturating_add(count) } else { axis };
        usize::try_from(forward)
            .ok()
            .filter(|axis| *axis < rank)
            .ok_or_else(|| format!("it has the axis {axis} of a tensor with {rank} dimensions"))
    }
}
