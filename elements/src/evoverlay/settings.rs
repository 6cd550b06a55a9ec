//! Properties of `evoverlay`: one place for every default.

use std::time::Duration;

use gst::{glib, prelude::*};

use super::style::Style;

/// What the user can set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) camera_name: String,
    pub(super) show_time: bool,
    pub(super) notice: String,
    pub(super) hold: Duration,
    pub(super) style: Style,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            camera_name: String::new(),
            show_time: true,
            notice: String::new(),
            hold: Duration::from_millis(500),
            style: Style::default(),
        }
    }
}

impl Settings {
    /// Sets a property; false when there is none of that name. GObject has checked type and range.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        let text = || value.get::<Option<String>>().ok().flatten().unwrap_or_default();
        let flag = || value.get().unwrap_or_default();
        let number = || value.get().unwrap_or_default();
        match name {
            "camera-name" => self.camera_name = text(),
            "show-time" => self.show_time = flag(),
            "notice" => self.notice = text(),
            "hold" => self.hold = Duration::from_nanos(value.get().unwrap_or_default()),
            "line-width" => self.style.line_width = number(),
            "text-size" => self.style.text_size = number(),
            "show-labels" => self.style.show_labels = flag(),
            "show-confidence" => self.style.show_confidence = flag(),
            _ => return false,
        }
        true
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "camera-name" => self.camera_name.to_value(),
            "show-time" => self.show_time.to_value(),
            "notice" => self.notice.to_value(),
            "hold" => u64::try_from(self.hold.as_nanos()).unwrap_or(u64::MAX).to_value(),
            "line-width" => self.style.line_width.to_value(),
            "text-size" => self.style.text_size.to_value(),
            "show-labels" => self.style.show_labels.to_value(),
            "show-confidence" => self.style.show_confidence.to_value(),
            _ => return None,
        })
    }
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    let hold = u64::try_from(defaults.hold.as_nanos()).unwrap_or(u64::MAX);
    vec![
        text("camera-name", "Camera name", "Shown with the time at the top left; empty shows neither"),
        flag("show-time", "Show the time", "Time of day in UTC beside the camera name", defaults.show_time),
        text("notice", "Notice", "Shown at the top right in place of the frame's state"),
        glib::ParamSpecUInt64::builder("hold")
            .nick("Hold boxes")
            .blurb("How long boxes stay on frames that were not analysed, in nanoseconds")
            .default_value(hold)
            .mutable_playing()
            .build(),
        size(
            "line-width",
            "Line width",
            "Below 1 a fraction of the frame's height, from 1 on pixels; drawn even and at least 2 pixels wide",
            (defaults.style.line_width, 64.0),
        ),
        size(
            "text-size",
            "Text size",
            "Fraction of the frame's height; drawn at least 16 pixels high",
            (defaults.style.text_size, 0.5),
        ),
        flag("show-labels", "Show labels", "Name the class on each box", defaults.style.show_labels),
        flag("show-confidence", "Show confidence", "Percentage on each box", defaults.style.show_confidence),
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

fn size(name: &str, nick: &str, blurb: &str, (default, maximum): (f64, f64)) -> glib::ParamSpec {
    glib::ParamSpecDouble::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(0.0)
        .maximum(maximum)
        .default_value(default)
        .mutable_playing()
        .build()
}
