//! Lays a scene out as rectangles and text in the frame's pixels. Pure.

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
    for labelled in &scene.boxes {
        canvas.outline(labelled);
    }
    // Labels last: no line crosses a text.
    canvas.labels(&scene.boxes);
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

    /// Class and confidence on a plate at each box. The surest choose their places first and are drawn last.
    fn labels(&mut self, boxes: &[Labelled]) {
        let mut plates = Vec::new();
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

    /// A label that is too long for the frame is cut, so that the confidence stays readable.
    fn label_text(&self, labelled: &Labelled) -> String {
        let confidence = labelled.confidence.filter(|value| self.style.show_confidence && value.is_finite());
        let percent = confidence.map_or_else(String::new, |value| format!("{:.0}%", value * 100.0));
        let name = if self.style.show_labels { labelled.label.trim() } else { "" };
        match (name, percent.as_str()) {
            (name, "") => self.clipped(&text::drawable(name), 0),
            ("", percent) => percent.to_owned(),
            (name, percent) => {
                format!("{} {percent}", self.clipped(&text::drawable(name), percent.len() + 1))
            }
        }
    }

    /// As much of a text as one line has room for, beside `reserved` other characters.
    fn clipped(&self, text: &str, reserved: usize) -> String {
        let room = (self.width.saturating_sub(2 * self.padding().0) / text::char_width(self.font).max(1))
            .saturating_sub(reserved);
        if text.chars().count() <= room {
            return text.to_owned();
        }
        let kept = text.chars().take(room.saturating_sub(2));
        kept.chain("..".chars()).collect()
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
mod tests {
    use super::*;

    fn labelled(edges: [f32; 4]) -> Labelled {
        let label = "part".to_owned();
        Labelled { edges, class_id: 1, label, confidence: Some(0.876), ..Labelled::default() }
    }

    const fn extent(width: usize, height: usize) -> Extent {
        Extent { width, height, is_interlaced: false }
    }

    fn strokes(scene: &Scene, style: &Style, extent: Extent) -> Vec<Stroke> {
        layout(scene, style, extent, &mut Texts::default())
    }

    fn rects(strokes: &[Stroke]) -> Vec<Rect> {
        let rects = strokes.iter().filter_map(|stroke| match stroke {
            Stroke::Fill { rect, .. } | Stroke::Hide { rect, .. } => Some(*rect),
            Stroke::Text { .. } => None,
        });
        rects.collect()
    }

    fn boxes(edges: [f32; 4], width: usize, height: usize) -> Vec<Rect> {
        let scene = Scene { boxes: vec![labelled(edges)], ..Scene::default() };
        rects(&strokes(&scene, &Style::default(), extent(width, height)))
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
    fn labels_make_room_for_surer_ones() {
        let edges = [[100.0, 100.0, 200.0, 180.0], [104.0, 104.0, 204.0, 184.0], [96.0, 98.0, 200.0, 180.0]];
        let scene = Scene { boxes: edges.map(labelled).to_vec(), ..Scene::default() };
        let plates = rects(&strokes(&scene, &Style::default(), extent(640, 360)))[12..].to_vec();
        assert_eq!((plates[2].x0, plates[2].y1), (96, 98), "the surest is drawn last, in the usual place");
        for (n, plate) in plates.iter().enumerate() {
            assert!(!plates[n + 1..].iter().any(|other| other.overlaps(plate)), "{plates:?}");
        }
    }

    #[test]
    fn the_banner_and_a_label_do_not_share_a_place() {
        let scene = |banner: Option<&str>| Scene {
            boxes: vec![labelled([4.0, 2.0, 200.0, 100.0])],
            banner: banner.map(str::to_owned),
            ..Scene::default()
        };
        let drawn = |scene: &Scene| rects(&strokes(scene, &Style::default(), extent(640, 360)));
        assert_eq!(drawn(&scene(None))[4].y0, 2);
        let (moved, banner) = (drawn(&scene(Some("line3")))[4], drawn(&scene(Some("line3")))[5]);
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

    fn text_of(labelled: &Labelled, style: &Style, width: usize) -> String {
        Canvas::new(style, extent(width, 360), &mut Texts::default()).label_text(labelled)
    }

    #[test]
    fn label_texts() {
        let style = |show_labels, show_confidence| Style { show_labels, show_confidence, ..Style::default() };
        let one = labelled([0.0; 4]);
        assert_eq!(text_of(&one, &style(true, true), 640), "part 88%");
        assert_eq!(text_of(&one, &style(true, false), 640), "part");
        assert_eq!(text_of(&one, &style(false, true), 640), "88%");
        assert_eq!(text_of(&one, &style(false, false), 640), "");
        let unsure = Labelled { confidence: Some(f32::NAN), ..one };
        assert_eq!(text_of(&unsure, &style(true, true), 640), "part");
    }

    #[test]
    fn long_labels_are_cut_but_their_confidence_is_not() {
        let long = Labelled { label: "Flasche für Öl ".repeat(20), ..labelled([0.0; 4]) };
        let text = text_of(&long, &Style::default(), 160);
        assert!(text.starts_with("Flasche") && text.ends_with(".. 88%"), "{text}");
        let scene =
            Scene { boxes: vec![Labelled { edges: [20.0, 90.0, 60.0, 120.0], ..long }], ..Scene::default() };
        for stroke in strokes(&scene, &Style::default(), extent(160, 360)) {
            let Stroke::Text { x, mask, .. } = stroke else { continue };
            assert!(x + mask.width <= 160, "{x} {}", mask.width);
        }
    }

    const EFFECTS: [Effect; 3] = [Effect::Blur, Effect::Pixelate, Effect::Fill];

    fn hidden(edges: [f32; 4], style: &Style, extent: Extent) -> Vec<Rect> {
        rects(&strokes(&Scene { hidden: vec![edges], ..Scene::default() }, style, extent))
    }

    #[test]
    fn effects_cover_whole_objects_outward() {
        for effect in EFFECTS {
            let style = Style { effect, ..Style::default() };
            let edges = [101.2, 51.0, 198.9, 99.0];
            let covered = Rect { x0: 100, y0: 50, x1: 200, y1: 100 };
            assert_eq!(hidden(edges, &style, extent(640, 360)), [covered]);
            let interlaced = Extent { is_interlaced: true, ..extent(640, 360) };
            assert_eq!(hidden(edges, &style, interlaced), [Rect { y0: 48, ..covered }]);
            let nonsense = hidden([f32::NAN, 0.0, f32::INFINITY, f32::NAN], &style, extent(17, 13));
            assert_eq!(nonsense, [Rect { x0: 0, y0: 0, x1: 17, y1: 13 }]);
            let beyond = hidden([-9.0, -9.0, 1e9, 1e9], &style, extent(17, 13));
            assert_eq!(beyond, [Rect { x0: 0, y0: 0, x1: 17, y1: 13 }]);
            let wider = Style { margin: 0.5, ..style };
            let expected = Rect { x0: 50, y0: 24, x1: 250, y1: 126 };
            assert_eq!(hidden([100.5, 50.5, 199.5, 99.5], &wider, extent(640, 360)), [expected]);
        }
    }

    #[test]
    fn effects_come_before_anything_else_and_can_cover_all() {
        let style = Style { effect: Effect::Blur, ..Style::default() };
        let scene = Scene {
            hidden: vec![[0.0, 0.0, 99.0, 99.0]],
            boxes: vec![labelled([10.0, 10.0, 50.0, 50.0])],
            ..Scene::default()
        };
        assert!(matches!(strokes(&scene, &style, extent(640, 360))[0], Stroke::Hide { .. }));
        let all = Scene { hides_all: true, ..Scene::default() };
        let rect = Rect { x0: 0, y0: 0, x1: 640, y1: 360 };
        let expected = [Stroke::Hide { rect, cells: (11, 6), smooth: true }];
        assert_eq!(strokes(&all, &style, extent(640, 360)), expected);
    }

    #[test]
    fn hidden_objects_keep_no_more_than_a_few_cells() {
        let cells = |edges, blocks| {
            let style = Style { effect: Effect::Pixelate, blocks, ..Style::default() };
            let scene = Scene { hidden: vec![edges], ..Scene::default() };
            match strokes(&scene, &style, extent(3840, 2160))[..] {
                [Stroke::Hide { cells, .. }] => cells,
                ref other => panic!("{other:?}"),
            }
        };
        assert_eq!(cells([0.0, 0.0, 1199.0, 2159.0], 6), (6, 11));
        assert_eq!(cells([100.5, 100.5, 115.5, 131.5], 6), (2, 4), "never below 8 pixels");
        assert_eq!(cells([0.0, 0.0, 1199.0, 1199.0], 0), (1, 1));
    }
}
