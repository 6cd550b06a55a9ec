//! Bytes of a tensor as numbers.

use half::f16;

use super::{Numbers, Tensor};
use crate::nn::DType;

impl Tensor {
    /// The elements as numbers; `f16` becomes `f32`.
    pub fn numbers(&self) -> Numbers {
        match self.dtype {
            DType::F32 => Numbers::Floats(self.elements(f32::from_le_bytes)),
            DType::F16 => Numbers::Floats(self.elements(|bytes| f16::from_le_bytes(bytes).to_f32())),
            DType::U8 => Numbers::Integers(self.elements(|bytes| u8::from_le_bytes(bytes).into())),
            DType::I8 => Numbers::Integers(self.elements(|bytes| i8::from_le_bytes(bytes).into())),
            DType::I32 => Numbers::Integers(self.elements(|bytes| i32::from_le_bytes(bytes).into())),
            DType::I64 => Numbers::Integers(self.elements(i64::from_le_bytes)),
        }
    }

    /// True unless an element is NaN or infinite.
    pub(crate) fn is_finite(&self) -> bool {
        match self.dtype {
            DType::F32 => self.all(|bytes| f32::from_le_bytes(bytes).is_finite()),
            DType::F16 => self.all(|bytes| f16::from_le_bytes(bytes).is_finite()),
            _ => true,
        }
    }

    fn elements<const N: usize, T>(&self, number: impl Fn([u8; N]) -> T) -> Vec<T> {
        self.data.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
    }

    fn all<const N: usize>(&self, holds: impl Fn([u8; N]) -> bool) -> bool {
        self.data.as_chunks::<N>().0.iter().all(|bytes| holds(*bytes))
    }
}
