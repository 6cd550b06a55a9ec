//! Rows of any pixel format to planar rows of 8-bit colour (or grey).

use edgevision_sdk::{ColorMatrix, ColorRange, FrameView, PixelFormat};

use crate::{kernels, kernels::BLOCK, params::Color};

/// Bits behind the point of colours until they are rounded: enough that the result is that of floating point.
pub const COLOR_BITS: u8 = 20;

/// A YUV to RGB matrix in 1/2^20, applied to `y - luma_offset`, `u - 128`, `v - 128`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coefficients {
    /// Luma of black.
    pub luma_offset: i32,
    /// For luma.
    pub luma: i32,
    /// For V in red.
    pub red_v: i32,
    /// For U in green.
    pub green_u: i32,
    /// For V in green.
    pub green_v: i32,
    /// For U in blue.
    pub blue_u: i32,
}

impl Coefficients {
    /// From the definition: Kr and Kb of ITU-R BT.601-7 (2.5.1) or BT.709-6 (3.2), excursions 219 and 224 in limited
    /// range.
    pub fn new(matrix: ColorMatrix, range: ColorRange) -> Self {
        let (kr, kb) = match matrix {
            ColorMatrix::Bt601 => (0.299, 0.114),
            ColorMatrix::Bt709 => (0.2126, 0.0722),
        };
        let (luma_offset, luma, chroma) = match range {
            ColorRange::Limited => (16, 255.0 / 219.0, 255.0 / 224.0),
            ColorRange::Full => (0, 1.0, 1.0),
        };
        let kg = 1.0 - kr - kb;
        Self {
            luma_offset,
            luma: fixed(luma),
            red_v: fixed(chroma * 2.0 * (1.0 - kr)),
            green_u: fixed(chroma * -2.0 * (1.0 - kb) * kb / kg),
            green_v: fixed(chroma * -2.0 * (1.0 - kr) * kr / kg),
            blue_u: fixed(chroma * 2.0 * (1.0 - kb)),
        }
    }
}

/// Rounded to the six decimals with which these coefficients are published and used: where a colour lies at a half, the
/// seventh would tip it to the other side than the software that models are trained and compared with.
#[allow(clippy::cast_possible_truncation, reason = "every coefficient is below 3")]
fn fixed(value: f64) -> i32 {
    let published = (value * 1e6).round() / 1e6;
    (published * f64::from(1 << COLOR_BITS)).round() as i32
}

/// Converts rows of one kind of frame. Chroma is repeated (nearest), and its terms are kept for the second of the
/// two rows that share them.
#[derive(Clone, Debug)]
pub struct Converter {
    format: PixelFormat,
    order: Color,
    coefficients: Coefficients,
    chroma: [Vec<u8>; 2],
    terms: [Vec<i32>; 3],
    terms_of: Option<usize>,
}

impl Converter {
    /// For frames like this one and this order of the output planes.
    pub fn new(frame: &FrameView, order: Color) -> Self {
        let info = frame.info();
        let half = info.width.div_ceil(2).next_multiple_of(BLOCK);
        Self {
            format: info.format,
            order,
            coefficients: Coefficients::new(info.matrix, info.range),
            chroma: [vec![0; half], vec![0; half]],
            terms: [vec![0; half], vec![0; half], vec![0; half]],
            terms_of: None,
        }
    }

    /// How many planes a converted row has: 3, or 1 where nothing but grey comes in or is asked for.
    pub fn planes(&self) -> usize {
        if self.order == Color::Gray || self.format == PixelFormat::Gray8 { 1 } else { 3 }
    }

    /// Forgets the terms of the last frame.
    pub fn next_frame(&mut self) {
        self.terms_of = None;
    }

    /// Converts row `y` to `planes()` rows of `out.len() / planes()` bytes, one after the other.
    pub fn row(&mut self, frame: &FrameView, y: usize, out: &mut [u8]) {
        let packed = matches!(self.format, PixelFormat::Rgb | PixelFormat::Bgr);
        match (self.planes(), packed) {
            (1, false) => kernels::grey_row(frame.row(0, y), &self.coefficients, out),
            (1, true) => grey_of_packed(frame.row(0, y), self.format, out),
            (_, true) => self.packed_row(frame.row(0, y), out),
            (_, false) => self.yuv_row(frame, y, out),
        }
    }

    fn packed_row(&self, row: &[u8], out: &mut [u8]) {
        let [a, b, c] = thirds(out);
        let same = (self.format == PixelFormat::Rgb) == (self.order == Color::Rgb);
        kernels::split3(row, if same { [a, b, c] } else { [c, b, a] });
    }

    fn yuv_row(&mut self, frame: &FrameView, y: usize, out: &mut [u8]) {
        if self.terms_of != Some(y / 2) {
            self.update_terms(frame, y / 2);
            self.terms_of = Some(y / 2);
        }
        let [a, b, c] = thirds(out);
        let out = if self.order == Color::Rgb { [a, b, c] } else { [c, b, a] };
        let [red, green, blue] = &self.terms;
        kernels::color_row(frame.row(0, y), [red, green, blue], &self.coefficients, out);
    }

    fn update_terms(&mut self, frame: &FrameView, y: usize) {
        let [red, green, blue] = &mut self.terms;
        let terms = [&mut red[..], green, blue];
        if self.format == PixelFormat::I420 {
            return kernels::chroma_terms(frame.row(1, y), frame.row(2, y), &self.coefficients, terms);
        }
        let row = frame.row(1, y);
        let [u, v] = &mut self.chroma;
        kernels::split2(row, [u, v]);
        kernels::chroma_terms(&u[..row.len() / 2], &v[..row.len() / 2], &self.coefficients, terms);
    }
}

fn thirds(out: &mut [u8]) -> [&mut [u8]; 3] {
    let plane = out.len() / 3;
    let (first, rest) = out.split_at_mut(plane);
    let (second, third) = rest.split_at_mut(plane);
    [first, second, third]
}

/// Luma of ITU-R BT.601: what a grey model was most likely trained with.
#[allow(clippy::cast_possible_truncation, reason = "the weights add up to 1")]
fn grey_of_packed(row: &[u8], format: PixelFormat, out: &mut [u8]) {
    let (red, blue) = if format == PixelFormat::Rgb { (0, 2) } else { (2, 0) };
    for (pixel, out) in row.as_chunks::<3>().0.iter().zip(out) {
        let [r, g, b] = [pixel[red], pixel[1], pixel[blue]].map(u32::from);
        *out = ((r * 4899 + g * 9617 + b * 1868 + (1 << 13)) >> 14) as u8;
    }
}
