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

/// The picture at another size: bilinear, half-pixel centres, edges repeated, not rounded. Row by row, RGB.
#[allow(clippy::cast_possible_truncation, reason = "whole numbers of the size of a picture")]
pub fn resize(frame: &FrameView, width: usize, height: usize) -> Vec<[f64; 3]> {
    let (w, h) = (frame.width() as isize, frame.height() as isize);
    let pixel = |x: isize, y: isize| color(frame, x.clamp(0, w - 1) as usize, y.clamp(0, h - 1) as usize);
    let mut out = vec![];
    for y in 0..height {
        for x in 0..width {
            let sx = (x as f64 + 0.5) * w as f64 / width as f64 - 0.5;
            let sy = (y as f64 + 0.5) * h as f64 / height as f64 - 0.5;
            let (x0, y0) = (sx.floor(), sy.floor());
            let (fx, fy) = (sx - x0, sy - y0);
            let corners = [
                (0, 0, (1.0 - fx) * (1.0 - fy)),
                (1, 0, fx * (1.0 - fy)),
                (0, 1, (1.0 - fx) * fy),
                (1, 1, fx * fy),
            ];
            let mut sum = [0.0; 3];
            for (dx, dy, weight) in corners {
                let c = pixel(x0 as isize + dx, y0 as isize + dy);
                (0..3).for_each(|k| sum[k] += weight * c[k]);
            }
            out.push(sum);
        }
    }
    out
}
