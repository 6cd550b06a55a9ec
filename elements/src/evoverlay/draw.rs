//! Puts strokes onto the planes of a frame. Pure: planes are slices with a stride, nothing is ever touched
//! outside of them, whatever the strokes say.

use super::{
    scene::{Mask, Rect, Stroke},
    style::ColorSpace,
};

/// How the bytes of a plane are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneFormat {
    /// What each byte of a pixel holds, 1 to 3 of them: 0, 1, 2 are Y, Cb, Cr or red, green, blue.
    pub samples: &'static [usize],
    /// Frame pixels per plane pixel, both ways: 1 or 2.
    pub subsampling: usize,
}

impl PlaneFormat {
    /// Bytes from one pixel to the next.
    pub const fn step(self) -> usize {
        self.samples.len()
    }
}

const LUMA: PlaneFormat = PlaneFormat { samples: &[0], subsampling: 1 };
const CB: PlaneFormat = PlaneFormat { samples: &[1], subsampling: 2 };
const CR: PlaneFormat = PlaneFormat { samples: &[2], subsampling: 2 };
const CB_CR: PlaneFormat = PlaneFormat { samples: &[1, 2], subsampling: 2 };
const RGB: PlaneFormat = PlaneFormat { samples: &[0, 1, 2], subsampling: 1 };
const BGR: PlaneFormat = PlaneFormat { samples: &[2, 1, 0], subsampling: 1 };

/// The planes of a format in the order of its memory; empty for formats that cannot be drawn on.
pub fn plane_formats(format: gst_video::VideoFormat) -> &'static [PlaneFormat] {
    match format {
        gst_video::VideoFormat::I420 => &[LUMA, CB, CR],
        gst_video::VideoFormat::Nv12 => &[LUMA, CB_CR],
        gst_video::VideoFormat::Gray8 => &[LUMA],
        gst_video::VideoFormat::Rgb => &[RGB],
        gst_video::VideoFormat::Bgr => &[BGR],
        _ => &[],
    }
}

/// One plane of a frame. Rows that do not lie inside `data` are not drawn.
#[derive(Debug)]
pub struct Plane<'a> {
    /// From the first pixel on.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Pixels of a row (of the plane, not of the frame).
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What the bytes are.
    pub format: PlaneFormat,
}

impl Plane<'_> {
    /// Draws all strokes in their order.
    pub fn draw(&mut self, strokes: &[Stroke], space: ColorSpace) {
        for stroke in strokes {
            match stroke {
                Stroke::Fill { rect, color, alpha } => self.fill(*rect, space.samples(*color), *alpha),
                Stroke::Text { x, y, mask, color } => self.text(*x, *y, mask, space.samples(*color)),
            }
        }
    }

    fn fill(&mut self, rect: Rect, color: [u8; 3], alpha: u8) {
        let (format, sub) = (self.format, self.format.subsampling);
        let (from, to) = (rect.x0 / sub, rect.x1.div_ceil(sub));
        for y in rect.y0 / sub..rect.y1.div_ceil(sub).min(self.height) {
            let Some(row) = self.row(y, from, to) else { continue };
            match *format.samples {
                [a] => fill(row, [color[a]], alpha),
                [a, b] => fill(row, [color[a], color[b]], alpha),
                [a, b, c] => fill(row, [color[a], color[b], color[c]], alpha),
                _ => {}
            }
        }
    }

    fn text(&mut self, x: usize, y: usize, mask: &Mask, color: [u8; 3]) {
        if mask.width == 0 {
            return;
        }
        let (format, sub) = (self.format, self.format.subsampling);
        let (from, to) = (x / sub, (x + mask.width).div_ceil(sub));
        let mut halved = Vec::new();
        for (y, rows) in (y / sub..self.height).zip(mask.coverage.chunks(mask.width * sub)) {
            // A third of a text's rows are empty; `fold` looks at all bytes at once, `all` at one by one.
            if rows.iter().fold(0, |any, coverage| any | coverage) == 0 {
                continue;
            }
            let Some(row) = self.row(y, from, to) else { continue };
            let coverage = if sub == 1 { rows } else { halve(rows, mask.width, &mut halved) };
            match *format.samples {
                [a] => cover(row, [color[a]], coverage),
                [a, b] => cover(row, [color[a], color[b]], coverage),
                [a, b, c] => cover(row, [color[a], color[b], color[c]], coverage),
                _ => {}
            }
        }
    }

    /// The bytes of the pixels `from..to` of row `y`, cut at the plane's width.
    fn row(&mut self, y: usize, from: usize, to: usize) -> Option<&mut [u8]> {
        let to = to.min(self.width);
        if y >= self.height || from >= to {
            return None;
        }
        let start = y.checked_mul(self.stride)?;
        self.data.get_mut(start + from * self.format.step()..start + to * self.format.step())
    }
}

