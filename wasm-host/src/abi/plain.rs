//! Which types cross the border byte by byte.

#[cfg(target_endian = "big")]
compile_error!("the ABI's structs are little-endian; this host would have to swap every field");

/// Data that may be copied to and from guest memory as bytes.
///
/// # Safety
/// The type is `repr(C)` or a primitive, every bit pattern is a value of it, and it has no padding bytes.
pub(crate) unsafe trait Plain: Copy + 'static {}

// SAFETY: a primitive integer.
unsafe impl Plain for u32 {}

macro_rules! plain_abi_structs {
    ($($name:ident { $($field:ident),* })*) => {$(
        // SAFETY: repr(C), made of u32, u64 and f32 only (see the ABI crate); the assertion below shows that its
        // fields fill it, so there is no padding.
        unsafe impl Plain for edgevision_abi::$name {}
        const _: () = {
            const fn size_of_field<T>(_: &T) -> usize {
                size_of::<T>()
            }
            const fn sum(value: &edgevision_abi::$name) -> usize {
                0 $(+ size_of_field(&value.$field))*
            }
            // SAFETY: every bit pattern, so also all zeros, is a value of this struct of integers and floats.
            let zero: edgevision_abi::$name = unsafe { std::mem::zeroed() };
            assert!(sum(&zero) == size_of::<edgevision_abi::$name>());
        };
    )*};
}

plain_abi_structs! {
    FrameDesc {
        size, format, width, height, color_matrix, color_range, n_planes, reserved, planes, timestamp_ns, seq
    }
    TensorDesc { address, capacity, len, dtype, rank, dims, geometry }
    DetectRequest { size, frame_width, frame_height, tensor }
    Detection { x0, y0, x1, y1, score, class_id }
    Landmark { x, y, confidence }
    Attribute { name, name_len, label, label_len, class_id, confidence }
    NnTensor { address, capacity, len, dtype, rank, dims }
}

/// A list of bytes as the WASI-NN core functions describe it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct WasiBytes {
    pub(crate) address: u32,
    pub(crate) len: u32,
}

// SAFETY: repr(C) and two u32, so any bits will do and there is no padding.
unsafe impl Plain for WasiBytes {}

/// A tensor as the WASI-NN core functions describe it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct WasiTensor {
    pub(crate) dims_address: u32,
    pub(crate) dims_len: u32,
    /// The element type is the lowest byte; the rest is the padding that the canonical layout has there.
    pub(crate) dtype: u32,
    pub(crate) data_address: u32,
    pub(crate) data_len: u32,
}

// SAFETY: repr(C) and five u32, so any bits will do and there is no padding.
unsafe impl Plain for WasiTensor {}
