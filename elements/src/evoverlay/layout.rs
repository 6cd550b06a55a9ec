//! Lays a scene out as rectangles and text in the frame's pixels. Pure.

mod caption;
mod points;

use super::{
    color::{self, Rgb},
    scene::{Badge, Extent, Labelled, Rect, Scene, Stroke},
    style::{Effect, Font, Style},
    text::{self, Texts},
};

/// Opacity of the banner's ground.
const SHADE_ALPHA: u8 = 184;
/// Pixels of a cell of a hidden object at least: a small object has few pixels to tell it by anyway.
const LEAST_CELL: usize = 8;
/// Pixels, beyond any frame.
const FAR: f32 = 1e6;
/// Labels that another one makes room for: more have no room anyway.
const MOST_OTHERS: usize = 100;
/// Regions of interest come in whole pixels, rounded, so an edge may be this far out.
const ROUNDING: f32 = 0.5;

/// Lays a scene out. Every position is even (frames with halved chroma need that), no rectangle reaches beyond the
/// frame.
pub fn layout(scene: &Scene, style: &Style, extent: Extent, texts: &mut Texts) -> Vec<Stroke> {
    let mut canvas = Canvas::new(style, extent, texts);
    canvas.hide(scene);
    canvas.banner_width = scene.banner.as_ref().map_or(0, |banner| canvas.plate_width(banner));
    let (titles, boxes): (Vec<_>, Vec<_>) =
        scene.boxes.iter().partition(|labelled| canvas.is_title(labelled));
    for labelled in &boxes {
        canvas.outline(labelled);
    }
    canvas.landmarks(&scene.boxes);
    // Labels last: no line crosses a text.
    canvas.labels(&boxes, &titles);
    if let Some(badge) = &scene.badge {
        canvas.badge(badge);
    }
    if let Some(banner) = &scene.banner {
        let banner = canvas.clipped(&text::drawable(banner), 0);
        canvas.plate(&banner, (0, 0), color::SHADE, SHADE_ALPHA);
    }
    canvas.strokes
}

struct Canvas<'a> {
    style: &'a Style,
    texts: &'a mut Texts,
    extent: Extent,
    width: usize,
    height: usize,
    line: usize,
    font: Font,
    banner_width: usize,
    strokes: Vec<Stroke>,
}

impl<'a> Canvas<'a> {
    fn new(style: &'a Style, extent: Extent, texts: &'a mut Texts) -> Self {
        let Extent { width, height, .. } = extent;
        let (line, font) = (style.line_pixels(height), style.font(height));
        Self { style, texts, extent, width, height, line, font, banner_width: 0, strokes: Vec::new() }
    }

    /// Room between a text and the edge of its plate.
    fn padding(&self) -> (usize, usize) {
        (even(self.font.height() / 3), even(self.font.height() / 8))
    }

    fn plate_height(&self) -> usize {
        even(self.font.height() + 2 * self.padding().1)
    }

    fn plate_width(&self, text: &str) -> usize {
        even(text.chars().count() * text::char_width(self.font) + 2 * self.padding().0 + 1)
    }

    /// Text on a frame that is not four times as high as a line of it would hide the picture.
    fn has_room_for_text(&self) -> bool {
        self.height >= 4 * self.plate_height()
    }

    fn bounds(&self, edges: [f32; 4]) -> Option<Rect> {
        let [x0, y0, x1, y1] = edges.map(f32::round);
        let rect = Rect {
            x0: even(pixel(x0, self.width)),
            y0: even(pixel(y0, self.height)),
            x1: even(pixel(x1, self.width) + 1).min(self.width),
            y1: even(pixel(y1, self.height) + 1).min(self.height),
        };
        (!rect.is_empty()).then_some(rect)
    }

    fn hide(&mut self, scene: &Scene) {
        let (width, height) = (self.width, self.height);
        if scene.hides_all {
            self.cover(Rect { x0: 0, y0: 0, x1: width, y1: height });
            return;
        }
        for edges in &scene.hidden {
            let rect = self.reach(*edges);
            self.cover(rect);
        }
    }

    /// What the effect covers of an object: never less than the object, and whole samples of chroma.
    fn reach(&self, edges: [f32; 4]) -> Rect {
        // Edges that are no numbers cover all: better too much than too little.
        let known = |edge: f32, unknown: f32| if edge.is_nan() { unknown } else { edge.clamp(-FAR, FAR) };
        let [x0, y0] = [edges[0], edges[1]].map(|edge| known(edge, -FAR));
        let [x1, y1] = [edges[2], edges[3]].map(|edge| known(edge, FAR));
        #[allow(clippy::cast_possible_truncation, reason = "a share needs no more than f32")]
        let margin = self.style.margin as f32;
        let (beside, above) = (margin * (x1 - x0) + ROUNDING, margin * (y1 - y0) + ROUNDING);
        let lines = if self.extent.is_interlaced { 4 } else { 2 };
        let down = |value: f32, grid, limit| pixel(value.floor(), limit) / grid * grid;
        let up = |value: f32, grid, limit| pixel(value.ceil(), limit).next_multiple_of(grid).min(limit);
        Rect {
            x0: down(x0 - beside, 2, self.width),
            y0: down(y0 - above, lines, self.height),
            x1: up(x1 + beside, 2, self.width),
            y1: up(y1 + above, lines, self.height),
        }
    }

