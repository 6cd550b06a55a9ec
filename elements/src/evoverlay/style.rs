//! Sizes and fonts of the overlay, and what is shown. Pure.

use gst::glib;
use noto_sans_mono_bitmap::RasterHeight;

use super::{
    color::{self, Rgb},
    scene::Labelled,
};

/// What gives a box its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "EdgevisionOverlayColorBy")]
pub enum ColorBy {
    /// The class.
    #[default]
    #[enum_value(name = "Each class has a colour", nick = "class")]
    Class,
    /// The object over time, if a tracker has numbered it; else the class.
    #[enum_value(
        name = "Each tracked object has a colour; its class where nothing is tracked",
        nick = "track"
    )]
    Track,
    /// One colour for all.
    #[enum_value(name = "All have the colour of the property color", nick = "one")]
    One,
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "EdgevisionOverlayEffect")]
pub enum Effect {
    /// A box with a label.
    #[default]
    #[enum_value(name = "Outline and label", nick = "box")]
    Box,
    /// The object is blurred beyond recognition.
    #[enum_value(name = "Blurred beyond recognition", nick = "blur")]
    Blur,
    /// The object becomes a few squares.
    #[enum_value(name = "Coarse squares", nick = "pixelate")]
    Pixelate,
    /// The object is covered.
    #[enum_value(name = "Covered with fill-color", nick = "fill")]
    Fill,
    /// The object is left as it is.
    #[enum_value(name = "Left as it is, without outline", nick = "none")]
    None,
}

impl Effect {
    /// True when it makes objects unrecognisable.
    pub const fn hides(self) -> bool {
        matches!(self, Self::Blur | Self::Pixelate | Self::Fill)
    }
}

/// A raster font: one of the sizes there are, doubled or more for large frames.
#[derive(Clone, Copy, Debug)]
pub struct Font {
    /// Height of the raster that is drawn.
    pub raster: RasterHeight,
    /// How often each of its pixels is repeated, both ways.
    pub zoom: usize,
}

impl Font {
    /// The font whose height comes nearest to `height` pixels; never below 16, which is the least one can read.
    pub fn nearest(height: usize) -> Self {
        let rasters =
            [RasterHeight::Size16, RasterHeight::Size20, RasterHeight::Size24, RasterHeight::Size32];
        let fonts = (1..=4).flat_map(|zoom| rasters.map(|raster| Self { raster, zoom }));
        // The first of equals has the finer raster.
        fonts
            .min_by_key(|font| font.height().abs_diff(height))
            .unwrap_or(Self { raster: RasterHeight::Size16, zoom: 1 })
    }

    /// Height of a line in pixels.
    pub fn height(self) -> usize {
        self.raster.val() * self.zoom
    }
}

/// Sizes, colours, and what is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Width of box outlines: below 1 a fraction of the frame's height, from 1 on pixels.
    pub line_width: f64,
    /// Height of text: below 1 a fraction of the frame's height, from 1 on pixels.
    pub text_size: f64,
    /// Name the class on each box.
    pub show_labels: bool,
    /// Show the confidence on each box.
    pub show_confidence: bool,
    /// What gives a box its colour.
    pub color_by: ColorBy,
    /// The colour if there is only one.
    pub color: Rgb,
    /// What is done to the objects of `Scene::hidden`.
    pub effect: Effect,
    /// How far the effect reaches beyond each edge of a box, in widths and heights of the box.
    pub margin: f64,
    /// Squares across the shorter side of a hidden object.
    pub blocks: u32,
    /// What covers hidden objects when `effect` is `Fill`.
    pub fill_color: Rgb,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            line_width: 0.003,
            text_size: 0.025,
            show_labels: true,
            show_confidence: true,
            color_by: ColorBy::Class,
            color: color::class_color(0),
            effect: Effect::Box,
            margin: 0.0,
            blocks: 6,
            fill_color: Rgb(0, 0, 0),
        }
    }
}

impl Style {
    /// Outline width in pixels for a frame of this height: even, at least 2, so that chroma lines up with luma.
    pub fn line_pixels(&self, frame_height: usize) -> usize {
        let whole = if self.line_width < 1.0 { frame_height } else { 1 };
        pixels(self.line_width * 0.5, whole).clamp(1, 64) * 2
    }

    /// The font for a frame of this height.
    pub fn font(&self, frame_height: usize) -> Font {
        let whole = if self.text_size < 1.0 { frame_height } else { 1 };
        Font::nearest(pixels(self.text_size, whole))
    }

    /// The colour of a box.
    pub fn color(&self, labelled: &Labelled) -> Rgb {
        match (self.color_by, labelled.track) {
            (ColorBy::One, _) => self.color,
            (ColorBy::Track, Some(track)) => color::class_color(track.cast_unsigned()),
            _ => color::class_color(labelled.class_id),
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a float cast saturates; frames are far below 2^52 lines"
)]
fn pixels(fraction: f64, frame_height: usize) -> usize {
    (fraction * frame_height as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_frame() {
        let style = Style::default();
        for (height, line, text) in [
            (1, 2, 16),
            (360, 2, 16),
            (720, 2, 16),
            (1080, 4, 24),
            (1440, 4, 32),
            (2160, 6, 48),
            (4320, 12, 96),
        ] {
            assert_eq!((style.line_pixels(height), style.font(height).height()), (line, text), "{height}");
        }
        for (pixels, expected) in
            [(1.0, 2), (2.0, 2), (5.0, 6), (64.0, 64), (f64::INFINITY, 128), (f64::NAN, 2)]
        {
            assert_eq!(Style { line_width: pixels, ..style.clone() }.line_pixels(1080), expected, "{pixels}");
        }
    }

    #[test]
    fn colours_follow_class_track_or_nothing() {
        let labelled = |class_id, track| Labelled { class_id, track, ..Labelled::default() };
        let style = |color_by| Style { color_by, color: Rgb(1, 2, 3), ..Style::default() };
        for (color_by, class_id, track, expected) in [
            (ColorBy::Class, 3, Some(5), color::class_color(3)),
            (ColorBy::Track, 3, Some(5), color::class_color(5)),
            (ColorBy::Track, 3, None, color::class_color(3)),
            (ColorBy::One, 3, Some(5), Rgb(1, 2, 3)),
        ] {
            assert_eq!(style(color_by).color(&labelled(class_id, track)), expected, "{color_by:?}");
        }
        // Any number that somebody's tracker may give.
        style(ColorBy::Track).color(&labelled(0, Some(i32::MIN)));
    }

    #[test]
    fn text_size_is_a_share_or_pixels() {
        let style = |text_size| Style { text_size, ..Style::default() };
        assert_eq!(style(20.0).font(2160).height(), 20);
        assert_eq!(style(0.03).font(1080).height(), 32);
        assert_eq!(style(f64::NAN).font(1080).height(), 16);
        assert_eq!(style(f64::INFINITY).font(1080).height(), 128);
    }
}
