//! The properties: names, defaults, bounds. `Settings::default()` feeds the ParamSpecs.

use std::time::Duration;

use edgevision_wasm_host::{job::Limits, pool::QuarantineRules};
use gst::{glib, prelude::*};

/// What happens to frames that come faster than they can be analysed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "EdgevisionDetectPolicy")]
pub enum Policy {
    /// `newest` for live sources, `every` for others.
    #[default]
    #[enum_value(name = "Newest for live sources, every for others", nick = "auto")]
    Auto,
    /// The newest frame takes the place of one that waits; that one goes on un-analysed.
    #[enum_value(name = "The newest frame is analysed, older ones pass", nick = "newest")]
    Newest,
    /// Every frame is analysed; upstream waits.
    #[enum_value(name = "Every frame is analysed, upstream waits", nick = "every")]
    Every,
}

/// The values of all properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub camera: String,
    pub preprocess: String,
    pub detector: String,
    pub preprocess_params: String,
    pub detector_params: String,
    pub model: String,
    pub engine: String,
    pub model_threads: u32,
    pub labels: String,
    pub label_list: String,
    pub threshold: f64,
    pub class_thresholds: String,
    pub interval: u32,
    pub workers: u32,
    pub deadline_ns: u64,
    pub memory_limit: u64,
    pub max_detections: u32,
    pub max_failures: u32,
    pub policy: Policy,
    pub queue_size: u32,
    pub alias_memory: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            camera: String::new(),
            preprocess: String::new(),
            detector: String::new(),
            preprocess_params: String::new(),
            detector_params: String::new(),
            model: String::new(),
            engine: "auto".into(),
            model_threads: 1,
            labels: String::new(),
            label_list: String::new(),
            threshold: 0.25,
            class_thresholds: String::new(),
            interval: 1,
            workers: 0,
            deadline_ns: u64::try_from(limits.deadline.as_nanos()).unwrap_or(u64::MAX),
            memory_limit: limits.memory_bytes as u64,
            max_detections: u32::try_from(limits.detections).unwrap_or(u32::MAX),
            max_failures: QuarantineRules::default().max_failures,
            policy: Policy::Auto,
            queue_size: 2,
            alias_memory: true,
        }
    }
}

const MOST_WORKERS: u32 = 256;
const MOST_WAITING: u32 = 1024;
const MOST_FAILURES: u32 = 1_000_000;
const SHORTEST_DEADLINE_NS: u64 = 1_000_000;
const LONGEST_DEADLINE_NS: u64 = 3_600_000_000_000;
const LEAST_MEMORY: u64 = 64 << 10;
const MOST_MEMORY: u64 = 4 << 30;

impl Settings {
    /// Longest a module may work on a frame.
    pub fn deadline(&self) -> Duration {
        Duration::from_nanos(self.deadline_ns)
    }

    /// Sets one property; the value has passed its ParamSpec.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "camera" => self.camera = text(value),
            "preprocess" => self.preprocess = text(value),
            "detector" => self.detector = text(value),
            "preprocess-params" => self.preprocess_params = text(value),
            "detector-params" => self.detector_params = text(value),
            "model" => self.model = text(value),
            "engine" => self.engine = text(value),
            "model-threads" => read(value, &mut self.model_threads),
            "labels" => self.labels = text(value),
            "label-list" => self.label_list = text(value),
            "threshold" => read(value, &mut self.threshold),
            "class-thresholds" => self.class_thresholds = text(value),
            "interval" => read(value, &mut self.interval),
            "workers" => read(value, &mut self.workers),
            "deadline" => read(value, &mut self.deadline_ns),
            "memory-limit" => read(value, &mut self.memory_limit),
            "max-detections" => read(value, &mut self.max_detections),
            "max-failures" => read(value, &mut self.max_failures),
            "policy" => read(value, &mut self.policy),
            "queue-size" => read(value, &mut self.queue_size),
            "alias-memory" => read(value, &mut self.alias_memory),
            _ => (),
        }
    }

    /// Reads one property; none for names that are not settings.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "camera" => self.camera.to_value(),
            "preprocess" => self.preprocess.to_value(),
            "detector" => self.detector.to_value(),
            "preprocess-params" => self.preprocess_params.to_value(),
            "detector-params" => self.detector_params.to_value(),
            "model" => self.model.to_value(),
            "engine" => self.engine.to_value(),
            "model-threads" => self.model_threads.to_value(),
            "labels" => self.labels.to_value(),
            "label-list" => self.label_list.to_value(),
            "threshold" => self.threshold.to_value(),
            "class-thresholds" => self.class_thresholds.to_value(),
            "interval" => self.interval.to_value(),
            "workers" => self.workers.to_value(),
            "deadline" => self.deadline_ns.to_value(),
            "memory-limit" => self.memory_limit.to_value(),
            "max-detections" => self.max_detections.to_value(),
            "max-failures" => self.max_failures.to_value(),
            "policy" => self.policy.to_value(),
            "queue-size" => self.queue_size.to_value(),
            "alias-memory" => self.alias_memory.to_value(),
            _ => return None,
        })
    }
}

fn text(value: &glib::Value) -> String {
    value.get::<Option<String>>().ok().flatten().unwrap_or_default()
}

