//! Properties of `evoverlay`: one place for every default.

use std::time::Duration;

use gst::{glib, prelude::*};

use super::{
    annotate::Choice,
    color::Rgb,
    labels::LabelFilter,
    style::{ColorBy, Effect, Style},
};
use crate::glue::{self, nanoseconds};

/// What the user can set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) camera_name: String,
    pub(super) show_time: bool,
    pub(super) show_status: bool,
    pub(super) notice: String,
    pub(super) hold: Duration,
    pub(super) style: Style,
    pub(super) choice: Choice,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            camera_name: String::new(),
            show_time: true,
            show_status: true,
            notice: String::new(),
            hold: Duration::from_millis(500),
            style: Style::default(),
            choice: Choice::default(),
        }
    }
}

impl Settings {
    /// Sets a property; false when there is none of that name. GObject has checked type and range.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        let text = || glue::text(value);
        let labels = || LabelFilter::parse(&text());
        let flag = || value.get().unwrap_or_default();
        let number = || value.get().unwrap_or_default();
        let color = || Rgb::from_number(value.get().unwrap_or_default());
        let (style, choice) = (&mut self.style, &mut self.choice);
        match name {
            "camera-name" => self.camera_name = text(),
            "show-time" => self.show_time = flag(),
            "show-status" => self.show_status = flag(),
            "notice" => self.notice = text(),
            "hold" => self.hold = Duration::from_nanos(value.get().unwrap_or_default()),
            "line-width" => style.line_width = number(),
            "text-size" => style.text_size = number(),
            "show-labels" => style.show_labels = flag(),
            "show-confidence" => style.show_confidence = flag(),
            "color-by" => style.color_by = value.get().unwrap_or_default(),
            "color" => style.color = color(),
            "labels" => choice.labels = labels(),
            "min-confidence" => choice.min_confidence = number(),
            "effect" => {
                style.effect = value.get().unwrap_or_default();
                choice.effect = style.effect;
            }
            "effect-labels" => choice.effect_labels = labels(),
            "effect-margin" => style.margin = number(),
            "effect-blocks" => style.blocks = value.get().unwrap_or_default(),
            "fill-color" => style.fill_color = color(),
            "cover-unanalysed" => choice.cover_unanalysed = flag(),
            _ => return false,
        }
        true
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        let (style, choice) = (&self.style, &self.choice);
        Some(match name {
            "camera-name" => self.camera_name.to_value(),
            "show-time" => self.show_time.to_value(),
            "show-status" => self.show_status.to_value(),
            "notice" => self.notice.to_value(),
            "hold" => nanoseconds(self.hold).to_value(),
            "line-width" => style.line_width.to_value(),
            "text-size" => style.text_size.to_value(),
            "show-labels" => style.show_labels.to_value(),
            "show-confidence" => style.show_confidence.to_value(),
            "color-by" => style.color_by.to_value(),
            "color" => style.color.to_number().to_value(),
            "labels" => choice.labels.as_str().to_value(),
            "min-confidence" => choice.min_confidence.to_value(),
            "effect" => style.effect.to_value(),
            "effect-labels" => choice.effect_labels.as_str().to_value(),
            "effect-margin" => style.margin.to_value(),
            "effect-blocks" => style.blocks.to_value(),
            "fill-color" => style.fill_color.to_number().to_value(),
            "cover-unanalysed" => choice.cover_unanalysed.to_value(),
            _ => return None,
        })
    }
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    [frame_properties(&defaults), box_properties(&defaults.style), effect_properties(&defaults.style)]
        .concat()
}

fn frame_properties(d: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        text("camera-name", "Camera name", "Shown with the time at the top left; empty shows neither"),
        flag("show-time", "Show the time", "Time of day in UTC beside the camera name", d.show_time),
        flag(
            "show-status",
            "Show the status",
            "At the top right, that a frame was not analysed or that its analysis failed",
            d.show_status,
        ),
        text("notice", "Notice", "Shown at the top right in place of the status"),
        glib::ParamSpecUInt64::builder("hold")
            .nick("Hold")
            .blurb(
                "How long, in nanoseconds, objects of the last analysed frame count on frames that were not \
                 analysed: their boxes stay when a frame was skipped, effects that hide them stay when its \
                 analysis failed, too",
            )
            .default_value(nanoseconds(d.hold))
            .mutable_playing()
            .build(),
    ]
}

