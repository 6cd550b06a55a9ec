//! Element types and sizes of tensors as the ABI writes them.

use edgevision_abi::{MAX_DIMS, dtype};

use crate::nn::{self, DType};

/// The element type that a code of the ABI stands for.
pub(crate) fn dtype_of(code: u32) -> Option<DType> {
    Some(match code {
        dtype::F32 => DType::F32,
        dtype::U8 => DType::U8,
        dtype::I8 => DType::I8,
        dtype::I32 => DType::I32,
        dtype::I64 => DType::I64,
        dtype::F16 => DType::F16,
        _ => return None,
    })
}

/// Alignment of a tensor in guest memory: the size of its elements.
pub(crate) fn align_of(dtype: DType) -> u32 {
    // At most 8.
    u32::try_from(dtype.size()).unwrap_or(8)
}

/// Bytes of a tensor: product of the dimensions times the element size, if it fits guest memory.
pub(crate) fn byte_len(dtype: DType, dims: &[usize]) -> Option<u32> {
    u32::try_from(nn::byte_len(dtype, dims)?).ok()
}

/// The dimensions that count, widened; `None` when the rank is impossible.
pub(crate) fn dims_of(rank: u32, dims: &[u32; MAX_DIMS]) -> Option<Vec<usize>> {
    let counted = dims.get(..rank as usize)?;
    Some(counted.iter().map(|dim| *dim as usize).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked() {
        assert_eq!(byte_len(DType::F32, &[1, 3, 416, 416]), Some(2_076_672));
        assert_eq!(byte_len(DType::I64, &[]), Some(8));
        assert_eq!(byte_len(DType::U8, &[65536, 65536]), None);
        assert_eq!(byte_len(DType::U8, &[usize::MAX, 2]), None);
        assert_eq!(dims_of(9, &[1; 8]), None);
    }

    #[test]
    fn codes_are_those_of_the_abi() {
        for dtype in [DType::F32, DType::U8, DType::I8, DType::I32, DType::I64, DType::F16] {
            assert_eq!(dtype_of(dtype as u32), Some(dtype));
        }
        assert_eq!(dtype_of(0), None);
        assert_eq!(dtype_of(7), None);
    }
}
