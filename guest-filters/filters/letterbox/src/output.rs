//! Rows of the picture into the tensor: layout, element type, normalisation, padding.

use edgevision_sdk::{DType, TensorMut};
use half::f16;

use crate::{
    geometry::Placement,
    kernels,
    params::{Layout, Settings},
};

/// Writes into tensors of one shape.
#[derive(Clone, Debug)]
pub struct Writer {
    width: usize,
    height: usize,
    channels: usize,
    layout: Layout,
    scale: [f32; 3],
    bias: [f32; 3],
    pad: [f32; 3],
    table: Table,
    padded: Option<(usize, Placement)>,
}

impl Writer {
    /// `(value - mean) / std` as a product and a sum.
    pub fn new(settings: &Settings) -> Self {
        let scale = settings.std.map(|std| 1.0 / std);
        let bias = [0, 1, 2].map(|c| -settings.mean[c] / settings.std[c]);
        let normalised = |c: usize, value: f32| value * scale[c] + bias[c];
        Self {
            width: settings.width,
            height: settings.height,
            channels: settings.channels(),
            layout: settings.layout,
            scale,
            bias,
            pad: [0, 1, 2].map(|c| normalised(c, settings.pad[c])),
            table: Table::new(settings.dtype, normalised),
            padded: None,
        }
    }

    /// Fills what lies around the picture, unless that was done for this tensor and picture before.
    pub fn pad(&mut self, tensor: &mut TensorMut, picture: Placement) {
        let address = match tensor {
            TensorMut::F32(values) => values.as_ptr().addr(),
            TensorMut::F16(values) => values.as_ptr().addr(),
            TensorMut::U8(values) => values.as_ptr().addr(),
            TensorMut::I8(values) => values.as_ptr().addr(),
        };
        let known = self.padded == Some((address, picture));
        self.padded = Some((address, picture));
        match tensor {
            TensorMut::F32(values) => self.fill(values, self.pad, picture, known),
            TensorMut::F16(values) => self.fill(values, self.pad.map(half), picture, known),
            TensorMut::U8(values) => self.fill(values, self.pad.map(byte), picture, known),
            TensorMut::I8(values) => self.fill(values, self.pad.map(signed), picture, known),
        }
    }

    fn fill<T: Copy + PartialEq>(&self, out: &mut [T], pad: [T; 3], picture: Placement, known: bool) {
        // Other memory may have been put at the same address: then its last pixel tells.
        let last = self.pixel(self.width - 1, self.height - 1);
        if known && (0..self.channels).all(|c| out[self.at(last, c)] == pad[c]) {
            return;
        }
        for y in 0..self.height {
            let beside = (picture.y..picture.y + picture.height).contains(&y);
            let (left, right) = if beside { (picture.x, picture.x + picture.width) } else { (0, 0) };
            for (c, &pad) in pad.iter().enumerate().take(self.channels) {
                self.fill_span(out, c, (y, 0, left), pad);
                self.fill_span(out, c, (y, right, self.width), pad);
            }
        }
    }

    fn fill_span<T: Copy>(
        &self,
        out: &mut [T],
        channel: usize,
        (y, from, to): (usize, usize, usize),
        pad: T,
    ) {
        let (first, count) = (self.at(self.pixel(from, y), channel), to - from);
        match self.layout {
            Layout::Nchw => out[first..first + count].fill(pad),
            Layout::Nhwc => {
                out.iter_mut().skip(first).step_by(self.channels).take(count).for_each(|v| *v = pad)
            }
        }
    }

    fn pixel(&self, x: usize, y: usize) -> usize {
        y * self.width + x
    }

    /// Index of a pixel's channel.
    fn at(&self, pixel: usize, channel: usize) -> usize {
        match self.layout {
            Layout::Nchw => channel * self.width * self.height + pixel,
            Layout::Nhwc => pixel * self.channels + channel,
        }
    }

    /// Writes row `y` of the picture; `plane` gives each channel's samples.
    pub fn row<'a>(
        &self,
        tensor: &mut TensorMut,
        picture: Placement,
        y: usize,
        plane: impl Fn(usize) -> &'a [u8],
    ) {
        let pixel = self.pixel(picture.x, picture.y + y);
        for channel in 0..self.channels {
            let (first, row) = (self.at(pixel, channel), &plane(channel)[..picture.width]);
            match (&mut *tensor, &self.table) {
                (TensorMut::F32(out), _) => self.floats(row, channel, &mut out[first..]),
                (TensorMut::F16(out), Table::F16(table)) => {
                    self.looked_up(row, &table[channel], &mut out[first..])
                }
                (TensorMut::U8(out), Table::U8(table)) => {
                    self.looked_up(row, &table[channel], &mut out[first..])
                }
                (TensorMut::I8(out), Table::I8(table)) => {
                    self.looked_up(row, &table[channel], &mut out[first..])
                }
                // The tensor has the type of `tensor_spec`, which the table is for.
                _ => {}
            }
        }
    }

    fn floats(&self, row: &[u8], channel: usize, out: &mut [f32]) {
        let (scale, bias) = (self.scale[channel], self.bias[channel]);
        match self.layout {
            Layout::Nchw => kernels::normalise(row, scale, bias, &mut out[..row.len()]),
            Layout::Nhwc => {
                let out = out.iter_mut().step_by(self.channels);
                row.iter().zip(out).for_each(|(&v, out)| *out = f32::from(v) * scale + bias);
            }
        }
    }

    fn looked_up<T: Copy>(&self, row: &[u8], table: &[T; 256], out: &mut [T]) {
        let step = if self.layout == Layout::Nchw { 1 } else { self.channels };
        let out = out.iter_mut().step_by(step);
        row.iter().zip(out).for_each(|(&v, out)| *out = table[usize::from(v)]);
    }
}

/// Each channel's 256 values, normalised, in the tensor's type.
#[derive(Clone, Debug)]
enum Table {
    /// Computed, which is quicker.
    F32,
    F16(Vec<[u16; 256]>),
    U8(Vec<[u8; 256]>),
    I8(Vec<[i8; 256]>),
}

impl Table {
    fn new(dtype: DType, normalised: impl Fn(usize, f32) -> f32) -> Self {
        match dtype {
            DType::F16 => Self::F16(table(normalised, half)),
            DType::U8 => Self::U8(table(normalised, byte)),
            DType::I8 => Self::I8(table(normalised, signed)),
            _ => Self::F32,
        }
    }
}

fn table<T>(normalised: impl Fn(usize, f32) -> f32, element: fn(f32) -> T) -> Vec<[T; 256]> {
    (0..3).map(|c| std::array::from_fn(|v| element(normalised(c, v as f32)))).collect()
}

/// The bits of the nearest 16-bit float.
fn half(value: f32) -> u16 {
    f16::from_f32(value).to_bits()
}

/// Rounded half up and clamped to -128..=127.
#[allow(clippy::cast_possible_truncation, reason = "a cast from float to integer clamps")]
fn signed(value: f32) -> i8 {
    (value + 0.5).floor() as i8
}

/// Rounded half up and clamped to 0..=255.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from float to integer clamps"
)]
fn byte(value: f32) -> u8 {
    (value + 0.5).floor() as u8
}