fn box_properties(d: &Style) -> Vec<glib::ParamSpec> {
    vec![
        number(
            "line-width",
            "Line width",
            "Below 1 a share of the frame's height, from 1 on pixels; drawn even and at least 2 pixels wide",
            (d.line_width, 64.0),
        ),
        number(
            "text-size",
            "Text size",
            "Below 1 a share of the frame's height, from 1 on pixels; drawn at least 16 pixels high",
            (d.text_size, 128.0),
        ),
        flag("show-labels", "Show labels", "Name the class on each box", d.show_labels),
        flag("show-confidence", "Show confidence", "Percentage on each box", d.show_confidence),
        glib::ParamSpecEnum::builder_with_default::<ColorBy>("color-by", d.color_by)
            .nick("Color by")
            .blurb("What gives a box its colour; the colour of a class or track is always the same")
            .mutable_playing()
            .build(),
        color("color", "Color", "Of all boxes when color-by is one", d.color),
        text(
            "labels",
            "Labels",
            "Classes that get a box, separated by commas or line feeds; a minus before one leaves it out \
             (\"-person\" means all but persons); empty means all",
        ),
        share("min-confidence", "Least confidence", "Of objects that get a box, as a share of 1", 0.0),
    ]
}

fn effect_properties(d: &Style) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecEnum::builder_with_default::<Effect>("effect", d.effect)
            .nick("Effect")
            .blurb("What is done to objects of the classes in effect-labels; other classes get a box")
            .mutable_playing()
            .build(),
        text(
            "effect-labels",
            "Effect labels",
            "Classes that the effect is meant for, written as in labels; empty means all. Neither labels nor \
             min-confidence takes an object out of an effect that hides it",
        ),
        share(
            "effect-margin",
            "Effect margin",
            "How far blur, pixelate and fill reach beyond each edge of a box, as a share of its width or height",
            d.margin,
        ),
        glib::ParamSpecUInt::builder("effect-blocks")
            .nick("Effect blocks")
            .blurb(
                "Squares of pixelate, and detail of blur, across the shorter side of a box: fewer hide more. A \
                 square is at least 8 pixels wide",
            )
            .minimum(1)
            .maximum(64)
            .default_value(d.blocks)
            .mutable_playing()
            .build(),
        color("fill-color", "Fill color", "Of objects that the effect fill covers", d.fill_color),
        flag(
            "cover-unanalysed",
            "Cover unanalysed frames",
            "Apply blur, pixelate or fill to the whole frame while nothing is known of it: its analysis was \
             skipped or failed, and no analysed frame is more recent than hold",
            false,
        ),
    ]
}

fn text(name: &str, nick: &str, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(Some(""))
        .mutable_playing()
        .build()
}

fn flag(name: &str, nick: &str, blurb: &str, default: bool) -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(default)
        .mutable_playing()
        .build()
}

fn share(name: &str, nick: &str, blurb: &str, default: f64) -> glib::ParamSpec {
    number(name, nick, blurb, (default, 1.0))
}

fn number(name: &str, nick: &str, blurb: &str, (default, maximum): (f64, f64)) -> glib::ParamSpec {
    glib::ParamSpecDouble::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(0.0)
        .maximum(maximum)
        .default_value(default)
        .mutable_playing()
        .build()
}

fn color(name: &str, nick: &str, blurb: &str, default: Rgb) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .nick(nick)
        .blurb(&format!("{blurb}: 0xRRGGBB, or 0xAARRGGBB of which the alpha is ignored"))
        .default_value(default.to_number())
        .mutable_playing()
        .build()
}
