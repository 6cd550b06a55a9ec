//! Frames to RGB, as modules see their colours: the matrix and range that the stream states, chroma repeated (nearest),
//! full range RGB out. In floating point and rounded half up, so that each value is the definition's own.

use edgevision_wasm_host::frame::{ColorMatrix, ColorRange, Colorimetry, PixelFormat};
use gst_video::{VideoFrameRef, prelude::*};
use gstedgevision::framepool::StreamFormat;
use image::{Rgb, RgbImage};

/// Converts a frame that is mapped for reading.
///
/// # Errors
/// A sentence, when a plane is missing or shorter than its caps say.
pub fn rgb(frame: &VideoFrameRef<&gst::BufferRef>, stream: &StreamFormat) -> Result<RgbImage, String> {
    let planes = Planes::of(frame, stream.format)?;
    let matrix = Matrix::new(stream.color);
    Ok(RgbImage::from_fn(frame.width(), frame.height(), |x, y| {
        Rgb(planes.pixel(x as usize, y as usize, &matrix))
    }))
}

/// The planes of a frame with the distance of their lines.
struct Planes<'f> {
    format: PixelFormat,
    data: Vec<(&'f [u8], usize)>,
}

impl<'f> Planes<'f> {
    fn of(frame: &'f VideoFrameRef<&gst::BufferRef>, format: PixelFormat) -> Result<Self, String> {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let mut data = Vec::new();
        for (index, stride) in (0..frame.n_planes()).zip(frame.plane_stride()) {
            let plane = frame.plane_data(index).map_err(|error| format!("plane {index}: {error}"))?;
            let stride =
                usize::try_from(*stride).map_err(|_| format!("plane {index} has the stride {stride}"))?;
            let (line, lines) = extent(format, index, width, height);
            if lines > 0 && plane.len() < (lines - 1) * stride + line {
                return Err(format!("plane {index} holds {} bytes, fewer than its lines need", plane.len()));
            }
            data.push((plane, stride));
        }
        Ok(Self { format, data })
    }

    fn at(&self, plane: usize, x: usize, y: usize) -> u8 {
        let (data, stride) = self.data[plane];
        data[y * stride + x]
    }

    fn pixel(&self, x: usize, y: usize, matrix: &Matrix) -> [u8; 3] {
        let packed = |order: [usize; 3]| order.map(|k| self.at(0, 3 * x + k, y));
        match self.format {
            PixelFormat::Rgb => packed([0, 1, 2]),
            PixelFormat::Bgr => packed([2, 1, 0]),
            PixelFormat::Gray8 => matrix.rgb(self.at(0, x, y), 128, 128),
            PixelFormat::I420 => {
                matrix.rgb(self.at(0, x, y), self.at(1, x / 2, y / 2), self.at(2, x / 2, y / 2))
            }
            PixelFormat::Nv12 => {
                let chroma = x / 2 * 2;
                matrix.rgb(self.at(0, x, y), self.at(1, chroma, y / 2), self.at(1, chroma + 1, y / 2))
            }
        }
    }
}

/// Bytes of a line and number of lines.
fn extent(format: PixelFormat, plane: u32, width: usize, height: usize) -> (usize, usize) {
    match (format, plane) {
        (PixelFormat::Rgb | PixelFormat::Bgr, _) => (3 * width, height),
        (PixelFormat::I420, 1..) => (width.div_ceil(2), height.div_ceil(2)),
        (PixelFormat::Nv12, 1..) => (width.div_ceil(2) * 2, height.div_ceil(2)),
        _ => (width, height),
    }
}

/// Y'CbCr to R'G'B' by ITU-R BT.601-7 (2.5) or BT.709-6 (3): Kr and Kb, excursions 219 and 224 in limited range.
struct Matrix {
    black: f64,
    luma: f64,
    red_v: f64,
    green_u: f64,
    green_v: f64,
    blue_u: f64,
}

impl Matrix {
    fn new(color: Colorimetry) -> Self {
        let (kr, kb) = match color.matrix {
            ColorMatrix::Bt601 => (0.299, 0.114),
            ColorMatrix::Bt709 => (0.2126, 0.0722),
        };
        let (black, luma, chroma) = match color.range {
            ColorRange::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
            ColorRange::Full => (0.0, 1.0, 1.0),
        };
        let kg = 1.0 - kr - kb;
        Self {
            black,
            luma,
            red_v: 2.0 * (1.0 - kr) * chroma,
            green_u: -2.0 * (1.0 - kb) * kb / kg * chroma,
            green_v: -2.0 * (1.0 - kr) * kr / kg * chroma,
            blue_u: 2.0 * (1.0 - kb) * chroma,
        }
    }

    fn rgb(&self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let y = (f64::from(y) - self.black) * self.luma;
        let (u, v) = (f64::from(u) - 128.0, f64::from(v) - 128.0);
        [y + self.red_v * v, y + self.green_u * u + self.green_v * v, y + self.blue_u * u].map(byte)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn byte(value: f64) -> u8 {
    (value + 0.5).floor().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLORS: [(ColorMatrix, ColorRange); 4] = [
        (ColorMatrix::Bt601, ColorRange::Limited),
        (ColorMatrix::Bt601, ColorRange::Full),
        (ColorMatrix::Bt709, ColorRange::Limited),
        (ColorMatrix::Bt709, ColorRange::Full),
    ];

    fn matrix((matrix, range): (ColorMatrix, ColorRange)) -> Matrix {
        Matrix::new(Colorimetry { matrix, range })
    }

    #[test]
    fn black_and_white_are_black_and_white() {
        for color in COLORS {
            let (black, white) = if color.1 == ColorRange::Full { (0, 255) } else { (16, 235) };
            assert_eq!(matrix(color).rgb(black, 128, 128), [0; 3]);
            assert_eq!(matrix(color).rgb(white, 128, 128), [255; 3]);
        }
    }

    /// The bars of SMPTE RP 219 / EBU in 8 bits, limited range, 75 %: published Y, Cb, Cr to 191 or 0 of each colour.
    #[test]
    fn color_bars_come_out_as_their_colours() {
        let bt601 =
            [(162, 44, 142, [191, 191, 0]), (131, 156, 44, [0, 191, 191]), (65, 100, 212, [191, 0, 0])];
        let bt709 =
            [(168, 44, 136, [191, 191, 0]), (145, 147, 44, [0, 191, 191]), (51, 109, 212, [191, 0, 0])];
        for (color, bars) in [(COLORS[0], bt601), (COLORS[2], bt709)] {
            for (y, u, v, wanted) in bars {
                let found = matrix(color).rgb(y, u, v);
                let near = found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 1);
                assert!(near, "{color:?}: {found:?} instead of {wanted:?}");
            }
        }
    }

    #[test]
    fn planes_of_odd_sizes_are_rounded_up() {
        assert_eq!(extent(PixelFormat::I420, 1, 5, 3), (3, 2));
        assert_eq!(extent(PixelFormat::Nv12, 1, 5, 3), (6, 2));
        assert_eq!(extent(PixelFormat::Rgb, 0, 5, 3), (15, 3));
        assert_eq!(extent(PixelFormat::Gray8, 0, 5, 3), (5, 3));
    }
}
