//! Four floats at once: WebAssembly's own vectors, elsewhere plain arrays that do exactly the same.
//!
//! Every operation is one IEEE operation on each lane, so that a module computes the same bits as the native build
//! that the tests look at. What the operations do with NaN is part of the contract.

#[cfg(not(target_arch = "wasm32"))]
pub use arrays::F32x4;
#[cfg(target_arch = "wasm32")]
pub use wasm::F32x4;

#[cfg(not(target_arch = "wasm32"))]
mod arrays {
    /// Four floats.
    #[derive(Clone, Copy, Debug)]
    pub struct F32x4([f32; 4]);

    impl F32x4 {
        #[inline(always)]
        fn lanes(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
            let (a, b) = (self.0, other.0);
            Self([0, 1, 2, 3].map(|i| operation(a[i], b[i])))
        }
        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> Self {
            Self(*from)
        }
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self([value; 4])
        }
        #[inline(always)]
        pub fn to_array(self) -> [f32; 4] {
            self.0
        }
        /// `other` where it is larger, else `self`: a NaN in `other` never wins, one in `self` stays.
        #[inline(always)]
        pub fn or_larger(self, other: Self) -> Self {
            self.lanes(other, |a, b| if a < b { b } else { a })
        }
        /// `other` where it is smaller, else `self`.
        #[inline(always)]
        pub fn or_smaller(self, other: Self) -> Self {
            self.lanes(other, |a, b| if b < a { b } else { a })
        }
        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            self.lanes(other, |a, b| a + b)
        }
        #[inline(always)]
        pub fn minus(self, other: Self) -> Self {
            self.lanes(other, |a, b| a - b)
        }
        #[inline(always)]
        pub fn times(self, other: Self) -> Self {
            self.lanes(other, |a, b| a * b)
        }
        #[inline(always)]
        pub fn over(self, other: Self) -> Self {
            self.lanes(other, |a, b| a / b)
        }
        /// One bit for each lane that is larger than that of `other`; NaN is not.
        #[inline(always)]
        pub fn above(self, other: Self) -> u8 {
            (0..4).fold(0, |mask, i| mask | u8::from(self.0[i] > other.0[i]) << i)
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use core::arch::wasm32::*;

    /// Four floats. What the operations do is said at the arrays.
    #[derive(Clone, Copy, Debug)]
    pub struct F32x4(v128);

    impl F32x4 {
        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> Self {
            Self(bytemuck::cast(*from))
        }
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }
        #[inline(always)]
        pub fn to_array(self) -> [f32; 4] {
            bytemuck::cast(self.0)
        }
        #[inline(always)]
        pub fn or_larger(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }
        #[inline(always)]
        pub fn or_smaller(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }
        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }
        #[inline(always)]
        pub fn minus(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }
        #[inline(always)]
        pub fn times(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }
        #[inline(always)]
        pub fn over(self, other: Self) -> Self {
            Self(f32x4_div(self.0, other.0))
        }
        #[inline(always)]
        pub fn above(self, other: Self) -> u8 {
            i32x4_bitmask(f32x4_gt(self.0, other.0))
        }
    }
}
