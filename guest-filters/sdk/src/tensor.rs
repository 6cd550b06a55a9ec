//! Tensors: between the two roles, and in and out of the model.

use edgevision_abi::{Geometry, MAX_DIMS, dtype};
use serde::Deserialize;

use crate::half;

/// Element types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 32-bit float.
    F32,
    /// 8-bit unsigned integer.
    U8,
    /// 8-bit signed integer.
    I8,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// 16-bit float.
    F16,
}

impl DType {
    /// Bytes of an element.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::F16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::I64 => 8,
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "codes come only from a host"))]
    pub(crate) fn from_abi(code: u32) -> Result<Self, String> {
        match code {
            dtype::F32 => Ok(Self::F32),
            dtype::U8 => Ok(Self::U8),
            dtype::I8 => Ok(Self::I8),
            dtype::I32 => Ok(Self::I32),
            dtype::I64 => Ok(Self::I64),
            dtype::F16 => Ok(Self::F16),
            other => Err(format!("element type {other} is not known to this module")),
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "codes come only from a host"))]
    pub(crate) fn to_abi(self) -> u32 {
        match self {
            Self::F32 => dtype::F32,
            Self::U8 => dtype::U8,
            Self::I8 => dtype::I8,
            Self::I32 => dtype::I32,
            Self::I64 => dtype::I64,
            Self::F16 => dtype::F16,
        }
    }
}

/// What a module writes in the role *preprocess*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// `F32`, `F16`, `U8` or `I8`.
    pub dtype: DType,
    /// Dimensions, outermost first; at most 8.
    pub dims: Vec<u32>,
}

impl TensorSpec {
    /// Bytes of the tensor; refuses one that no module can hold.
    pub fn byte_len(&self) -> Result<u32, String> {
        if !matches!(self.dtype, DType::F32 | DType::F16 | DType::U8 | DType::I8) {
            return Err(format!("a tensor of {:?} cannot be handed on: F32, F16, U8 and I8 can", self.dtype));
        }
        if self.dims.len() > MAX_DIMS {
            return Err(format!(
                "a tensor of {} dimensions: at most {MAX_DIMS} are allowed",
                self.dims.len()
            ));
        }
        let element = u32::try_from(self.dtype.bytes()).ok();
        let bytes = self.dims.iter().fold(element, |product, &d| product?.checked_mul(d));
        bytes.ok_or_else(|| format!("a tensor of {:?} is larger than a module's memory", self.dims))
    }
}

