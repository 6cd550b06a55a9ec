//! The properties as GObject describes them: nick, blurb, range, default, and when they can be changed.
//!
//! "In PLAYING" means between two frames: see the module documentation of `evdetect`.

use std::ops::RangeInclusive;

use edgevision_wasm_host::nn::engine_names;
use gst::{glib, prelude::*};

use super::settings::{Performance, Policy, Precision, Settings};

const MOST_WORKERS: u32 = 256;
const MOST_WAITING: u32 = 1024;
const MOST_FAILURES: u32 = 1_000_000;
const SHORTEST_DEADLINE_NS: u64 = 1_000_000;
const LONGEST_DEADLINE_NS: u64 = 3_600_000_000_000;
const LEAST_MEMORY: u64 = 64 << 10;
const MOST_MEMORY: u64 = 4 << 30;

/// The ParamSpecs of all settings and of `stats`.
pub fn param_specs() -> Vec<glib::ParamSpec> {
    let d = Settings::default();
    let mut specs = text_specs(&d);
    specs.extend(number_specs(&d));
    specs.extend(start_specs(&d));
    specs.push(
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb(
                "State, counters since the element was started, latencies of the last frames (nanoseconds)",
            )
            .read_only()
            .build(),
    );
    specs
}

fn text_specs(d: &Settings) -> Vec<glib::ParamSpec> {
    let engines: Vec<String> = engine_names().map(|name| format!("`{name}`")).collect();
    let engine = format!(
        "Inference engine that runs the model: `auto` (the quickest that is here and can), {}",
        engines.join(", ")
    );
    [
        ("preprocess", "Path or name of the module that turns a frame into a tensor", &d.preprocess),
        (
            "detector",
            "Path or name of the module that turns a tensor into detections; if empty, `preprocess` does both",
            &d.detector,
        ),
        ("preprocess-params", "Parameters of the preprocess module, a JSON object", &d.preprocess_params),
        ("detector-params", "Parameters of the detector module, a JSON object", &d.detector_params),
        ("model", "Path of the model behind the modules' `infer`; may be empty", &d.model),
        ("engine", &engine, &d.engine),
        ("device", "Device by the engine's own name, such as `GPU.1`; the processor if empty", &d.device),
        (
            "engine-options",
            "The engine's own options, a JSON object; only with an `engine` by name",
            &d.engine_options,
        ),
        ("labels", "Path of a text file with one class name a line", &d.labels),
        ("label-list", "Class names separated by line feeds, instead of `labels`", &d.label_list),
        ("class-thresholds", "Least confidence (0 to 1) by label, a JSON object", &d.class_thresholds),
    ]
    .map(|(name, blurb, default)| {
        glib::ParamSpecString::builder(name)
            .nick(&nick(name))
            .blurb(blurb)
            .default_value(Some(default.as_str()))
            .mutable_playing()
            .build()
    })
    .into()
}

fn number_specs(d: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecDouble::builder("threshold")
            .nick("Threshold")
            .blurb("Least confidence of a detection (0 to 1)")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(d.threshold)
            .mutable_playing()
            .build(),
        uint(
            When::Playing,
            "interval",
            "Analyse every n-th frame; the others pass on un-analysed",
            d.interval,
            1..=u32::MAX,
        ),
        uint(
            When::Playing,
            "model-threads",
            "Threads inside one inference; 0 for cores divided by workers",
            d.model_threads,
            0..=MOST_WORKERS,
        ),
        glib::ParamSpecEnum::builder_with_default::<Precision>("precision", d.precision)
            .nick("Precision")
            .blurb("How floats are computed inside the model")
            .mutable_playing()
            .build(),
        uint(When::Playing, "max-detections", "Most detections in a frame", d.max_detections, 1..=1_000_000),
        uint(
            When::Playing,
            "max-failures",
            "Failures in a row, or within 10 seconds, after which the modules are quarantined; 0 for never",
            d.max_failures,
            0..=MOST_FAILURES,
        ),
        uint64(
            When::Playing,
            "deadline",
            "Longest a module may work on a frame, inference included (nanoseconds)",
            d.deadline_ns,
            SHORTEST_DEADLINE_NS..=LONGEST_DEADLINE_NS,
        ),
        uint64(
            When::Playing,
            "memory-limit",
            "Most memory of a module, frames and tensors not counted (bytes)",
            d.memory_limit,
            LEAST_MEMORY..=MOST_MEMORY,
        ),
        glib::ParamSpecBoolean::builder("load-models")
            .nick("Load models")
            .blurb("Let modules load models that they bring along (`load` of WASI-NN); they count against `memory-limit`")
            .default_value(d.load_models)
            .mutable_playing()
            .build(),
    ]
}

/// What is decided once, at the start.
fn start_specs(d: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("camera")
            .nick("Camera")
            .blurb("Name of the camera in reports; the element's name if empty")
            .default_value(Some(d.camera.as_str()))
            .mutable_ready()
            .build(),
        uint(
            When::Ready,
            "workers",
            "Workers of this element alone; 0 for the pool of the process",
            d.workers,
            0..=MOST_WORKERS,
        ),
        glib::ParamSpecEnum::builder_with_default::<Performance>("performance", d.performance)
            .nick("Performance")
            .blurb("What the engine is to be good at; decides on threads and workers that are not set")
            .mutable_ready()
            .build(),
        uint(When::Ready, "queue-size", "Frames that may wait for a worker", d.queue_size, 1..=MOST_WAITING),
        glib::ParamSpecEnum::builder_with_default::<Policy>("policy", d.policy)
            .nick("Policy")
            .blurb("What happens to frames that come faster than they can be analysed")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("alias-memory")
            .nick("Alias memory")
            .blurb("Let frames of decoders that keep them as reference pass without a copy")
            .default_value(d.alias_memory)
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

/// When a property can be changed.
#[derive(Clone, Copy)]
enum When {
    Ready,
    Playing,
}

impl When {
    fn flags(self) -> glib::ParamFlags {
        match self {
            Self::Ready => gst::PARAM_FLAG_MUTABLE_READY,
            Self::Playing => gst::PARAM_FLAG_MUTABLE_PLAYING,
        }
    }
}

fn uint(when: When, name: &str, blurb: &str, default: u32, range: RangeInclusive<u32>) -> glib::ParamSpec {
    let nick = nick(name);
    let spec = glib::ParamSpecUInt::builder(name).nick(&nick).blurb(blurb).default_value(default);
    spec.minimum(*range.start())
        .maximum(*range.end())
        .flags(glib::ParamFlags::READWRITE | when.flags())
        .build()
}

fn uint64(when: When, name: &str, blurb: &str, default: u64, range: RangeInclusive<u64>) -> glib::ParamSpec {
    let nick = nick(name);
    let spec = glib::ParamSpecUInt64::builder(name).nick(&nick).blurb(blurb).default_value(default);
    spec.minimum(*range.start())
        .maximum(*range.end())
        .flags(glib::ParamFlags::READWRITE | when.flags())
        .build()
}