fn read<'v, T: glib::value::FromValue<'v>>(value: &'v glib::Value, into: &mut T) {
    if let Ok(value) = value.get() {
        *into = value;
    }
}

/// The ParamSpecs of all settings and of `stats`.
pub fn param_specs() -> Vec<glib::ParamSpec> {
    let d = Settings::default();
    let mut specs = text_specs(&d);
    specs.extend(number_specs(&d));
    specs.extend([
        switch(
            "alias-memory",
            "Let frames of decoders that keep them as reference pass without a copy",
            d.alias_memory,
        ),
        glib::ParamSpecEnum::builder_with_default::<Policy>("policy", d.policy)
            .nick("Policy")
            .blurb("What happens to frames that come faster than they can be analysed")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Counters since the element was started")
            .read_only()
            .build(),
    ]);
    specs
}

fn text_specs(d: &Settings) -> Vec<glib::ParamSpec> {
    [
        ("camera", "Name of the camera in reports; the element's name if empty", &d.camera),
        ("preprocess", "Path of the module that turns a frame into a tensor", &d.preprocess),
        (
            "detector",
            "Path of the module that turns a tensor into detections; if empty, `preprocess` does both",
            &d.detector,
        ),
        ("preprocess-params", "Parameters of the preprocess module, a JSON object", &d.preprocess_params),
        ("detector-params", "Parameters of the detector module, a JSON object", &d.detector_params),
        ("model", "Path of the model behind the modules' `infer`", &d.model),
        ("engine", "Inference engine that runs the model", &d.engine),
        ("labels", "Path of a text file with one class name a line", &d.labels),
        ("label-list", "Class names separated by line feeds, instead of `labels`", &d.label_list),
        ("class-thresholds", "Least confidence by label, a JSON object", &d.class_thresholds),
    ]
    .map(|(name, blurb, default)| {
        glib::ParamSpecString::builder(name)
            .nick(&nick(name))
            .blurb(blurb)
            .default_value(Some(default.as_str()))
            .mutable_ready()
            .build()
    })
    .into()
}

fn number_specs(d: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        uint("model-threads", "Threads inside one inference", d.model_threads, 1..=MOST_WORKERS),
        uint("interval", "Analyse every n-th frame", d.interval, 1..=u32::MAX),
        uint(
            "workers",
            "Workers of this element alone; 0 for the pool of the process",
            d.workers,
            0..=MOST_WORKERS,
        ),
        uint("max-detections", "Most detections in a frame", d.max_detections, 1..=1_000_000),
        uint(
            "max-failures",
            "Failures until the modules are quarantined; 0 for never",
            d.max_failures,
            0..=MOST_FAILURES,
        ),
        uint("queue-size", "Frames that may wait for a worker", d.queue_size, 1..=MOST_WAITING),
        uint64(
            "deadline",
            "Longest a module may work on a frame (nanoseconds)",
            d.deadline_ns,
            SHORTEST_DEADLINE_NS..=LONGEST_DEADLINE_NS,
        ),
        uint64("memory-limit", "Most memory of a module (bytes)", d.memory_limit, LEAST_MEMORY..=MOST_MEMORY),
        glib::ParamSpecDouble::builder("threshold")
            .nick("Threshold")
            .blurb("Least confidence of a detection")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(d.threshold)
            .mutable_ready()
            .build(),
    ]
}

/// `class-thresholds` is shown as `Class thresholds`.
fn nick(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).map(|letter| if letter == '-' { ' ' } else { letter }).collect()
}

fn uint(name: &str, blurb: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> glib::ParamSpec {
    let nick = nick(name);
    let spec = glib::ParamSpecUInt::builder(name).nick(&nick).blurb(blurb).default_value(default);
    spec.minimum(*range.start()).maximum(*range.end()).mutable_ready().build()
}

fn uint64(name: &str, blurb: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> glib::ParamSpec {
    let nick = nick(name);
    let spec = glib::ParamSpecUInt64::builder(name).nick(&nick).blurb(blurb).default_value(default);
    spec.minimum(*range.start()).maximum(*range.end()).mutable_ready().build()
}

fn switch(name: &str, blurb: &str, default: bool) -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(name)
        .nick(&nick(name))
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_the_default_of_the_settings_and_can_be_set() {
        gst::init().unwrap();
        let defaults = Settings::default();
        let settings = param_specs().into_iter().filter(|spec| spec.name() != "stats");
        for spec in settings {
            let name = spec.name();
            let value = defaults.get(name).unwrap_or_else(|| panic!("{name} cannot be read"));
            let default = spec.default_value();
            assert_eq!(format!("{value:?}"), format!("{default:?}"), "{name}");
            let mut changed = defaults.clone();
            changed.set(name, &other(&value));
            assert_ne!(changed, defaults, "{name} cannot be set");
        }
    }

    fn other(value: &glib::Value) -> glib::Value {
        if let Ok(number) = value.get::<u32>() {
            return (number + 1).to_value();
        }
        if let Ok(number) = value.get::<u64>() {
            return (number + 1).to_value();
        }
        match (value.get::<f64>(), value.get::<bool>(), value.get::<Policy>()) {
            (Ok(number), ..) => (number / 2.0).to_value(),
            (_, Ok(switch), _) => (!switch).to_value(),
            (.., Ok(_)) => Policy::Every.to_value(),
            _ => "other".to_value(),
        }
    }
}
