//! What is to be seen on one frame, laid out as rectangles and text in the frame's pixels. Pure.

use noto_sans_mono_bitmap::{FontWeight, get_raster, get_raster_width};

use super::style::{self, Font, Rgb, Style};

/// A detection in pixels of the frame that is drawn on; may reach beyond it.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Left, upper, right and lower edge.
    pub edges: [f32; 4],
    /// Chooses the colour.
    pub class_id: u32,
    /// Name of the class.
    pub label: String,
    /// 0..=1, if known.
    pub confidence: Option<f32>,
}

/// A notice at the top right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// What it says.
    pub text: String,
    /// Its ground.
    pub color: Rgb,
}

/// Everything that is drawn on one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Drawn in this order.
    pub boxes: Vec<Labelled>,
    /// Camera name and time, at the top left.
    pub banner: Option<String>,
    /// State of the frame, when it is worth telling.
    pub badge: Option<Badge>,
}

impl Scene {
    /// True when the frame can pass as it is.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty() && self.banner.is_none() && self.badge.is_none()
    }
}

/// A rectangle of the frame: inclusive of `x0`, `y0`, exclusive of `x1`, `y1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x0: usize,
    /// Upper edge.
    pub y0: usize,
    /// Right edge.
    pub x1: usize,
    /// Lower edge.
    pub y1: usize,
}

/// How much of each pixel a line of text covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Pixels of a row.
    pub width: usize,
    /// Rows without gaps, 0 = nothing, 255 = all.
    pub coverage: Vec<u8>,
}

/// One stroke of the brush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// Covers a rectangle.
    Fill {
        /// Where.
        rect: Rect,
        /// With what.
        color: Rgb,
        /// How densely, 255 = nothing shines through.
        alpha: u8,
    },
    /// Covers what the mask says.
    Text {
        /// Left edge of the mask.
        x: usize,
        /// Upper edge of the mask.
        y: usize,
        /// The text.
        mask: Mask,
        /// With what.
        color: Rgb,
    },
}

/// Opacity of the banner's ground.
const SHADE_ALPHA: u8 = 184;

/// Lays a scene out for a frame of `width` x `height`. Every position is even (frames with halved chroma need
/// that), no rectangle reaches beyond the frame.
pub fn layout(scene: &Scene, style: &Style, width: usize, height: usize) -> Vec<Stroke> {
    let mut canvas = Canvas::new(style, width, height);
    canvas.banner_width = scene.banner.as_ref().map_or(0, |banner| canvas.plate_width(banner));
    for labelled in &scene.boxes {
        canvas.outline(labelled);
    }
    // Labels last: no line crosses a text.
    for labelled in &scene.boxes {
        canvas.label(labelled, style);
    }
    if let Some(badge) = &scene.badge {
        canvas.badge(badge);
    }
    if let Some(banner) = &scene.banner {
        canvas.plate(banner, (0, 0), style::SHADE, SHADE_ALPHA);
    }
    canvas.strokes
}

struct Canvas {
    width: usize,
    height: usize,
    line: usize,
    font: Font,
    banner_width: usize,
    strokes: Vec<Stroke>,
}

impl Canvas {
    fn new(style: &Style, width: usize, height: usize) -> Self {
        let (line, font) = (style.line_pixels(height), style.font(height));
        Self { width, height, line, font, banner_width: 0, strokes: Vec::new() }
    }

    /// Room between a text and the edge of its plate.
    fn padding(&self) -> (usize, usize) {
        (even(self.font.height() / 3), even(self.font.height() / 8))
    }

    fn plate_height(&self) -> usize {
        even(self.font.height() + 2 * self.padding().1)
    }

    fn char_width(&self) -> usize {
        get_raster_width(FontWeight::Bold, self.font.raster) * self.font.zoom
    }

    fn plate_width(&self, text: &str) -> usize {
        even(text.chars().count() * self.char_width() + 2 * self.padding().0 + 1)
    }

    /// Text on a frame that is not four times as high as a line of it would hide the picture.
    fn has_room_for_text(&self) -> bool {
        self.height >= 4 * self.plate_height()
    }

    fn bounds(&self, edges: [f32; 4]) -> Option<Rect> {
        let [x0, y0, x1, y1] = edges;
        let rect = Rect {
            x0: even(pixel(x0, self.width)),
            y0: even(pixel(y0, self.height)),
            x1: even(pixel(x1, self.width) + 1).min(self.width),
            y1: even(pixel(y1, self.height) + 1).min(self.height),
        };
        (rect.x0 < rect.x1 && rect.y0 < rect.y1).then_some(rect)
    }

