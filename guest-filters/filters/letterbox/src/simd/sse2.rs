//! Vectors of x86-64. What the operations do is said in `arrays.rs`.

use core::arch::x86_64::*;

/// Calls an instruction of SSE2.
macro_rules! sse2 {
    ($instruction:expr) => {
        // SAFETY: SSE2 is part of every x86-64 processor, and no instruction in this file takes an address.
        unsafe { $instruction }
    };
}

/// 16 unsigned bytes.
#[derive(Clone, Copy)]
pub struct U8x16(__m128i);
/// 8 signed 16-bit integers.
#[derive(Clone, Copy)]
pub struct I16x8(__m128i);
/// 4 signed 32-bit integers.
#[derive(Clone, Copy)]
pub struct I32x4(__m128i);
/// 4 floats.
#[derive(Clone, Copy)]
pub struct F32x4(__m128);

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
        let zero = sse2!(_mm_setzero_si128());
        [I16x8(sse2!(_mm_unpacklo_epi8(self.0, zero))), I16x8(sse2!(_mm_unpackhi_epi8(self.0, zero)))]
    }
    #[inline(always)]
    pub fn split2([a, b]: [Self; 2]) -> [Self; 2] {
        let low = sse2!(_mm_set1_epi16(0xFF));
        let even = sse2!(_mm_packus_epi16(_mm_and_si128(a.0, low), _mm_and_si128(b.0, low)));
        let odd = sse2!(_mm_packus_epi16(_mm_srli_epi16(a.0, 8), _mm_srli_epi16(b.0, 8)));
        [Self(even), Self(odd)]
    }
    /// SSE2 has no shuffle of bytes.
    #[inline(always)]
    pub fn split3(packed: [Self; 3]) -> [Self; 3] {
        let bytes: [[u8; 16]; 3] = packed.map(|v| bytemuck::cast(v.0));
        let plane =
            |k: usize| core::array::from_fn::<u8, 16, _>(|i| bytes[(3 * i + k) / 16][(3 * i + k) % 16]);
        [0, 1, 2].map(|k| Self::load(&plane(k)))
    }
    /// # Safety
    /// Each index + 1 must be below the length of the row.
    #[inline(always)]
    pub unsafe fn gather_pairs(row: &[u8], index: &[u32; 8]) -> Self {
        let pair = |i: u32| -> u16 {
            // SAFETY: the caller vouches that both samples of each pair lie in the row; the read may be unaligned.
            unsafe { row.as_ptr().add(i as usize).cast::<u16>().read_unaligned() }
        };
        Self(bytemuck::cast(index.map(pair)))
    }
}

impl I16x8 {
    #[inline(always)]
    pub fn splat(value: i16) -> Self {
        Self(sse2!(_mm_set1_epi16(value)))
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
        Self(sse2!(_mm_add_epi16(self.0, other.0)))
    }
    #[inline(always)]
    pub fn shr(self, bits: u8) -> Self {
        Self(sse2!(_mm_sra_epi16(self.0, count(bits))))
    }
    #[inline(always)]
    pub fn narrow([low, high]: [Self; 2]) -> U8x16 {
        U8x16(sse2!(_mm_packus_epi16(low.0, high.0)))
    }
    #[inline(always)]
    pub fn widen(self) -> [I32x4; 2] {
        let sign = sse2!(_mm_srai_epi16::<15>(self.0));
        [I32x4(sse2!(_mm_unpacklo_epi16(self.0, sign))), I32x4(sse2!(_mm_unpackhi_epi16(self.0, sign)))]
    }
    #[inline(always)]
    pub fn dot(self, other: Self) -> I32x4 {
        I32x4(sse2!(_mm_madd_epi16(self.0, other.0)))
    }
    #[inline(always)]
    pub fn mul_high(self, other: Self) -> Self {
        Self(sse2!(_mm_mulhi_epi16(self.0, other.0)))
    }
}

/// How far to shift; a constant after inlining.
#[inline(always)]
fn count(bits: u8) -> __m128i {
    sse2!(_mm_cvtsi32_si128(i32::from(bits)))
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self(sse2!(_mm_set1_epi32(value)))
    }
    #[inline(always)]
    pub fn load(from: &[i32; 4]) -> Self {
        Self(bytemuck::cast(*from))
    }
    #[inline(always)]
    pub fn store(self, to: &mut [i32; 4]) {
        *to = bytemuck::cast(self.0);
    }
    /// Even and odd lanes apart: PMULLD, which does it at once, is younger than SSE2.
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        let even = sse2!(_mm_mul_epu32(self.0, other.0));
        let odd = sse2!(_mm_mul_epu32(_mm_srli_epi64::<32>(self.0), _mm_srli_epi64::<32>(other.0)));
        let low = |products: __m128i| sse2!(_mm_shuffle_epi32::<0b00_00_10_00>(products));
        Self(sse2!(_mm_unpacklo_epi32(low(even), low(odd))))
    }
    #[inline(always)]
    pub fn twice(self) -> [Self; 2] {
        [Self(sse2!(_mm_unpacklo_epi32(self.0, self.0))), Self(sse2!(_mm_unpackhi_epi32(self.0, self.0)))]
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(sse2!(_mm_add_epi32(self.0, other.0)))
    }
    #[inline(always)]
    pub fn shr(self, bits: u8) -> Self {
        Self(sse2!(_mm_sra_epi32(self.0, count(bits))))
    }
    #[inline(always)]
    pub fn narrow([low, high]: [Self; 2]) -> I16x8 {
        I16x8(sse2!(_mm_packs_epi32(low.0, high.0)))
    }
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(sse2!(_mm_cvtepi32_ps(self.0)))
    }
}

impl F32x4 {
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self(sse2!(_mm_set1_ps(value)))
    }
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(sse2!(_mm_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(sse2!(_mm_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    pub fn store(self, to: &mut [f32; 4]) {
        *to = bytemuck::cast(self.0);
    }
}
