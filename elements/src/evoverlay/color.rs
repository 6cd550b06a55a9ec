//! Colours of the overlay and how they become samples of a frame. Pure.

use gst_video::{VideoColorMatrix, VideoColorRange, VideoColorimetry};

/// An sRGB colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// Of 0xRRGGBB; a byte above (alpha, as `textoverlay` has it) is ignored.
    pub const fn from_number(number: u32) -> Self {
        let [_, r, g, b] = number.to_be_bytes();
        Self(r, g, b)
    }

    /// As 0xAARRGGBB, opaque.
    pub const fn to_number(self) -> u32 {
        u32::from_be_bytes([u8::MAX, self.0, self.1, self.2])
    }
}

/// Text and outlines on dark ground.
pub const WHITE: Rgb = Rgb(255, 255, 255);
/// Text on light ground.
pub const BLACK: Rgb = Rgb(16, 16, 16);
/// Ground of the banner.
pub const SHADE: Rgb = Rgb(12, 14, 18);
/// Ground of a badge that tells of a failure.
pub const ALARM: Rgb = Rgb(198, 40, 40);
/// Ground of a badge that tells of a frame that was left out.
pub const NOTICE: Rgb = Rgb(255, 179, 0);

/// Colours of the classes, in an order that keeps neighbours far apart in hue and lightness; bright enough to
/// stand out from a factory floor. After the last one they begin again.
const PALETTE: [Rgb; 16] = [
    Rgb(46, 204, 113),
    Rgb(255, 82, 82),
    Rgb(64, 156, 255),
    Rgb(255, 196, 0),
    Rgb(224, 86, 253),
    Rgb(0, 209, 209),
    Rgb(255, 140, 26),
    Rgb(174, 234, 0),
    Rgb(255, 110, 180),
    Rgb(124, 131, 255),
    Rgb(0, 168, 120),
    Rgb(196, 154, 108),
    Rgb(176, 196, 222),
    Rgb(198, 60, 120),
    Rgb(120, 190, 60),
    Rgb(255, 236, 130),
];

/// The colour of a class.
pub fn class_color(class_id: u32) -> Rgb {
    PALETTE[class_id as usize % PALETTE.len()]
}

/// Black or white, whichever is easier to read on `ground` (contrast by BT.709 luminance).
pub fn text_color_on(ground: Rgb) -> Rgb {
    let luminance =
        0.2126 * f32::from(ground.0) + 0.7152 * f32::from(ground.1) + 0.0722 * f32::from(ground.2);
    if luminance > 110.0 { BLACK } else { WHITE }
}

/// How colours become samples of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColorSpace {
    /// Samples are red, green, blue.
    Rgb,
    /// Samples are Y, Cb, Cr.
    Yuv {
        /// Weight of red in Y.
        kr: f32,
        /// Weight of blue in Y.
        kb: f32,
        /// Y 0..=255 instead of 16..=235.
        full_range: bool,
    },
}

impl ColorSpace {
    /// Of frames with these caps.
    pub fn of(info: &gst_video::VideoInfo) -> Self {
        if info.is_rgb() { Self::Rgb } else { Self::yuv(&info.colorimetry()) }
    }

    /// Of frames with luma and chroma (or luma only) by their caps. What the caps leave open is BT.601, limited.
    pub fn yuv(colorimetry: &VideoColorimetry) -> Self {
        // Kr and Kb: ITU-R BT.601-7, BT.709-6, BT.2020-2; SMPTE 240M; FCC 73.682.
        let (kr, kb) = match colorimetry.matrix() {
            VideoColorMatrix::Bt709 => (0.2126, 0.0722),
            VideoColorMatrix::Bt2020 => (0.2627, 0.0593),
            VideoColorMatrix::Smpte240m => (0.212, 0.087),
            VideoColorMatrix::Fcc => (0.30, 0.11),
            _ => (0.299, 0.114),
        };
        Self::Yuv { kr, kb, full_range: colorimetry.range() == VideoColorRange::Range0_255 }
    }

    /// The samples of a colour: the three that make it, and an alpha of 255.
    pub fn samples(self, color: Rgb) -> [u8; 4] {
        let Self::Yuv { kr, kb, full_range } = self else { return [color.0, color.1, color.2, u8::MAX] };
        let [r, g, b] = [color.0, color.1, color.2].map(|value| f32::from(value) / 255.0);
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let cb = (b - y) / (2.0 * (1.0 - kb));
        let cr = (r - y) / (2.0 * (1.0 - kr));
        let (offset, luma, chroma) = if full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
        [offset + luma * y, 128.0 + chroma * cb, 128.0 + chroma * cr, 255.0].map(to_sample)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
fn to_sample(value: f32) -> u8 {
    value.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const BT601: ColorSpace = ColorSpace::Yuv { kr: 0.299, kb: 0.114, full_range: false };
    const BT709_FULL: ColorSpace = ColorSpace::Yuv { kr: 0.2126, kb: 0.0722, full_range: true };

    #[test]
    fn primaries_have_their_published_samples() {
        // 100 % colour bars of BT.601 (EBU Tech 3280) and their BT.709 full-range counterparts.
        for (rgb, bt601, bt709_full) in [
            (WHITE, [235, 128, 128], [255, 128, 128]),
            (Rgb(0, 0, 0), [16, 128, 128], [0, 128, 128]),
            (Rgb(255, 0, 0), [81, 90, 240], [54, 99, 255]),
            (Rgb(0, 255, 0), [145, 54, 34], [182, 30, 12]),
            (Rgb(0, 0, 255), [41, 240, 110], [18, 255, 116]),
        ] {
            assert_eq!(BT601.samples(rgb)[..3], bt601, "{rgb:?}");
            assert_eq!(BT709_FULL.samples(rgb)[..3], bt709_full, "{rgb:?}");
        }
        assert_eq!(ColorSpace::Rgb.samples(Rgb(1, 2, 3)), [1, 2, 3, 255]);
    }

    #[test]
    fn colours_are_numbers() {
        assert_eq!(Rgb::from_number(0xff_8800), Rgb(255, 0x88, 0));
        assert_eq!(Rgb::from_number(0x80ff_8800), Rgb(255, 0x88, 0));
        assert_eq!(Rgb(1, 2, 3).to_number(), 0xff01_0203);
    }

    #[test]
    fn the_caps_choose_the_matrix() {
        gst::init().unwrap();
        let space = |text: &str| ColorSpace::yuv(&text.parse().unwrap());
        assert_eq!(space("bt601"), BT601);
        assert_eq!(space("bt709"), ColorSpace::Yuv { kr: 0.2126, kb: 0.0722, full_range: false });
        assert_eq!(space("1:3:5:1"), BT709_FULL);
    }

    #[test]
    fn classes_are_told_apart() {
        let distance = |a: Rgb, b: Rgb| {
            u32::from(a.0.abs_diff(b.0)) + u32::from(a.1.abs_diff(b.1)) + u32::from(a.2.abs_diff(b.2))
        };
        for (i, a) in PALETTE.iter().enumerate() {
            for b in &PALETTE[i + 1..] {
                assert!(distance(*a, *b) > 60, "{a:?} {b:?}");
            }
        }
        assert_eq!(class_color(3), class_color(19));
        assert_ne!(class_color(u32::MAX), class_color(0));
    }

    #[test]
    fn text_has_contrast() {
        assert_eq!(text_color_on(NOTICE), BLACK);
        assert_eq!(text_color_on(ALARM), WHITE);
    }
}
