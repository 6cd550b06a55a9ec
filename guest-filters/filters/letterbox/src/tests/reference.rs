//! Letterboxing as the definition says it, pixel by pixel in f64. Shares no code with the module.

use edgevision_sdk::{ColorMatrix, ColorRange, FrameView, PixelFormat};

/// Red, green and blue of a pixel, 8 bits each. Constants from the description of the reference results.
pub fn color(frame: &FrameView, x: usize, y: usize) -> [f64; 3] {
    let byte = |plane: usize, x: usize, y: usize| f64::from(frame.row(plane, y)[x]);
    let (u, v) = match frame.format() {
        PixelFormat::Rgb => return [0, 1, 2].map(|c| byte(0, 3 * x + c, y)),
        PixelFormat::Bgr => return [2, 1, 0].map(|c| byte(0, 3 * x + c, y)),
        PixelFormat::I420 => (byte(1, x / 2, y / 2) - 128.0, byte(2, x / 2, y / 2) - 128.0),
        PixelFormat::Nv12 => (byte(1, x / 2 * 2, y / 2) - 128.0, byte(1, x / 2 * 2 + 1, y / 2) - 128.0),
        PixelFormat::Gray8 => (0.0, 0.0),
    };
    let luma = byte(0, x, y);
    let (l, rv, gu, gv, bu) = match (frame.info().matrix, frame.info().range) {
        (ColorMatrix::Bt601, ColorRange::Limited) => {
            (1.164384 * (luma - 16.0), 1.596027, 0.391762, 0.812968, 2.017232)
        }
        (ColorMatrix::Bt601, ColorRange::Full) => (luma, 1.402, 0.344136, 0.714136, 1.772),
        (ColorMatrix::Bt709, ColorRange::Limited) => {
            (1.164384 * (luma - 16.0), 1.792741, 0.213249, 0.532909, 2.112402)
        }
        (ColorMatrix::Bt709, ColorRange::Full) => (luma, 1.5748, 0.187324, 0.468124, 1.8556),
    };
    [l + rv * v, l - gu * u - gv * v, l + bu * u].map(|c| (c + 0.5).floor().clamp(0.0, 255.0))
}

/// The picture at another size as the reference results were made: OpenCV's bilinear resize of 8-bit pixels. The place of
/// a pixel in f32, weights in 1/2048, 4 bits lost after going across, 16 with each weight down, the sum rounded. Row by
/// row, RGB.
#[allow(clippy::cast_possible_truncation, reason = "whole numbers of the size of a picture")]
pub fn resize(frame: &FrameView, width: usize, height: usize) -> Vec<[f64; 3]> {
    let (w, h) = (frame.width(), frame.height());
    let mut out = vec![];
    for y in 0..height {
        let (top, down) = place(y, h, height);
        let rows = [top, top + 1].map(|row| row.clamp(0, h as i64 - 1) as usize);
        for x in 0..width {
            let (left, mut across) = place(x, w, width);
            let columns = [left, left + 1].map(|column| column.clamp(0, w as i64 - 1) as usize);
            if left < 0 || left + 1 >= w as i64 {
                across = [2048, 0];
            }
            let first = if left + 1 >= w as i64 { w - 1 } else { columns[0] };
            let [upper, lower] = rows.map(|row| [color(frame, first, row), color(frame, columns[1], row)]);
            out.push([0, 1, 2].map(|c| {
                let line = |[a, b]: [[f64; 3]; 2]| (a[c] as i64 * across[0] + b[c] as i64 * across[1]) >> 4;
                let sum = ((line(upper) * down[0]) >> 16) + ((line(lower) * down[1]) >> 16);
                ((sum + 2) >> 2) as f64
            }));
        }
    }
    out
}

/// The sample left of (above) an output sample, and the weights of it and the next.
#[allow(clippy::cast_possible_truncation, reason = "whole numbers of the size of a picture")]
fn place(i: usize, source: usize, output: usize) -> (i64, [i64; 2]) {
    let scale = 1.0 / (output as f64 / source as f64);
    let at = ((i as f64 + 0.5) * scale - 0.5) as f32;
    let share = at - at.floor();
    (at.floor() as i64, [1.0 - share, share].map(|share| (share * 2048.0).round_ties_even() as i64))
}
