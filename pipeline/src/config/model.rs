//! `analyze.model`: the model behind the modules, and what runs it.

use std::{collections::BTreeMap, path::PathBuf};

use edgevision_wasm_host::nn::{self, LoadOptions, engine_names};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use super::{schema::required, units::Count};

/// The model behind the modules.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = |s: &mut Schema| required(s, &["path"]))]
pub struct ModelRef {
    /// The model's file, relative to the config file.
    pub path: PathBuf,
    /// What runs it; `auto` takes the quickest engine that is installed and can run the model.
    pub engine: EngineName,
    /// Threads inside one inference, `auto` or a number 1 to 256; `auto` = cores divided by workers.
    pub threads: Count,
    /// What the engine is to be good at: `throughput` (one worker per core, one thread each) or `latency` (one inference
    /// at a time, for all cameras that say so, with the threads of all cores).
    pub performance: Performance,
    /// How floats are computed inside the model; tensors keep their types. `auto` is what the engine thinks is quickest.
    pub precision: Precision,
    /// Device by the engine's own name, such as `GPU.1`; the processor when not set.
    #[schemars(length(min = 1))]
    pub device: Option<String>,
    /// The engine's own options, handed on as they are: name and text, number or truth value. Only with an `engine` by
    /// name.
    #[schemars(with = "BTreeMap<String, EngineOption>")]
    pub options: Map<String, Value>,
    /// Names of the classes in the model's order: a list, or a text file with one name a line, relative to the config
    /// file.
    pub labels: Option<Labels>,
}

impl From<PathBuf> for ModelRef {
    fn from(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }
}

impl ModelRef {
    /// How the engine loads it. The same as the element makes of its properties, so that both share one model.
    ///
    /// # Errors
    /// An option that is no text, number or truth value; the text is one sentence.
    pub fn load_options(&self) -> Result<LoadOptions, String> {
        Ok(LoadOptions {
            threads: self.threads.or(|| 1),
            sessions: gstedgevision::planned_workers(0, self.performance.of_element()),
            performance: match self.performance {
                Performance::Throughput => nn::Performance::Throughput,
                Performance::Latency => nn::Performance::Latency,
            },
            precision: match self.precision {
                Precision::F32 => nn::Precision::F32,
                Precision::F16 => nn::Precision::F16,
                Precision::Bf16 => nn::Precision::Bf16,
                Precision::Auto => nn::Precision::Auto,
            },
            device: self.device.clone(),
            session_options: LoadOptions::read_session_options(&self.options)?,
        })
    }
}

/// A value of `options`: only there to give the schema its forms.
#[derive(JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the schema only")]
enum EngineOption {
    Text(String),
    Number(f64),
    Switch(bool),
}

/// What the engine is to be good at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Performance {
    /// Most frames a second over all cameras.
    #[default]
    Throughput,
    /// Least time for one frame.
    Latency,
}

impl Performance {
    /// As the element's property takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
        }
    }

    /// The same as the element knows it.
    pub(crate) fn of_element(self) -> gstedgevision::Performance {
        match self {
            Self::Throughput => gstedgevision::Performance::Throughput,
            Self::Latency => gstedgevision::Performance::Latency,
        }
    }
}

/// How floats are computed inside a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of 32-bit ones.
    Bf16,
    /// The engine's choice.
    Auto,
}

impl Precision {
    /// As the element's property takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Auto => "auto",
        }
    }
}

const AUTO: &str = "auto";

/// What runs a model: `auto`, or one of the engines that the host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EngineName(&'static str);

impl Default for EngineName {
    fn default() -> Self {
        Self(AUTO)
    }
}

impl EngineName {
    /// As `load_model` and the element's property take it.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether the host chooses.
    pub fn is_auto(self) -> bool {
        self.0 == AUTO
    }

    fn all() -> impl Iterator<Item = &'static str> {
        std::iter::once(AUTO).chain(engine_names())
    }
}

impl<'de> Deserialize<'de> for EngineName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Self::all().find(|name| *name == text);
        known.map(Self).ok_or_else(|| D::Error::custom(format!("there is no engine `{text}`")))
    }
}

impl JsonSchema for EngineName {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EngineName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::all().collect::<Vec<_>>() })
    }
}

/// Names of a model's classes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Labels {
    /// A text file, one name a line.
    File(PathBuf),
    /// Written out.
    List(Vec<String>),
}

impl Labels {
    /// The names. The error is a sentence.
    pub fn read(&self) -> Result<Vec<String>, String> {
        let path = match self {
            Self::List(names) => return Ok(names.clone()),
            Self::File(path) => path,
        };
        let unreadable =
            |why: &dyn std::fmt::Display| format!("the labels {} cannot be read: {why}", path.display());
        if path.metadata().is_ok_and(|file| !file.is_file() && !file.is_dir()) {
            // A pipe may never say anything, a device may never end.
            return Err(unreadable(&"it is a pipe or a device; give a text file"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
        Ok(text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}
