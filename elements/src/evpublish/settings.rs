//! The properties: names, defaults, bounds. `Settings::default()` feeds the ParamSpecs.

use gst::{glib, prelude::*};

use crate::{
    glue::text,
    publish::{self, Rotation},
};

/// The values of all properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub location: String,
    pub rotation: Rotation,
    pub skipped: bool,
    pub post_messages: bool,
    pub emit_signals: bool,
    pub camera: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: publish::STDOUT.to_owned(),
            rotation: Rotation::default(),
            skipped: false,
            post_messages: false,
            emit_signals: true,
            camera: String::new(),
        }
    }
}

impl Settings {
    /// Sets one property; the value has passed its ParamSpec. False for a name that is none.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "location" => self.location = text(value),
            "max-size" => self.rotation.max_size = value.get().unwrap_or_default(),
            "max-files" => self.rotation.max_files = value.get().unwrap_or_default(),
            "skipped" => self.skipped = value.get().unwrap_or_default(),
            "post-messages" => self.post_messages = value.get().unwrap_or_default(),
            "emit-signals" => self.emit_signals = value.get().unwrap_or_default(),
            "camera" => self.camera = text(value),
            _ => return false,
        }
        true
    }

    /// The value of one property, or `None` for a name that is none.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "location" => self.location.to_value(),
            "max-size" => self.rotation.max_size.to_value(),
            "max-files" => self.rotation.max_files.to_value(),
            "skipped" => self.skipped.to_value(),
            "post-messages" => self.post_messages.to_value(),
            "emit-signals" => self.emit_signals.to_value(),
            "camera" => self.camera.to_value(),
            _ => return None,
        })
    }
}

/// The properties of the element, `stats` included.
pub fn param_specs() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    places(&defaults).into_iter().chain(contents(&defaults)).collect()
}

/// Where records go.
fn places(defaults: &Settings) -> [glib::ParamSpec; 5] {
    [
        glib::ParamSpecString::builder("location")
            .nick("Location")
            .blurb(
                "File for the records, one JSON object a line; - is standard output, empty writes none. Elements \
                 with the same location share the file",
            )
            .default_value(Some(defaults.location.as_str()))
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt64::builder("max-size")
            .nick("Most bytes of a file")
            .blurb("Begin a new file before this many bytes are passed; 0 never does")
            .default_value(defaults.rotation.max_size)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("max-files")
            .nick("Old files kept")
            .blurb("Old files kept beside the present one (name.1.jsonl is the newest)")
            .default_value(defaults.rotation.max_files)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("post-messages")
            .nick("Post messages")
            .blurb("Post each record on the bus, as an element message with the structure edgevision-detections")
            .default_value(defaults.post_messages)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("emit-signals")
            .nick("Emit signals")
            .blurb("Emit new-detections for each record; costs nothing while nobody is connected")
            .default_value(defaults.emit_signals)
            .mutable_playing()
            .build(),
    ]
}

/// What is in them.
fn contents(defaults: &Settings) -> [glib::ParamSpec; 3] {
    [
        glib::ParamSpecBoolean::builder("skipped")
            .nick("Records of skipped frames")
            .blurb("A record for frames that were passed on without analysis, too")
            .default_value(defaults.skipped)
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("camera")
            .nick("Camera")
            .blurb(
                "Name in the records of detections that are not evdetect's, which names its own; the element's name \
                 if empty",
            )
            .default_value(Some(defaults.camera.as_str()))
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb(
                "Counters: records made since the start; lines written and lost at this location by all its \
                 writers",
            )
            .read_only()
            .build(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_can_be_set_and_read_back() {
        gst::init().unwrap();
        let mut settings = Settings::default();
        for spec in param_specs().iter().filter(|spec| spec.name() != "stats") {
            let value = settings.get(spec.name()).unwrap();
            let text = |value: &glib::Value| value.transform::<String>().unwrap().get::<String>().unwrap();
            assert_eq!(text(&value), text(spec.default_value()), "{} has one default", spec.name());
            assert!(settings.set(spec.name(), &value), "{}", spec.name());
        }
        assert_eq!(settings, Settings::default());
        assert!(!settings.set("none", &true.to_value()) && settings.get("none").is_none());
    }

    #[test]
    fn null_is_empty() {
        let mut settings = Settings::default();
        settings.set("location", &None::<String>.to_value());
        assert_eq!(settings.location, "");
    }
}