// Pixels as arrays of known length: the compiler makes SIMD of these loops.

fn fill<const STEP: usize>(row: &mut [u8], pixel: [u8; STEP], alpha: u8) {
    let (pixels, _) = row.as_chunks_mut::<STEP>();
    if alpha == u8::MAX {
        pixels.fill(pixel);
    } else {
        pixels.iter_mut().for_each(|below| blend_pixel(below, pixel, alpha));
    }
}

fn cover<const STEP: usize>(row: &mut [u8], pixel: [u8; STEP], coverage: &[u8]) {
    let (pixels, _) = row.as_chunks_mut::<STEP>();
    pixels.iter_mut().zip(coverage).for_each(|(below, alpha)| blend_pixel(below, pixel, *alpha));
}

fn blend_pixel<const STEP: usize>(below: &mut [u8; STEP], above: [u8; STEP], alpha: u8) {
    below.iter_mut().zip(above).for_each(|(below, above)| *below = blend(*below, above, alpha));
}

/// Means of 2 x 2 over one or two rows of coverage; what lies outside covers nothing.
fn halve<'a>(rows: &[u8], width: usize, means: &'a mut Vec<u8>) -> &'a [u8] {
    let (upper, lower) = rows.split_at(width.min(rows.len()));
    let sum = |pair: &[u8; 2]| u16::from(pair[0]) + u16::from(pair[1]);
    let last = |row: &[u8]| row.last().copied().map_or(0, u16::from);
    let mean = |sum: u16| u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX);
    means.clear();
    let (upper_pairs, upper_rest) = upper.as_chunks::<2>();
    let (lower_pairs, lower_rest) = lower.as_chunks::<2>();
    if lower.is_empty() {
        means.extend(upper_pairs.iter().map(|pair| mean(sum(pair))));
    } else {
        means.extend(upper_pairs.iter().zip(lower_pairs).map(|(upper, lower)| mean(sum(upper) + sum(lower))));
    }
    if !upper_rest.is_empty() {
        means.push(mean(last(upper_rest) + last(lower_rest)));
    }
    means
}