/// The tensor to fill, of the type and length of the [`TensorSpec`]; row-major without gaps.
#[derive(Debug)]
pub enum TensorMut<'a> {
    /// 32-bit float.
    F32(&'a mut [f32]),
    /// 8-bit unsigned integer.
    U8(&'a mut [u8]),
    /// 8-bit signed integer.
    I8(&'a mut [i8]),
    /// 16-bit float, as its bits.
    F16(&'a mut [u16]),
}

/// Elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TensorData<'a> {
    /// 32-bit float.
    F32(&'a [f32]),
    /// 8-bit unsigned integer.
    U8(&'a [u8]),
    /// 8-bit signed integer.
    I8(&'a [i8]),
    /// 32-bit signed integer.
    I32(&'a [i32]),
    /// 64-bit signed integer.
    I64(&'a [i64]),
    /// 16-bit float, as its bits.
    F16(&'a [u16]),
}

impl TensorData<'_> {
    /// Their type.
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::U8(_) => DType::U8,
            Self::I8(_) => DType::I8,
            Self::I32(_) => DType::I32,
            Self::I64(_) => DType::I64,
            Self::F16(_) => DType::F16,
        }
    }

    /// Their bytes, little-endian.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::F32(values) => bytemuck::cast_slice(values),
            Self::U8(values) => values,
            Self::I8(values) => bytemuck::cast_slice(values),
            Self::I32(values) => bytemuck::cast_slice(values),
            Self::I64(values) => bytemuck::cast_slice(values),
            Self::F16(values) => bytemuck::cast_slice(values),
        }
    }
}

/// A tensor to read.
#[derive(Clone, Copy, Debug)]
pub struct TensorRef<'a> {
    /// Its elements, row-major without gaps.
    pub data: TensorData<'a>,
    /// Dimensions, outermost first.
    pub dims: &'a [u32],
    /// Where the picture lies in it; of no meaning for the model.
    pub geometry: Geometry,
}

/// Room for an output of the model, kept from call to call.
#[derive(Clone, Debug)]
pub struct Output {
    // u64, so that elements of every type are aligned
    words: Vec<u64>,
    len: usize,
    dtype: DType,
    dims: Vec<u32>,
}

impl Default for Output {
    fn default() -> Self {
        Self { words: vec![], len: 0, dtype: DType::F32, dims: vec![] }
    }
}

impl Output {
    /// With room for so many bytes; the first call makes more if that is too little.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut output = Self::default();
        output.reserve(bytes);
        output
    }

    /// Dimensions that the last call gave it.
    pub fn dims(&self) -> &[u32] {
        &self.dims
    }

    /// The elements that the last call wrote.
    pub fn data(&self) -> TensorData<'_> {
        let bytes = &bytemuck::cast_slice(&self.words)[..self.len];
        match self.dtype {
            DType::F32 => TensorData::F32(bytemuck::cast_slice(bytes)),
            DType::U8 => TensorData::U8(bytes),
            DType::I8 => TensorData::I8(bytemuck::cast_slice(bytes)),
            DType::I32 => TensorData::I32(bytemuck::cast_slice(bytes)),
            DType::I64 => TensorData::I64(bytemuck::cast_slice(bytes)),
            DType::F16 => TensorData::F16(bytemuck::cast_slice(bytes)),
        }
    }

    /// The elements, if they are f32.
    pub fn f32(&self) -> Result<&[f32], String> {
        match self.data() {
            TensorData::F32(values) => Ok(values),
            other => Err(format!("the model's output is {:?}, f32 was expected", other.dtype())),
        }
    }

    /// The elements as f32, whatever number type they have; those that are f32 are not copied to `room`.
    /// Whole numbers beyond 2^24 are rounded.
    #[allow(clippy::cast_precision_loss, reason = "said in the line above")]
    pub fn floats<'a>(&'a self, room: &'a mut Vec<f32>) -> &'a [f32] {
        room.clear();
        match self.data() {
            TensorData::F32(values) => return values,
            TensorData::F16(values) => room.extend(values.iter().map(|&v| half::to_f32(v))),
            TensorData::U8(values) => room.extend(values.iter().map(|&v| f32::from(v))),
            TensorData::I8(values) => room.extend(values.iter().map(|&v| f32::from(v))),
            TensorData::I32(values) => room.extend(values.iter().map(|&v| v as f32)),
            TensorData::I64(values) => room.extend(values.iter().map(|&v| v as f32)),
        }
        room
    }

    /// Makes room for so many bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        let words = bytes.div_ceil(8);
        if words > self.words.len() {
            self.words.resize(words, 0);
        }
    }

    /// The room there is.
    pub fn room(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.words)
    }

    /// Says what was written to the [`room`](Self::room): for engines and their doubles in tests.
    pub fn set(&mut self, dtype: DType, dims: &[u32]) -> Result<(), String> {
        let count = dims.iter().try_fold(1usize, |product, &d| product.checked_mul(usize::try_from(d).ok()?));
        let len = count.and_then(|count| count.checked_mul(dtype.bytes()));
        let len = len.filter(|&len| len <= self.words.len() * 8);
        self.len = len.ok_or_else(|| format!("an output of {dims:?} does not fit into its room"))?;
        self.dtype = dtype;
        self.dims.clear();
        self.dims.extend_from_slice(dims);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_gives_back_what_was_written() {
        let mut output = Output::with_capacity(8);
        output.room()[..8].copy_from_slice(bytemuck::bytes_of(&[1.5f32, -2.0]));
        output.set(DType::F32, &[1, 2]).unwrap();
        assert_eq!((output.f32().unwrap(), output.dims()), (&[1.5, -2.0][..], &[1u32, 2][..]));
        assert!(output.set(DType::F32, &[3]).unwrap_err().contains("does not fit"));
        assert!(output.set(DType::I64, &[u32::MAX, u32::MAX, 2]).is_err());
        output.set(DType::I64, &[1]).unwrap();
        assert!(output.f32().unwrap_err().contains("I64"));
    }

    #[test]
    fn a_tensor_has_a_type_that_can_be_handed_on_and_a_size() {
        let bytes = |dtype, dims: &[u32]| TensorSpec { dtype, dims: dims.to_vec() }.byte_len();
        assert_eq!(bytes(DType::F32, &[1, 3, 640, 640]), Ok(4_915_200));
        assert_eq!(
            (bytes(DType::U8, &[2, 5]), bytes(DType::I8, &[2, 5]), bytes(DType::F16, &[2, 5])),
            (Ok(10), Ok(10), Ok(20))
        );
        assert!(bytes(DType::I64, &[1]).unwrap_err().contains("I64"));
        assert!(bytes(DType::U8, &[1; 9]).unwrap_err().contains("9 dimensions"));
        assert!(bytes(DType::F32, &[65536, 65536]).unwrap_err().contains("larger"));
    }
}
