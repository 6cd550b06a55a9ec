//! `analyze`: what is done with each frame.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    model::ModelRef,
    schema::required,
    shorthand::{Shorthand, either, either_or_null},
    units::{Bytes, HumanDuration},
};

/// What is done with each frame of a camera.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Analyze {
    /// Analyse every n-th frame; the others pass on un-analysed.
    #[schemars(range(min = 1, max = 1000))]
    pub every: u32,
    /// What happens when frames come faster than they are analysed: `newest` (older ones pass on un-analysed), `every`
    /// (the source waits), or `auto` (`newest` for live sources, `every` for others).
    pub policy: Policy,
    /// The module that turns a frame into the model's input. A plain text is short for `{module: TEXT}`.
    #[serde(deserialize_with = "either::<_, String, ModuleRef>")]
    #[schemars(with = "Shorthand<String, ModuleRef>")]
    pub preprocess: ModuleRef,
    /// The module that runs the model and turns its output into detections. A plain text is short for
    /// `{module: TEXT}`.
    #[serde(deserialize_with = "either::<_, String, ModuleRef>")]
    #[schemars(with = "Shorthand<String, ModuleRef>")]
    pub detect: ModuleRef,
    /// The model that the modules run; `null` when they need none. A plain text is short for `{path: TEXT}`.
    #[serde(deserialize_with = "either_or_null::<_, PathBuf, ModelRef>")]
    #[schemars(with = "Option<Shorthand<PathBuf, ModelRef>>")]
    pub model: Option<ModelRef>,
    /// Least confidence of a detection, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// Least confidence by class, where it differs: label and value 0 to 1.
    #[schemars(with = "BTreeMap<String, Confidence>")]
    pub class_thresholds: BTreeMap<String, f64>,
    /// Longest a module may work on one frame, inference included; then the frame passes on without detections.
    #[schemars(extend("x-min" = "1ms", "x-max" = "1m"))]
    pub deadline: HumanDuration,
    /// Most memory a module may use, frames and tensors not counted.
    #[schemars(extend("x-min" = "1MiB", "x-max" = "3GiB"))]
    pub memory: Bytes,
    /// What modules may do besides. `load-model`: load ONNX models that they bring along, with `load` of WASI-NN; model
    /// and tensors count against `memory`.
    pub allow: Vec<Permission>,
    /// Most detections in one frame; a module that reports more has failed.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_detections: u32,
    /// So many failures in a row, or within 10 s, quarantine the modules: frames pass on at once, and after 1 s one
    /// frame is tried, then after 2 s, 4 s and so on up to 60 s, until one succeeds. 0 = never.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_failures: u32,
    /// Frames of a camera that may wait for a worker.
    #[schemars(range(min = 1, max = 64))]
    pub queue: u32,
}

impl Default for Analyze {
    fn default() -> Self {
        let limits = edgevision_wasm_host::job::Limits::default();
        Self {
            every: 1,
            policy: Policy::Auto,
            preprocess: ModuleRef::from("letterbox".to_owned()),
            detect: ModuleRef::from("yolo".to_owned()),
            model: None,
            threshold: 0.25,
            class_thresholds: BTreeMap::new(),
            deadline: HumanDuration(limits.deadline),
            memory: Bytes(limits.memory_bytes as u64),
            allow: Vec::new(),
            max_detections: u32::try_from(limits.detections).unwrap_or(u32::MAX),
            max_failures: edgevision_wasm_host::pool::QuarantineRules::default().max_failures,
            queue: 2,
        }
    }
}

/// What modules may do only if it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Permission {
    /// Load models that they bring along.
    LoadModel,
}

impl Analyze {
    /// Whether modules may load models that they bring along.
    pub fn allows_models(&self) -> bool {
        self.allow.contains(&Permission::LoadModel)
    }
}

/// A confidence, 0 to 1: only there to give the schema its range.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Confidence(
    #[allow(dead_code, reason = "describes the schema only")]
    #[schemars(range(min = 0.0, max = 1.0))]
    f64,
);

/// What happens when frames come faster than they are analysed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Policy {
    /// `newest` for live sources, `every` for others.
    #[default]
    Auto,
    /// Older frames pass on un-analysed.
    Newest,
    /// The source waits.
    Every,
}

/// A WebAssembly module and what it is to be told.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = |s: &mut schemars::Schema| required(s, &["module"]))]
pub struct ModuleRef {
    /// A file relative to the config file, or a name such as `letterbox`, which is looked for in
    /// `$EDGEVISION_MODULE_PATH`, in `edgevision/modules` of the data folders, and beside the command.
    #[schemars(length(min = 1))]
    pub module: String,
    /// The module's own parameters; `edgevision inspect MODULE.wasm` lists them.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Where the module was found; set by the lookup, not a key.
    #[serde(skip)]
    pub path: PathBuf,
}

impl Default for ModuleRef {
    fn default() -> Self {
        Self::from(String::new())
    }
}

impl From<String> for ModuleRef {
    fn from(module: String) -> Self {
        Self { module, params: serde_json::Map::new(), path: PathBuf::new() }
    }
}