/// `below` covered by `above`; exact for alpha 0 and 255, rounded between.
fn blend(below: u8, above: u8, alpha: u8) -> u8 {
    let alpha = u16::from(alpha);
    let sum = u16::from(below) * (255 - alpha) + u16::from(above) * alpha + 128;
    // Division by 255, rounded (Jim Blinn, "Three wrongs make a right", 1995).
    let [_, high] = (sum + (sum >> 8)).to_le_bytes();
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evoverlay::{
        scene::{self, Badge, Labelled, Scene},
        style::{self, Rgb, Style},
    };

    #[test]
    fn blending_is_exact() {
        for below in 0..=255_u8 {
            for alpha in 0..=255_u8 {
                let exact = (f64::from(below) * (255.0 - f64::from(alpha)) + 77.0 * f64::from(alpha)) / 255.0;
                assert_eq!(f64::from(blend(below, 77, alpha)), exact.round(), "{below} {alpha}");
            }
        }
    }

    #[test]
    fn halving_takes_means() {
        let mut means = Vec::new();
        assert_eq!(halve(&[255, 255, 255, 255, 255, 255], 3, &mut means), [255, 128]);
        assert_eq!(halve(&[10, 20, 30, 40], 2, &mut means), [25]);
        assert_eq!(halve(&[10, 20], 2, &mut means), [8], "an odd last row");
    }

    #[test]
    fn colours_land_in_every_plane() {
        let strokes =
            [Stroke::Fill { rect: Rect { x0: 2, y0: 2, x1: 4, y1: 4 }, color: Rgb(255, 0, 0), alpha: 255 }];
        let space = ColorSpace::Yuv { kr: 0.299, kb: 0.114, full_range: false };
        let mut luma = [0; 36];
        Plane { data: &mut luma, stride: 6, width: 6, height: 6, format: LUMA }.draw(&strokes, space);
        assert_eq!(luma.iter().filter(|sample| **sample == 81).count(), 4);
        assert_eq!([luma[14], luma[15], luma[20], luma[21]], [81; 4]);
        let mut chroma = [0; 18];
        Plane { data: &mut chroma, stride: 6, width: 3, height: 3, format: CB_CR }.draw(&strokes, space);
        assert_eq!(chroma[8..10], [90, 240]);
        assert_eq!(chroma.iter().filter(|sample| **sample != 0).count(), 2);
        let mut bgr = [7; 3 * 36];
        Plane { data: &mut bgr, stride: 18, width: 6, height: 6, format: BGR }
            .draw(&strokes, ColorSpace::Rgb);
        assert_eq!(bgr[42..48], [0, 0, 255, 0, 0, 255]);
    }

    /// Draws on every plane of a frame whose rows are `gap` bytes longer than needed; returns whether all bytes
    /// between the rows and behind the plane are as they were.
    fn gaps_are_untouched(
        format: gst_video::VideoFormat,
        scene: &Scene,
        size: (usize, usize),
        gap: usize,
    ) -> bool {
        const GAP: u8 = 0xa5;
        let strokes = scene::layout(scene, &Style::default(), size.0, size.1);
        plane_formats(format).iter().all(|&format| {
            let (width, height) = (size.0.div_ceil(format.subsampling), size.1.div_ceil(format.subsampling));
            let stride = width * format.step() + gap;
            let mut data = vec![GAP; stride * height + 64];
            Plane { data: &mut data, stride, width, height, format }.draw(&strokes, ColorSpace::Rgb);
            let rows_are_clean = data[..stride * height]
                .chunks(stride)
                .all(|row| row[width * format.step()..].iter().all(|byte| *byte == GAP));
            rows_are_clean && data[stride * height..].iter().all(|byte| *byte == GAP)
        })
    }

    const FORMATS: [gst_video::VideoFormat; 5] = [
        gst_video::VideoFormat::I420,
        gst_video::VideoFormat::Nv12,
        gst_video::VideoFormat::Gray8,
        gst_video::VideoFormat::Rgb,
        gst_video::VideoFormat::Bgr,
    ];

    fn any_edge() -> impl Strategy<Value = f32> {
        prop_oneof![8 => -300.0_f32..900.0, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(-1e30_f32)]
    }

    fn any_box() -> impl Strategy<Value = Labelled> {
        let edges = [any_edge(), any_edge(), any_edge(), any_edge()];
        (edges, any::<u32>(), ".{0,40}", proptest::option::of(any::<f32>()))
            .prop_map(|(edges, class_id, label, confidence)| Labelled { edges, class_id, label, confidence })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn never_outside_the_picture(
            boxes in proptest::collection::vec(any_box(), 0..6),
            banner in proptest::option::of(".{0,60}"),
            badge in proptest::option::of(".{0,20}"),
            width in 1_usize..400,
            height in 1_usize..300,
            gap in 0_usize..9,
            format in 0_usize..5,
        ) {
            let badge = badge.map(|text| Badge { text, color: style::ALARM });
            let scene = Scene { boxes, banner, badge };
            prop_assert!(gaps_are_untouched(FORMATS[format], &scene, (width, height), gap));
        }

        #[test]
        fn planes_shorter_than_they_claim_do_no_harm(length in 0_usize..500, stride in 0_usize..80) {
            let strokes = [Stroke::Fill {
                rect: Rect { x0: 0, y0: 0, x1: 64, y1: 64 }, color: style::WHITE, alpha: 128,
            }];
            let mut data = vec![0; length];
            Plane { data: &mut data, stride, width: 64, height: 64, format: LUMA }.draw(&strokes, ColorSpace::Rgb);
        }
    }
}