    fn cover(&mut self, rect: Rect) {
        if rect.is_empty() {
            return;
        }
        let blocks = usize::try_from(self.style.blocks).unwrap_or(1).max(1);
        let cell = rect.width().min(rect.height()).div_ceil(blocks).max(LEAST_CELL);
        let cells = (rect.width().div_ceil(cell), rect.height().div_ceil(cell));
        match self.style.effect {
            Effect::Blur => self.strokes.push(Stroke::Hide { rect, cells, smooth: true }),
            Effect::Pixelate => self.strokes.push(Stroke::Hide { rect, cells, smooth: false }),
            Effect::Fill => self.fill(rect, self.style.fill_color, u8::MAX),
            Effect::Box | Effect::None => {}
        }
    }

    fn fill(&mut self, rect: Rect, color: Rgb, alpha: u8) {
        if !rect.is_empty() {
            self.strokes.push(Stroke::Fill { rect, color, alpha });
        }
    }

    /// Four lines on the inner side of the box; edges beyond the frame are drawn at its border.
    fn outline(&mut self, labelled: &Labelled) {
        let Some(rect) = self.bounds(labelled.edges) else { return };
        let Rect { x0, y0, x1, y1 } = rect;
        let (left, right) = ((x0 + self.line).min(x1), even(x1.saturating_sub(self.line)).max(x0));
        let (upper, lower) = ((y0 + self.line).min(y1), even(y1.saturating_sub(self.line)).max(y0));
        let color = self.style.color(labelled);
        for side in [
            Rect { y1: upper, ..rect },
            Rect { y0: lower, ..rect },
            Rect { x0, x1: left, y0: upper, y1: lower },
            Rect { x0: right, x1, y0: upper, y1: lower },
        ] {
            self.fill(side, color, u8::MAX);
        }
    }

    /// Class and confidence on a plate at each box; titles first. The surest choose their places first and are drawn last.
    fn labels(&mut self, boxes: &[&Labelled], titles: &[&Labelled]) {
        let mut plates = self.titles(titles);
        for labelled in boxes.iter().rev() {
            let Some(rect) = self.bounds(labelled.edges) else { continue };
            let text = self.label_text(labelled);
            if !text.is_empty() {
                let place = self.place(rect, self.plate_width(&text), &plates);
                plates.push((place, text, self.style.color(labelled)));
            }
        }
        for (place, text, color) in plates.into_iter().rev() {
            self.plate(&text, (place.x0, place.y0), color, u8::MAX);
        }
    }

    /// Above the box, or inside it where the frame ends above; elsewhere at the box if another label is there.
    fn place(&self, rect: Rect, width: usize, taken: &[(Rect, String, Rgb)]) -> Rect {
        let height = self.plate_height();
        let x = rect.x0.min(even(self.width.saturating_sub(width)));
        let at = |y: usize| Rect { x0: x, y0: y, x1: x + width, y1: y + height };
        let above = rect.y0.checked_sub(height).unwrap_or(rect.y0).max(self.free_from(x));
        let inside = rect.y0.max(self.free_from(x));
        let places = [above, inside, even(rect.y1), even(rect.y1.saturating_sub(height))].map(at);
        let is_free = |place: &Rect| {
            let others = taken.iter().take(MOST_OTHERS);
            place.y1 <= self.height && !others.into_iter().any(|(other, ..)| other.overlaps(place))
        };
        places.into_iter().find(is_free).unwrap_or(places[0])
    }

    /// As much of a text as one line has room for, beside `reserved` other characters.
    fn clipped(&self, text: &str, reserved: usize) -> String {
        let room = self.room().saturating_sub(reserved);
        if text.chars().count() <= room {
            return text.to_owned();
        }
        let kept = text.chars().take(room.saturating_sub(2));
        kept.chain("..".chars()).collect()
    }

    /// Characters of a line.
    fn room(&self) -> usize {
        self.width.saturating_sub(2 * self.padding().0) / text::char_width(self.font).max(1)
    }

    /// The first line at `x` that the banner does not cover.
    fn free_from(&self, x: usize) -> usize {
        if x < self.banner_width { self.plate_height() } else { 0 }
    }

    fn badge(&mut self, badge: &Badge) {
        let text = self.clipped(&text::drawable(&badge.text), 0);
        let x = even(self.width.saturating_sub(self.plate_width(&text)));
        self.plate(&text, (x, 0), badge.color, u8::MAX);
    }

    fn plate(&mut self, text: &str, (x, y): (usize, usize), ground: Rgb, alpha: u8) {
        let (pad_x, pad_y) = self.padding();
        let (right, bottom) = (x + self.plate_width(text), y + self.plate_height());
        let has_room = self.width >= text::char_width(self.font) + 2 * pad_x && self.has_room_for_text();
        if text.is_empty() || !has_room {
            return;
        }
        self.fill(
            Rect { x0: x, y0: y, x1: right.min(self.width), y1: bottom.min(self.height) },
            ground,
            alpha,
        );
        let (mask, color) = (self.texts.mask(text, self.font), color::text_color_on(ground));
        self.strokes.push(Stroke::Text { x: x + pad_x, y: y + pad_y, mask, color });
    }
}

fn even(value: usize) -> usize {
    value & !1
}

/// A pixel edge inside `0..=limit`; NaN is 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
fn pixel(value: f32, limit: usize) -> usize {
    (value as usize).min(limit)
}

#[cfg(test)]
mod tests;
