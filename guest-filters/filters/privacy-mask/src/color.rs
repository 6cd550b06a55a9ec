//! A colour as samples of any plane.

use edgevision_sdk::{ColorMatrix, ColorRange, PixelFormat, frame::FrameInfo};

/// The bytes of one sample of a plane; as many count as the plane's step says.
pub fn samples(rgb: [u8; 3], info: &FrameInfo, plane: usize) -> [u8; 3] {
    let [red, green, blue] = rgb;
    let [y, u, v] = yuv(rgb, info);
    match (info.format, plane) {
        (PixelFormat::Rgb, _) => [red, green, blue],
        (PixelFormat::Bgr, _) => [blue, green, red],
        (PixelFormat::Nv12, 1) => [u, v, 0],
        (PixelFormat::I420, 1) => [u, 0, 0],
        (PixelFormat::I420, 2) => [v, 0, 0],
        _ => [y, 0, 0],
    }
}

/// From the definition: Kr and Kb of ITU-R BT.601-7 (2.5.1) or BT.709-6 (3.2), excursions 219 and 224 in limited range.
fn yuv(rgb: [u8; 3], info: &FrameInfo) -> [u8; 3] {
    let (kr, kb) = match info.matrix {
        ColorMatrix::Bt601 => (0.299, 0.114),
        ColorMatrix::Bt709 => (0.2126, 0.0722),
    };
    let (offset, luma, chroma) = match info.range {
        ColorRange::Limited => (16.0, 219.0, 224.0),
        ColorRange::Full => (0.0, 255.0, 255.0),
    };
    let [red, green, blue] = rgb.map(|value| f64::from(value) / 255.0);
    let y = kr * red + (1.0 - kr - kb) * green + kb * blue;
    let difference = |color: f64, k: f64| 128.0 + chroma * (color - y) / (2.0 * (1.0 - k));
    [byte(offset + luma * y), byte(difference(blue, kb)), byte(difference(red, kr))]
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of a byte")]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
