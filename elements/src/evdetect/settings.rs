//! The properties: names, defaults, bounds. `Settings::default()` feeds the ParamSpecs.

use std::time::Duration;

use edgevision_wasm_host::{
    job::Limits,
    nn::{self, LoadOptions},
    pool::QuarantineRules,
};
use gst::{glib, prelude::*};

use super::{swap::Scope, workers};
use crate::glue::{cores, nanoseconds, object, read, text};

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

/// What the engine is to be good at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "EdgevisionPerformance")]
pub enum Performance {
    /// Many frames at a time.
    #[default]
    #[enum_value(name = "Most frames a second: a frame per worker, one thread each", nick = "throughput")]
    Throughput,
    /// One frame at a time.
    #[enum_value(
        name = "Least time for a frame: one at a time, with the threads of all cores",
        nick = "latency"
    )]
    Latency,
}

/// How floats are computed inside the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "EdgevisionPrecision")]
pub enum Precision {
    /// As in training.
    #[default]
    #[enum_value(name = "32-bit floats", nick = "f32")]
    F32,
    /// Half precision.
    #[enum_value(name = "16-bit floats", nick = "f16")]
    F16,
    /// Brain floats.
    #[enum_value(name = "16-bit floats with the range of 32-bit ones", nick = "bf16")]
    Bf16,
    /// The engine's choice.
    #[enum_value(name = "What the engine thinks is quickest", nick = "auto")]
    Auto,
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
    pub precision: Precision,
    pub device: String,
    pub engine_options: String,
    pub performance: Performance,
    pub labels: String,
    pub label_list: String,
    pub threshold: f64,
    pub class_thresholds: String,
    pub interval: u32,
    pub workers: u32,
    pub deadline_ns: u64,
    pub memory_limit: u64,
    pub load_models: bool,
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
            model_threads: 0,
            precision: Precision::default(),
            device: String::new(),
            engine_options: String::new(),
            performance: Performance::default(),
            labels: String::new(),
            label_list: String::new(),
            threshold: 0.25,
            class_thresholds: String::new(),
            interval: 1,
            workers: 0,
            deadline_ns: nanoseconds(limits.deadline),
            memory_limit: limits.memory_bytes as u64,
            load_models: limits.grants.load_model,
            max_detections: u32::try_from(limits.detections).unwrap_or(u32::MAX),
            max_failures: QuarantineRules::default().max_failures,
            policy: Policy::Auto,
            queue_size: 2,
            alias_memory: true,
        }
    }
}

impl From<Performance> for nn::Performance {
    fn from(performance: Performance) -> Self {
        match performance {
            Performance::Throughput => Self::Throughput,
            Performance::Latency => Self::Latency,
        }
    }
}

impl From<Precision> for nn::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::F16 => Self::F16,
            Precision::Bf16 => Self::Bf16,
            Precision::Auto => Self::Auto,
        }
    }
}

impl Settings {
    /// Longest a module may work on a frame.
    pub fn deadline(&self) -> Duration {
        Duration::from_nanos(self.deadline_ns)
    }

    /// How the model is to be loaded. The error is a sentence for the user.
    pub fn load_options(&self) -> Result<LoadOptions, String> {
        let workers = workers::planned(self.workers as usize, self.performance);
        let threads = match self.model_threads as usize {
            0 => (cores() / workers).max(1),
            threads => threads,
        };
        let options = LoadOptions::read_session_options(&object("engine-options", &self.engine_options)?);
        Ok(LoadOptions {
            threads,
            sessions: workers,
            performance: self.performance.into(),
            precision: self.precision.into(),
            device: Some(self.device.clone()).filter(|device| !device.is_empty()),
            session_options: options.map_err(|sentence| format!("property `engine-options`: {sentence}"))?,
        })
    }

    /// What the modules are made of and were told at their start.
    pub fn chain(&self) -> impl PartialEq + use<> {
        (
            (self.preprocess.clone(), self.preprocess_params.clone()),
            (self.detector.clone(), self.detector_params.clone()),
            (self.model.clone(), self.engine.clone(), self.model_threads),
            (self.precision, self.device.clone(), self.engine_options.clone()),
            (self.deadline_ns, self.memory_limit, self.max_detections, self.load_models),
        )
    }

    /// Where the names of the classes come from.
    pub fn names(&self) -> (&str, &str) {
        (&self.labels, &self.label_list)
    }

