//! What the label of an object says, and labels of the whole frame.

use super::{Canvas, ROUNDING, even};
use crate::evoverlay::{
    color::Rgb,
    scene::{Labelled, Rect},
    text,
};

impl Canvas<'_> {
    /// True when the object is the whole frame (that is how classifiers of frames report): its label is a title, and there
    /// is nothing to draw a box around.
    pub(super) fn is_title(&self, labelled: &Labelled) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "frames are far below 2^24 pixels wide")]
        let (width, height) = (self.width as f32, self.height as f32);
        let [x0, y0, x1, y1] = labelled.edges;
        let begins = x0 <= ROUNDING && y0 <= ROUNDING;
        let ends = x1 >= width - ROUNDING && y1 >= height - ROUNDING;
        begins && ends && self.has_room_for_text() && !self.label_text(labelled).is_empty()
    }

    /// One line for each, the surest first, from the upper left corner or the banner down, as far as there is room.
    pub(super) fn titles(&self, titles: &[&Labelled]) -> Vec<(Rect, String, Rgb)> {
        let height = self.plate_height();
        let first = self.free_from(0);
        let plate = |(line, labelled): (usize, &&Labelled)| {
            let text = self.label_text(labelled);
            let y0 = first + line * height;
            let place = Rect { x0: 0, y0, x1: even(self.plate_width(&text)), y1: y0 + height };
            (place, text, self.style.color(labelled))
        };
        let plates = titles.iter().rev().enumerate().map(plate);
        plates.take_while(|(place, ..)| place.y1 <= self.height).collect()
    }

    /// Class, confidence and attributes. A name that is too long for the frame is cut, so that the confidence stays
    /// readable; attributes that have no room are left out.
    pub(super) fn label_text(&self, labelled: &Labelled) -> String {
        let percent = self.percent(labelled.confidence);
        let name = if self.style.show_labels { labelled.label.trim() } else { "" };
        let mut text = match (name, percent.as_str()) {
            (name, "") => self.clipped(&text::drawable(name), 0),
            ("", percent) => percent.to_owned(),
            (name, percent) => {
                format!("{} {percent}", self.clipped(&text::drawable(name), percent.len() + 1))
            }
        };
        if self.style.show_labels {
            self.append_attributes(labelled, &mut text);
        }
        text
    }

    fn append_attributes(&self, labelled: &Labelled, text: &mut String) {
        for attribute in labelled.extras.iter().flat_map(|extras| &extras.attributes) {
            let percent = self.percent(attribute.confidence);
            let space = if percent.is_empty() { "" } else { " " };
            let more = format!(", {}{space}{percent}", text::drawable(&attribute.label));
            if text.chars().count() + more.chars().count() > self.room() {
                return;
            }
            text.push_str(&more);
        }
    }

    fn percent(&self, confidence: Option<f32>) -> String {
        let confidence = confidence.filter(|value| self.style.show_confidence && value.is_finite());
        confidence.map_or_else(String::new, |value| format!("{:.0}%", value * 100.0))
    }
}
