//! The config file.
//!
//! Three steps, each of which reports all it finds, not only the first: [`load`] reads the text, checks its structure
//! against the schema that the types below generate, merges and resolves; [`environment::validate`] then looks at the
//! world (files, modules, models, devices, ports). Every default is in one place: the types' `Default`.

mod analyze;
pub mod environment;
mod error;
mod formats;
mod load;
mod location;
mod meaning;
mod model;
mod node;
mod origin;
mod output;
mod resolve;
mod schema;
mod secret;
mod shorthand;
mod source;
mod structure;
pub mod units;
mod yaml;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use analyze::{Analyze, ModuleRef, Permission, Policy};
pub use error::{ConfigError, ConfigErrors, Position};
pub use load::{load, parse};
pub use location::{Location, PATTERNS, SourceKind};
pub use model::{EngineName, Labels, ModelRef, Performance, Precision};
pub use origin::Origin;
pub use output::{JsonLines, Outputs, Overlay, OverlayEffect, Publish, RtspOut};
pub use schema::schema;
pub use secret::{Secret, SecretText, UserName};
pub use source::{Pace, Reconnect, Source, Transport};
pub use units::Count;

use shorthand::{Shorthand, either};

/// A whole config file. After [`load`]: merged, and with all input paths resolved.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "edgevision config file", transform = |s: &mut schemars::Schema| schema::required(s, &["cameras"]))]
pub struct Config {
    /// The cameras; at least one.
    #[schemars(length(min = 1, max = 256))]
    pub cameras: Vec<Camera>,
    /// What is done with each frame, for all cameras. A key that a camera has itself wins over the one here, whole.
    pub analyze: Analyze,
    /// What is drawn into the published streams, for all cameras. A key that a camera has itself wins over the one
    /// here. `false` is short for `{enabled: false}`.
    #[serde(deserialize_with = "either::<_, bool, Overlay>")]
    #[schemars(with = "Shorthand<bool, Overlay>")]
    pub overlay: Overlay,
    /// Threads that analyse frames, shared by all cameras: `auto` (so many that with the threads of the inference engine
    /// each core has one) or a number 1 to 256.
    pub workers: Count,
    /// Where the results go.
    pub outputs: Outputs,
    /// The file, and where in it each key stands.
    #[serde(skip)]
    pub origin: Origin,
}

/// One camera. After [`load`], `analyze` and `overlay` hold what applies to it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = |s: &mut schemars::Schema| schema::required(s, &["name", "source"]))]
pub struct Camera {
    /// Unique name: in records, in the log, and the path of its RTSP stream. Letters a-z, digits, `-` and `_`.
    #[schemars(extend("format" = "edgevision-name", "pattern" = "^[a-z0-9_-]{1,64}$"))]
    pub name: String,
    /// Where the pictures come from. A plain text is short for `{uri: TEXT}`.
    #[serde(deserialize_with = "either::<_, Location, Source>")]
    #[schemars(with = "Shorthand<Location, Source>")]
    pub source: Source,
    /// What is done with each frame of this camera.
    pub analyze: Analyze,
    /// What is drawn into this camera's stream. `false` is short for `{enabled: false}`.
    #[serde(deserialize_with = "either::<_, bool, Overlay>")]
    #[schemars(with = "Shorthand<bool, Overlay>")]
    pub overlay: Overlay,
    /// Whether and where this camera is published as an RTSP stream. `false` is short for `{enabled: false}`.
    #[serde(deserialize_with = "either::<_, bool, Publish>")]
    #[schemars(with = "Shorthand<bool, Publish>")]
    pub rtsp: Publish,
}

impl Camera {
    /// Path of its RTSP stream, without the leading `/`.
    pub fn stream_path(&self) -> &str {
        self.rtsp.path.as_deref().unwrap_or(&self.name)
    }
}
