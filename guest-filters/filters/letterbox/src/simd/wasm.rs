//! WebAssembly's vectors. What the operations do is said in `arrays.rs`.

use core::arch::wasm32::*;

/// 16 unsigned bytes.
#[derive(Clone, Copy)]
pub struct U8x16(v128);
/// 8 signed 16-bit integers.
#[derive(Clone, Copy)]
pub struct I16x8(v128);
/// 4 signed 32-bit integers.
#[derive(Clone, Copy)]
pub struct I32x4(v128);
/// 4 floats.
#[derive(Clone, Copy)]
pub struct F32x4(v128);

impl U8x16 {
    #[inline(always)]
    pub fn load(from: &[u8; 16]) -> Self {
        Self(bytemuck::cast(*from))
    }
    #[inline(always)]
    pub fn store(self, to: &mut [u8; 16]) {
        *to = bytemuck::cast(self.0);
    }
    #[inline(always)]
    pub fn widen(self) -> [I16x8; 2] {
        [I16x8(i16x8_extend_low_u8x16(self.0)), I16x8(i16x8_extend_high_u8x16(self.0))]
    }
    #[inline(always)]
    pub fn split2([a, b]: [Self; 2]) -> [Self; 2] {
        let even = u8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(a.0, b.0);
        let odd = u8x16_shuffle::<1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31>(a.0, b.0);
        [Self(even), Self(odd)]
    }
    #[inline(always)]
    pub fn split3([a, b, c]: [Self; 3]) -> [Self; 3] {
        let x = u8x16_shuffle::<0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0>(a.0, b.0);
        let x = u8x16_shuffle::<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29>(x, c.0);
        let y = u8x16_shuffle::<1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0>(a.0, b.0);
        let y = u8x16_shuffle::<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30>(y, c.0);
        let z = u8x16_shuffle::<2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0>(a.0, b.0);
        let z = u8x16_shuffle::<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31>(z, c.0);
        [Self(x), Self(y), Self(z)]
    }
    /// # Safety
    /// Each index + 1 must be below the length of the row.
    #[inline(always)]
    pub unsafe fn gather_pairs(row: &[u8], index: &[u32; 8]) -> Self {
        let at = |i: u32| row.as_ptr().wrapping_add(i as usize).cast::<u16>();
        // SAFETY: the caller vouches that both samples of each pair lie in the row; Wasm loads need no alignment.
        unsafe {
            let pairs = v128_load16_lane::<0>(u8x16_splat(0), at(index[0]));
            let pairs = v128_load16_lane::<1>(pairs, at(index[1]));
            let pairs = v128_load16_lane::<2>(pairs, at(index[2]));
            let pairs = v128_load16_lane::<3>(pairs, at(index[3]));
            let pairs = v128_load16_lane::<4>(pairs, at(index[4]));
            let pairs = v128_load16_lane::<5>(pairs, at(index[5]));
            let pairs = v128_load16_lane::<6>(pairs, at(index[6]));
            Self(v128_load16_lane::<7>(pairs, at(index[7])))
        }
    }
}

impl I16x8 {
    #[inline(always)]
    pub fn splat(value: i16) -> Self {
        Self(i16x8_splat(value))
    }
    #[inline(always)]
    pub fn load(from: &[i16; 8]) -> Self {
        Self(bytemuck::cast(*from))
    }
    #[inline(always)]
    pub fn store(self, to: &mut [i16; 8]) {
        *to = bytemuck::cast(self.0);
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(i16x8_add(self.0, other.0))
    }
    #[inline(always)]
    pub fn shr(self, bits: u8) -> Self {
        Self(i16x8_shr(self.0, u32::from(bits)))
    }
    #[inline(always)]
    pub fn narrow([low, high]: [Self; 2]) -> U8x16 {
        U8x16(u8x16_narrow_i16x8(low.0, high.0))
    }
    #[inline(always)]
    pub fn widen(self) -> [I32x4; 2] {
        [I32x4(i32x4_extend_low_i16x8(self.0)), I32x4(i32x4_extend_high_i16x8(self.0))]
    }
    #[inline(always)]
    pub fn dot(self, other: Self) -> I32x4 {
        I32x4(i32x4_dot_i16x8(self.0, other.0))
    }
    #[inline(always)]
    pub fn mul_high(self, other: Self) -> Self {
        let low = i32x4_extmul_low_i16x8(self.0, other.0);
        let high = i32x4_extmul_high_i16x8(self.0, other.0);
        Self(i16x8_shuffle::<1, 3, 5, 7, 9, 11, 13, 15>(low, high))
    }
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self(i32x4_splat(value))
    }
    #[inline(always)]
    pub fn load(from: &[i32; 4]) -> Self {
        Self(bytemuck::cast(*from))
    }
    #[inline(always)]
    pub fn store(self, to: &mut [i32; 4]) {
        *to = bytemuck::cast(self.0);
    }
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(i32x4_mul(self.0, other.0))
    }
    #[inline(always)]
    pub fn twice(self) -> [Self; 2] {
        [Self(i32x4_shuffle::<0, 0, 1, 1>(self.0, self.0)), Self(i32x4_shuffle::<2, 2, 3, 3>(self.0, self.0))]
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }
    #[inline(always)]
    pub fn shr(self, bits: u8) -> Self {
        Self(i32x4_shr(self.0, u32::from(bits)))
    }
    #[inline(always)]
    pub fn narrow([low, high]: [Self; 2]) -> I16x8 {
        I16x8(i16x8_narrow_i32x4(low.0, high.0))
    }
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(f32x4_convert_i32x4(self.0))
    }
}

impl F32x4 {
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self(f32x4_splat(value))
    }
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(f32x4_mul(self.0, other.0))
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(f32x4_add(self.0, other.0))
    }
    #[inline(always)]
    pub fn store(self, to: &mut [f32; 4]) {
        *to = bytemuck::cast(self.0);
    }
}
