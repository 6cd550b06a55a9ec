//! Vectors as arrays: what the operations mean, and what other processors run.

use core::array::from_fn;

/// 16 unsigned bytes.
#[derive(Clone, Copy)]
pub struct U8x16([u8; 16]);
/// 8 signed 16-bit integers.
#[derive(Clone, Copy)]
pub struct I16x8([i16; 8]);
/// 4 signed 32-bit integers.
#[derive(Clone, Copy)]
pub struct I32x4([i32; 4]);
/// 4 floats.
#[derive(Clone, Copy)]
pub struct F32x4([f32; 4]);

impl U8x16 {
    #[inline(always)]
    pub fn load(from: &[u8; 16]) -> Self {
        Self(*from)
    }
    #[inline(always)]
    pub fn store(self, to: &mut [u8; 16]) {
        *to = self.0;
    }
    /// The low and the high half, as 16-bit integers.
    #[inline(always)]
    pub fn widen(self) -> [I16x8; 2] {
        [I16x8(from_fn(|i| i16::from(self.0[i]))), I16x8(from_fn(|i| i16::from(self.0[i + 8])))]
    }
    /// Separates pairs: all first bytes, all second bytes.
    #[inline(always)]
    pub fn split2(packed: [Self; 2]) -> [Self; 2] {
        from_fn(|k| Self(from_fn(|i| packed[(2 * i + k) / 16].0[(2 * i + k) % 16])))
    }
    /// Separates triples.
    #[inline(always)]
    pub fn split3(packed: [Self; 3]) -> [Self; 3] {
        from_fn(|k| Self(from_fn(|i| packed[(3 * i + k) / 16].0[(3 * i + k) % 16])))
    }
    /// Each sample of the row that is asked for, and its right neighbour.
    ///
    /// # Safety
    /// Each index + 1 must be below the length of the row.
    #[inline(always)]
    pub unsafe fn gather_pairs(row: &[u8], index: &[u32; 8]) -> Self {
        Self(from_fn(|i| row[index[i / 2] as usize + i % 2]))
    }
}

impl I16x8 {
    #[inline(always)]
    pub fn splat(value: i16) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    pub fn load(from: &[i16; 8]) -> Self {
        Self(*from)
    }
    #[inline(always)]
    pub fn store(self, to: &mut [i16; 8]) {
        *to = self.0;
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }
    #[inline(always)]
    pub fn shr(self, bits: u8) -> Self {
        Self(self.0.map(|v| v >> bits))
    }
    /// As bytes, clamped to 0..=255.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
    pub fn narrow([low, high]: [Self; 2]) -> U8x16 {
        let byte = |v: i16| v.clamp(0, 255) as u8;
        U8x16(from_fn(|i| if i < 8 { byte(low.0[i]) } else { byte(high.0[i - 8]) }))
    }
    /// The low and the high half, as 32-bit integers.
    #[inline(always)]
    pub fn widen(self) -> [I32x4; 2] {
        [I32x4(from_fn(|i| i32::from(self.0[i]))), I32x4(from_fn(|i| i32::from(self.0[i + 4])))]
    }
    /// Products, added up in pairs.
    #[inline(always)]
    pub fn dot(self, other: Self) -> I32x4 {
        let product = |i: usize| i32::from(self.0[i]) * i32::from(other.0[i]);
        I32x4(from_fn(|i| product(2 * i).wrapping_add(product(2 * i + 1))))
    }
    /// The upper half of each product.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the upper 16 of 32 bits")]
    pub fn mul_high(self, other: Self) -> Self {
        Self(from_fn(|i| ((i32::from(self.0[i]) * i32::from(other.0[i])) >> 16) as i16))
    }
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    pub fn load(from: &[i32; 4]) -> Self {
        Self(*from)
    }
    #[inline(always)]
    pub fn store(self, to: &mut [i32; 4]) {
        *to = self.0;
    }
    /// The lower half of each product.
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_mul(other.0[i])))
    }
    /// Every element two times.
    #[inline(always)]
    pub fn twice(self) -> [Self; 2] {
        [Self(from_fn(|i| self.0[i / 2])), Self(from_fn(|i| self.0[2 + i / 2]))]
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }
    #[inline(always)]
    pub fn shr(self, bits: u8) -> Self {
        Self(self.0.map(|v| v >> bits))
    }
    /// As 16-bit integers, clamped.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "clamped to the range of i16")]
    pub fn narrow([low, high]: [Self; 2]) -> I16x8 {
        let clamp = |v: i32| v.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        I16x8(from_fn(|i| if i < 4 { clamp(low.0[i]) } else { clamp(high.0[i - 4]) }))
    }
    #[inline(always)]
    #[allow(clippy::cast_precision_loss, reason = "rounds as WebAssembly's conversion does")]
    pub fn to_f32(self) -> F32x4 {
        F32x4(self.0.map(|v| v as f32))
    }
}

impl F32x4 {
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] * other.0[i]))
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] + other.0[i]))
    }
    #[inline(always)]
    pub fn store(self, to: &mut [f32; 4]) {
        *to = self.0;
    }
}