    fn fill(&mut self, rect: Rect, color: Rgb, alpha: u8) {
        if rect.x0 < rect.x1 && rect.y0 < rect.y1 {
            self.strokes.push(Stroke::Fill { rect, color, alpha });
        }
    }

    /// Four lines on the inner side of the box; edges beyond the frame are drawn at its border.
    fn outline(&mut self, labelled: &Labelled) {
        let Some(rect) = self.bounds(labelled.edges) else { return };
        let Rect { x0, y0, x1, y1 } = rect;
        let (left, right) = ((x0 + self.line).min(x1), even(x1.saturating_sub(self.line)).max(x0));
        let (upper, lower) = ((y0 + self.line).min(y1), even(y1.saturating_sub(self.line)).max(y0));
        let color = style::class_color(labelled.class_id);
        for side in [
            Rect { y1: upper, ..rect },
            Rect { y0: lower, ..rect },
            Rect { x0, x1: left, y0: upper, y1: lower },
            Rect { x0: right, x1, y0: upper, y1: lower },
        ] {
            self.fill(side, color, u8::MAX);
        }
    }

    /// The class and confidence on a plate above the box, or inside it where the frame ends above.
    fn label(&mut self, labelled: &Labelled, style: &Style) {
        let Some(rect) = self.bounds(labelled.edges) else { return };
        let text = label_text(labelled, style);
        if text.is_empty() {
            return;
        }
        let x = rect.x0.min(even(self.width.saturating_sub(self.plate_width(&text))));
        let y = rect.y0.checked_sub(self.plate_height()).unwrap_or(rect.y0).max(self.free_from(x));
        self.plate(&text, (x, y), style::class_color(labelled.class_id), u8::MAX);
    }

    /// The first line at `x` that the banner does not cover.
    fn free_from(&self, x: usize) -> usize {
        if x < self.banner_width { self.plate_height() } else { 0 }
    }

    fn badge(&mut self, badge: &Badge) {
        let x = even(self.width.saturating_sub(self.plate_width(&badge.text)));
        self.plate(&badge.text, (x, 0), badge.color, u8::MAX);
    }

    fn plate(&mut self, text: &str, (x, y): (usize, usize), ground: Rgb, alpha: u8) {
        if !self.has_room_for_text() {
            return;
        }
        let (pad_x, pad_y) = self.padding();
        let room = self.width.saturating_sub(x + 2 * pad_x) / self.char_width().max(1);
        let text: String = text.chars().take(room).collect();
        if text.is_empty() {
            return;
        }
        let (x1, y1) =
            ((x + self.plate_width(&text)).min(self.width), (y + self.plate_height()).min(self.height));
        self.fill(Rect { x0: x, y0: y, x1, y1 }, ground, alpha);
        let (mask, color) = (rasterize(&text, self.font), style::text_color_on(ground));
        self.strokes.push(Stroke::Text { x: x + pad_x, y: y + pad_y, mask, color });
    }
}