    /// What a change of this property is about while frames flow; none when it waits for the next start.
    pub fn scope(name: &str) -> Option<Scope> {
        match name {
            "threshold" | "interval" | "max-failures" => Some(Scope::Live),
            "camera" | "workers" | "performance" | "policy" | "queue-size" | "alias-memory" | "stats" => None,
            _ => Some(Scope::All),
        }
    }

    /// These settings, as far as a detector that runs with `present` can take them on.
    pub fn for_running(&self, present: &Self, scope: Scope) -> Self {
        let wanted = match scope {
            Scope::All => self.clone(),
            Scope::Live => Self {
                threshold: self.threshold,
                interval: self.interval,
                max_failures: self.max_failures,
                ..present.clone()
            },
        };
        Self {
            camera: present.camera.clone(),
            workers: present.workers,
            performance: present.performance,
            policy: present.policy,
            queue_size: present.queue_size,
            alias_memory: present.alias_memory,
            ..wanted
        }
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
            "precision" => read(value, &mut self.precision),
            "device" => self.device = text(value),
            "engine-options" => self.engine_options = text(value),
            "performance" => read(value, &mut self.performance),
            "labels" => self.labels = text(value),
            "label-list" => self.label_list = text(value),
            "threshold" => read(value, &mut self.threshold),
            "class-thresholds" => self.class_thresholds = text(value),
            "interval" => read(value, &mut self.interval),
            "workers" => read(value, &mut self.workers),
            "deadline" => read(value, &mut self.deadline_ns),
            "memory-limit" => read(value, &mut self.memory_limit),
            "load-models" => read(value, &mut self.load_models),
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
            "precision" => self.precision.to_value(),
            "device" => self.device.to_value(),
            "engine-options" => self.engine_options.to_value(),
            "performance" => self.performance.to_value(),
            "labels" => self.labels.to_value(),
            "label-list" => self.label_list.to_value(),
            "threshold" => self.threshold.to_value(),
            "class-thresholds" => self.class_thresholds.to_value(),
            "interval" => self.interval.to_value(),
            "workers" => self.workers.to_value(),
            "deadline" => self.deadline_ns.to_value(),
            "memory-limit" => self.memory_limit.to_value(),
            "load-models" => self.load_models.to_value(),
            "max-detections" => self.max_detections.to_value(),
            "max-failures" => self.max_failures.to_value(),
            "policy" => self.policy.to_value(),
            "queue-size" => self.queue_size.to_value(),
            "alias-memory" => self.alias_memory.to_value(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::specs::param_specs, *};

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

    #[test]
    fn a_running_detector_takes_on_what_it_can() {
        let present = Settings { workers: 2, model: "a".into(), threshold: 0.1, ..Settings::default() };
        let wanted = Settings { workers: 3, model: "b".into(), threshold: 0.9, ..Settings::default() };
        let all = wanted.for_running(&present, Scope::All);
        assert_eq!((all.workers, all.model.as_str(), all.threshold), (2, "b", 0.9));
        let live = wanted.for_running(&present, Scope::Live);
        assert_eq!((live.workers, live.model.as_str(), live.threshold), (2, "a", 0.9));
    }

    /// Every property says when it can be changed, and keeps to it.
    #[test]
    fn what_is_mutable_in_playing_has_a_scope() {
        gst::init().unwrap();
        for spec in param_specs() {
            let playing = spec.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING);
            assert_eq!(Settings::scope(spec.name()).is_some(), playing, "{}", spec.name());
        }
    }

    fn other(value: &glib::Value) -> glib::Value {
        if let Ok(number) = value.get::<u32>() {
            return (number + 1).to_value();
        }
        if let Ok(number) = value.get::<u64>() {
            return (number + 1).to_value();
        }
        match (value.get::<Precision>(), value.get::<Performance>()) {
            (Ok(_), _) => return Precision::Bf16.to_value(),
            (_, Ok(_)) => return Performance::Latency.to_value(),
            _ => (),
        }
        match (value.get::<f64>(), value.get::<bool>(), value.get::<Policy>()) {
            (Ok(number), ..) => (number / 2.0).to_value(),
            (_, Ok(switch), _) => (!switch).to_value(),
            (.., Ok(_)) => Policy::Every.to_value(),
            _ => "other".to_value(),
        }
    }
}
