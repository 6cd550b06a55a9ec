//! The properties: names, defaults, bounds. `Settings::default()` feeds the ParamSpecs.

use std::time::Duration;

use edgevision_wasm_host::job::Limits;
use gst::{glib, prelude::*};

use crate::glue::{nanoseconds, read, text};

/// What goes on in place of a frame on which the module failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "EdgevisionModuleOnError")]
pub enum OnError {
    /// A black frame.
    #[default]
    #[enum_value(name = "A black frame: a mask that fails does not let the picture through", nick = "blank")]
    Blank,
    /// Nothing.
    #[enum_value(name = "Nothing: the frame is dropped", nick = "drop")]
    Drop,
    /// The frame as it came in.
    #[enum_value(name = "The frame as it came in, unfiltered", nick = "pass")]
    Pass,
}

/// The values of all properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub module: String,
    pub params: String,
    pub camera: String,
    pub deadline_ns: u64,
    pub memory_limit: u64,
    pub on_error: OnError,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            module: String::new(),
            params: String::new(),
            camera: String::new(),
            deadline_ns: nanoseconds(limits.deadline),
            memory_limit: limits.memory_bytes as u64,
            on_error: OnError::Blank,
        }
    }
}

const SHORTEST_DEADLINE_NS: u64 = 1_000_000;
const LONGEST_DEADLINE_NS: u64 = 3_600_000_000_000;
const LEAST_MEMORY: u64 = 64 << 10;
const MOST_MEMORY: u64 = 4 << 30;

impl Settings {
    /// Longest the module may work on a frame.
    pub fn deadline(&self) -> Duration {
        Duration::from_nanos(self.deadline_ns)
    }

    /// True when a module that was started with `other` serves these settings, too.
    pub fn need_the_same_module_as(&self, other: &Self) -> bool {
        *self == Self { on_error: self.on_error, ..other.clone() }
    }

    /// Sets one property; the value has passed its ParamSpec.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "module" => self.module = text(value),
            "params" => self.params = text(value),
            "camera" => self.camera = text(value),
            "deadline" => read(value, &mut self.deadline_ns),
            "memory-limit" => read(value, &mut self.memory_limit),
            "on-error" => read(value, &mut self.on_error),
            _ => (),
        }
    }

    /// Reads one property; none for names that are not settings.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "module" => self.module.to_value(),
            "params" => self.params.to_value(),
            "camera" => self.camera.to_value(),
            "deadline" => self.deadline_ns.to_value(),
            "memory-limit" => self.memory_limit.to_value(),
            "on-error" => self.on_error.to_value(),
            _ => return None,
        })
    }
}

/// The ParamSpecs of all settings and of `stats`.
pub fn param_specs() -> Vec<glib::ParamSpec> {
    let d = Settings::default();
    vec![
        string("module", "Module", "Name or path of a WebAssembly module that exports `filter`; must be set", &d.module),
        string("params", "Parameters", "Parameters of the module, a JSON object; none if empty", &d.params),
        string("camera", "Camera", "Name of the camera in the module's log lines; the element's name if empty", &d.camera),
        glib::ParamSpecUInt64::builder("deadline")
            .nick("Deadline")
            .blurb("Longest the module may work on a frame, in nanoseconds; after that the frame has failed")
            .minimum(SHORTEST_DEADLINE_NS)
            .maximum(LONGEST_DEADLINE_NS)
            .default_value(d.deadline_ns)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder("memory-limit")
            .nick("Memory limit")
            .blurb("Most memory of the module, in bytes; frames are not counted")
            .minimum(LEAST_MEMORY)
            .maximum(MOST_MEMORY)
            .default_value(d.memory_limit)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default::<OnError>("on-error", d.on_error)
            .nick("On error")
            .blurb("What goes on in place of a frame on which the module failed")
            .mutable_playing()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Counters since the element was started: frames by fate (filtered, timeout, trapped) and by way \
                (in-place, mapped, copied), bytes that the host copied, time in the module in nanoseconds")
            .read_only()
            .build(),
    ]
}

fn string(name: &str, nick: &str, blurb: &str, default: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(Some(default))
        .mutable_playing()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_the_default_of_the_settings_and_can_be_set() {
        gst::init().unwrap();
        let defaults = Settings::default();
        for spec in param_specs().into_iter().filter(|spec| spec.name() != "stats") {
            let name = spec.name();
            let value = defaults.get(name).unwrap_or_else(|| panic!("{name} cannot be read"));
            assert_eq!(format!("{value:?}"), format!("{:?}", spec.default_value()), "{name}");
            let mut changed = defaults.clone();
            changed.set(name, &other(&value));
            assert_ne!(changed, defaults, "{name} cannot be set");
            assert_eq!(changed.need_the_same_module_as(&defaults), name == "on-error", "{name}");
        }
    }

    fn other(value: &glib::Value) -> glib::Value {
        match (value.get::<u64>(), value.get::<OnError>()) {
            (Ok(number), _) => (number + 1).to_value(),
            (_, Ok(_)) => OnError::Pass.to_value(),
            _ => "other".to_value(),
        }
    }
}