fn label_text(labelled: &Labelled, style: &Style) -> String {
    let confidence = labelled.confidence.filter(|_| style.show_confidence);
    let percent = confidence.map(|value| format!("{:.0}%", value * 100.0));
    let label = style.show_labels.then(|| labelled.label.clone());
    [label, percent].into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Draws a line of text into a mask. Characters that the font lacks become question marks.
fn rasterize(text: &str, font: Font) -> Mask {
    let known = |character| get_raster(character, FontWeight::Bold, font.raster);
    let glyphs: Vec<_> =
        text.chars().filter_map(|character| known(character).or_else(|| known('?'))).collect();
    let width = glyphs.len() * get_raster_width(FontWeight::Bold, font.raster) * font.zoom;
    let mut coverage = Vec::with_capacity(width * font.height());
    for y in 0..font.height() {
        for glyph in &glyphs {
            enlarge(glyph.raster()[y / font.zoom], font.zoom, &mut coverage);
        }
    }
    Mask { width, coverage }
}

/// Appends each pixel of a glyph's line `zoom` times.
fn enlarge(line: &[u8], zoom: usize, coverage: &mut Vec<u8>) {
    if zoom == 1 {
        coverage.extend_from_slice(line);
    } else {
        coverage.extend(line.iter().flat_map(|value| std::iter::repeat_n(*value, zoom)));
    }
}

fn even(value: usize) -> usize {
    value & !1
}

/// The pixel edge nearest to `value`, inside `0..=limit`; NaN is 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
fn pixel(value: f32, limit: usize) -> usize {
    (value.round() as usize).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(edges: [f32; 4]) -> Labelled {
        Labelled { edges, class_id: 1, label: "part".to_owned(), confidence: Some(0.876) }
    }

    fn fills(strokes: &[Stroke]) -> Vec<Rect> {
        let rects = strokes.iter().filter_map(|stroke| match stroke {
            Stroke::Fill { rect, .. } => Some(*rect),
            Stroke::Text { .. } => None,
        });
        rects.collect()
    }

    fn boxes(edges: [f32; 4], width: usize, height: usize) -> Vec<Rect> {
        let scene = Scene { boxes: vec![labelled(edges)], ..Scene::default() };
        fills(&layout(&scene, &Style::default(), width, height))
    }

    #[test]
    fn an_outline_is_four_lines_on_the_inner_side() {
        let rects = boxes([100.0, 100.0, 200.0, 180.0], 640, 360);
        let expected =
            [(100, 100, 200, 102), (100, 178, 200, 180), (100, 102, 102, 178), (198, 102, 200, 178)];
        assert_eq!(rects[..4], expected.map(|(x0, y0, x1, y1)| Rect { x0, y0, x1, y1 }));
    }

    #[test]
    fn the_label_stands_above_or_inside() {
        let above = boxes([100.0, 100.0, 200.0, 180.0], 640, 360)[4];
        assert_eq!((above.x0, above.y1), (100, 100));
        let inside = boxes([100.0, 6.0, 200.0, 180.0], 640, 360)[4];
        assert_eq!((inside.x0, inside.y0), (100, 6));
        let right = boxes([600.0, 100.0, 640.0, 180.0], 640, 360)[4];
        assert_eq!(right.x1, 640, "moved left until it fits");
    }

    #[test]
    fn the_banner_and_a_label_do_not_share_a_place() {
        let scene = |banner: Option<&str>| Scene {
            boxes: vec![labelled([4.0, 2.0, 200.0, 100.0])],
            banner: banner.map(str::to_owned),
            badge: None,
        };
        let label_of = |scene: &Scene| fills(&layout(scene, &Style::default(), 640, 360))[4];
        assert_eq!(label_of(&scene(None)).y0, 2);
        let moved = label_of(&scene(Some("line3")));
        let banner = fills(&layout(&scene(Some("line3")), &Style::default(), 640, 360))[5];
        assert_eq!((banner.y0, moved.y0), (0, banner.y1));
    }

    #[test]
    fn nothing_is_drawn_for_boxes_elsewhere() {
        for edges in [
            [700.0, 10.0, 800.0, 20.0],
            [-50.0, -50.0, -10.0, -10.0],
            [f32::NAN; 4],
            [30.0, 30.0, 10.0, 10.0],
            [f32::INFINITY, 0.0, f32::NEG_INFINITY, 9.0],
        ] {
            assert_eq!(boxes(edges, 640, 360), [], "{edges:?}");
        }
    }

    #[test]
    fn a_small_frame_has_boxes_but_no_text() {
        assert_eq!(boxes([0.0, 0.0, 40.0, 40.0], 40, 40).len(), 4);
        let pixel = Rect { x0: 0, y0: 0, x1: 1, y1: 1 };
        assert!(boxes([0.0, 0.0, 1.0, 1.0], 1, 1).iter().all(|rect| *rect == pixel));
    }

    #[test]
    fn label_texts() {
        let style = |show_labels, show_confidence| Style { show_labels, show_confidence, ..Style::default() };
        let one = labelled([0.0; 4]);
        assert_eq!(label_text(&one, &style(true, true)), "part 88%");
        assert_eq!(label_text(&one, &style(true, false)), "part");
        assert_eq!(label_text(&one, &style(false, true)), "88%");
        assert_eq!(label_text(&one, &style(false, false)), "");
    }

    #[test]
    fn text_the_font_lacks_becomes_question_marks() {
        let font = Font::nearest(16);
        assert_eq!(rasterize("\u{4e2d}\n", font), rasterize("??", font));
        assert_ne!(rasterize("é", font), rasterize("?", font));
    }
}
