//! `outputs` and what is drawn: where the results go.

use std::{net::SocketAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    shorthand::{Shorthand, either_or_null},
    units::{BitRate, Bytes, HumanDuration},
};

/// Where the results of all cameras go.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Outputs {
    /// Detections as JSON Lines, one object per analysed frame; `null` = none. A plain text is short for
    /// `{path: TEXT}`.
    #[serde(deserialize_with = "either_or_null::<_, PathBuf, JsonLines>")]
    #[schemars(with = "Option<Shorthand<PathBuf, JsonLines>>")]
    pub json_lines: Option<JsonLines>,
    /// Each camera as an RTSP stream with the detections drawn in; `null` = none, `{}` = on with defaults.
    pub rtsp: Option<RtspOut>,
}

impl Default for Outputs {
    fn default() -> Self {
        Self { json_lines: Some(JsonLines::default()), rtsp: None }
    }
}

/// Detections as JSON Lines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonLines {
    /// A file, or `-` for the standard output. Relative to the working directory, unlike the inputs.
    pub path: PathBuf,
    /// Start a new file at this size; `0B` = never.
    pub max_size: Bytes,
    /// Older files that are kept (`detections.1.jsonl` and so on).
    #[schemars(range(min = 0, max = 1000))]
    pub keep: u32,
    /// Also write a record for frames that were not analysed.
    pub skipped: bool,
}

impl Default for JsonLines {
    fn default() -> Self {
        Self { path: "-".into(), max_size: Bytes::mib(64), keep: 5, skipped: false }
    }
}

impl From<PathBuf> for JsonLines {
    fn from(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }
}

impl JsonLines {
    /// Whether records go to the standard output.
    pub fn to_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// The RTSP server. Encodes a camera only while somebody watches it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RtspOut {
    /// Address and port. `127.0.0.1` = this machine only, `0.0.0.0` = everybody who can reach it.
    #[schemars(with = "String", extend("format" = "edgevision-listen", "examples" = ["127.0.0.1:8554"]))]
    pub listen: SocketAddr,
    /// GStreamer's H.264 encoder: `auto` (x264enc, else openh264enc), or an element's name such as `vah264enc`.
    #[schemars(extend("format" = "edgevision-element", "pattern" = "^[a-z0-9_-]+$"))]
    pub encoder: String,
    /// Bits per second of each stream.
    #[schemars(extend("x-min" = "32kbit/s", "x-max" = "200Mbit/s"))]
    pub bitrate: BitRate,
    /// Longest time between key frames; somebody who joins waits so long at most.
    #[schemars(extend("x-min" = "100ms", "x-max" = "1m"))]
    pub keyframe_interval: HumanDuration,
}

impl Default for RtspOut {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8554)),
            encoder: "auto".into(),
            bitrate: BitRate(2_000_000),
            keyframe_interval: HumanDuration::from_millis(1000),
        }
    }
}

/// Whether and where a camera is published on the RTSP server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Publish {
    /// Publish this camera, if there is an RTSP server.
    pub enabled: bool,
    /// Path of the stream, `rtsp://host:port/PATH`; the camera's name when not set.
    #[schemars(extend("format" = "edgevision-stream-path", "pattern" = "^[a-z0-9_-]{1,64}(/[a-z0-9_-]{1,64})*$"))]
    pub path: Option<String>,
}

impl Default for Publish {
    fn default() -> Self {
        Self { enabled: true, path: None }
    }
}

impl From<bool> for Publish {
    fn from(enabled: bool) -> Self {
        Self { enabled, ..Self::default() }
    }
}

/// What is drawn into the published stream.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Overlay {
    /// Draw anything at all.
    pub enabled: bool,
    /// Name of the camera at the top left.
    pub name: bool,
    /// Time at the top left.
    pub time: bool,
    /// Name of the class at each box.
    pub labels: bool,
    /// Confidence at each box.
    pub confidence: bool,
    /// Width of the lines in pixels; `null` = by the size of the frame.
    #[schemars(range(min = 1, max = 64))]
    pub line_width: Option<u32>,
    /// Height of the letters as a share of the frame's height.
    #[schemars(range(min = 0.01, max = 0.25))]
    pub text_size: f64,
    /// Classes that get a box; a minus before one leaves it out. Empty = all.
    pub only: Vec<String>,
    /// Least confidence of what gets a box.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_confidence: f64,
    /// What is done to objects of the classes in `effect_labels`, in place of a box.
    pub effect: OverlayEffect,
    /// Classes that the effect is meant for; a minus before one leaves it out. Empty = all.
    pub effect_labels: Vec<String>,
    /// How far an effect that hides reaches beyond each edge of a box, as a share of its width or height.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub effect_margin: f64,
    /// Hide the whole frame while nothing is known of it.
    pub cover_unanalysed: bool,
    /// How long what was found counts on frames that were not analysed.
    pub hold: HumanDuration,
}

/// What is done to an object in the published stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OverlayEffect {
    /// A box with a label.
    #[default]
    Box,
    /// Blurred beyond recognition.
    Blur,
    /// Coarse squares.
    Pixelate,
    /// Covered in black.
    Fill,
    /// Neither box nor effect.
    None,
}

impl OverlayEffect {
    /// As `evoverlay` calls it.
    #[must_use]
    pub const fn nick(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Blur => "blur",
            Self::Pixelate => "pixelate",
            Self::Fill => "fill",
            Self::None => "none",
        }
    }
}

impl Default for Overlay {
    fn default() -> Self {
        Self {
            enabled: true,
            name: true,
            time: true,
            labels: true,
            confidence: true,
            line_width: None,
            text_size: 0.025,
            only: Vec::new(),
            min_confidence: 0.0,
            effect: OverlayEffect::Box,
            effect_labels: Vec::new(),
            effect_margin: 0.0,
            cover_unanalysed: false,
            hold: HumanDuration::from_millis(500),
        }
    }
}

impl From<bool> for Overlay {
    fn from(enabled: bool) -> Self {
        Self { enabled, ..Self::default() }
    }
}
