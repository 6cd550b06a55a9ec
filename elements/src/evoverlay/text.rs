//! Lines of text as coverage of pixels. Pure.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use noto_sans_mono_bitmap::{FontWeight, RasterizedChar, get_raster, get_raster_width};

use super::style::Font;

/// How much of each pixel a line of text covers: 0 = nothing, 255 = all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// Pixels of a row, an even number.
    pub width: usize,
    /// Rows without gaps, an even number of them.
    pub coverage: Vec<u8>,
    /// Means of 2 x 2 pixels, for planes of half the size.
    pub halved: Vec<u8>,
}

/// Lines that are kept for the next frame: most labels come again. At 1080p a line is about 6 KB.
const KEPT: usize = 512;

/// Lines of text in one font; makes each of them once.
#[derive(Debug, Default)]
pub struct Texts {
    /// Height of the raster, and zoom.
    font: (usize, usize),
    masks: HashMap<String, Arc<Mask>>,
}

impl Texts {
    /// The mask of a line.
    pub fn mask(&mut self, text: &str, font: Font) -> Arc<Mask> {
        let wanted = (font.raster.val(), font.zoom);
        if self.font != wanted || self.masks.len() >= KEPT {
            self.masks.clear();
            self.font = wanted;
        }
        if let Some(mask) = self.masks.get(text) {
            return Arc::clone(mask);
        }
        let mask = Arc::new(rasterize(text, font));
        self.masks.insert(text.to_owned(), Arc::clone(&mask));
        mask
    }
}

/// Width of each character in pixels.
pub fn char_width(font: Font) -> usize {
    get_raster_width(FontWeight::Bold, font.raster) * font.zoom
}

/// What can be drawn of a text: letters with separate accents (as macOS writes them) become one character, line
/// breaks and other control characters become spaces.
pub fn drawable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    let composed = text.nfc().filter(|character| !is_combining_mark(*character));
    Cow::Owned(composed.map(|character| if character.is_control() { ' ' } else { character }).collect())
}

/// One character of a line, from the font or a hollow box in its place.
enum Glyph {
    Known(RasterizedChar),
    Missing,
}

fn rasterize(text: &str, font: Font) -> Mask {
    let known = |character| get_raster(character, FontWeight::Bold, font.raster);
    let glyphs: Vec<Glyph> =
        text.chars().map(|character| known(character).map_or(Glyph::Missing, Glyph::Known)).collect();
    let used = glyphs.len() * char_width(font);
    let width = used.next_multiple_of(2);
    let mut coverage = Vec::with_capacity(width * font.height());
    for y in 0..font.height() {
        for glyph in &glyphs {
            match glyph {
                Glyph::Known(glyph) => enlarge(glyph.raster()[y / font.zoom], font.zoom, &mut coverage),
                Glyph::Missing => hollow_box(y, font, &mut coverage),
            }
        }
        coverage.resize(coverage.len() + width - used, 0);
    }
    let halved = halve(&coverage, width);
    Mask { width, coverage, halved }
}

/// Appends each pixel of a glyph's line `zoom` times.
fn enlarge(line: &[u8], zoom: usize, coverage: &mut Vec<u8>) {
    if zoom == 1 {
        coverage.extend_from_slice(line);
    } else {
        coverage.extend(line.iter().flat_map(|value| std::iter::repeat_n(*value, zoom)));
    }
}

/// Appends a line of the box that stands for a character that the font lacks.
fn hollow_box(y: usize, font: Font, coverage: &mut Vec<u8>) {
    let (width, height) = (char_width(font), font.height());
    let line = (height / 16).max(1);
    let (left, right) = (line, width - line);
    let (upper, lower) = (height / 5, height - height / 5);
    let is_edge = |from: usize, to: usize, at: usize| at < from + line || at + line >= to;
    coverage.extend((0..width).map(|x| {
        let inside = (left..right).contains(&x) && (upper..lower).contains(&y);
        if inside && (is_edge(left, right, x) || is_edge(upper, lower, y)) { u8::MAX } else { 0 }
    }));
}

/// Means of 2 x 2; `width` and the number of rows are even.
fn halve(coverage: &[u8], width: usize) -> Vec<u8> {
    if width == 0 {
        return Vec::new();
    }
    let sum = |pair: &[u8; 2]| u16::from(pair[0]) + u16::from(pair[1]);
    let mut means = Vec::with_capacity(coverage.len() / 4);
    for rows in coverage.chunks_exact(2 * width) {
        let (upper, lower) = rows.split_at(width);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        means.extend(
            pairs.map(|(upper, lower)| u8::try_from((sum(upper) + sum(lower) + 2) / 4).unwrap_or(u8::MAX)),
        );
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_takes_means() {
        assert_eq!(halve(&[255, 255, 255, 255, 255, 255, 10, 20], 4), [255, 135]);
        assert_eq!(halve(&[10, 20, 30, 40], 2), [25]);
        assert!(halve(&[], 0).is_empty());
    }

    #[test]
    fn umlauts_are_drawn_and_unknown_characters_are_boxes() {
        let font = Font::nearest(16);
        let missing = rasterize("\u{4e2d}", font);
        assert_ne!(missing, rasterize("?", font));
        assert_eq!(missing, rasterize("\u{1f9f4}", font));
        assert!(missing.coverage.contains(&255));
        for letter in ["ä", "ö", "ü", "ß", "é", "Ł", "ő"] {
            assert_ne!(rasterize(letter, font), missing, "{letter}");
        }
    }

    #[test]
    fn accents_and_controls_become_drawable() {
        assert_eq!(drawable("plain text ~"), "plain text ~");
        assert_eq!(drawable("O\u{308}l"), "Öl");
        assert_eq!(drawable("a\nb\tc\0"), "a b c ");
        assert_eq!(drawable("x\u{20d7}"), "x", "an accent without a letter of its own");
    }

    #[test]
    fn masks_have_even_sides_in_every_size() {
        for height in [1, 16, 20, 24, 32, 48, 96, 1000] {
            let font = Font::nearest(height);
            let mask = rasterize("abc\u{4e2d}", font);
            assert_eq!((mask.width % 2, font.height() % 2), (0, 0));
            assert_eq!(mask.coverage.len(), mask.width * font.height());
            assert_eq!(mask.halved.len(), mask.coverage.len() / 4);
        }
    }

    #[test]
    fn a_line_is_made_once_and_the_store_is_bounded() {
        let (mut texts, font) = (Texts::default(), Font::nearest(16));
        let first = texts.mask("part 88%", font);
        assert!(Arc::ptr_eq(&first, &texts.mask("part 88%", font)));
        for number in 0..3 * KEPT {
            texts.mask(&number.to_string(), font);
            assert!(texts.masks.len() <= KEPT);
        }
        let larger = texts.mask("part 88%", Font::nearest(32));
        assert!(larger.width > first.width);
    }
}
