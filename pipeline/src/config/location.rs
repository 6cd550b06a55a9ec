//! Where a camera's pictures come from, read from its `uri`.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use edgevision_wasm_host::suggest::suggestion;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::units::text_form;

/// What a source's `uri` points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A video file.
    File(PathBuf),
    /// JPEG and PNG pictures: one of them, a folder, or a glob such as `shots/*.png`.
    Images(PathBuf),
    /// `rtsp://` or `rtsps://`, without credentials.
    Rtsp(String),
    /// A Video4Linux device, from `v4l2:///dev/video0`.
    V4l2(PathBuf),
    /// A test pattern by its `videotestsrc` name, from `test://ball`.
    Pattern(String),
}

/// The kind of a [`Location`]; decides which keys of a source apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A video file.
    File,
    /// Pictures.
    Images,
    /// A network camera.
    Rtsp,
    /// A local camera.
    V4l2,
    /// A test pattern.
    Pattern,
}

impl SourceKind {
    /// Whether frames come when they come: nothing waits for a slow analysis.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Rtsp | Self::V4l2 | Self::Pattern)
    }

    /// In the plural, for messages.
    pub fn plural(self) -> &'static str {
        match self {
            Self::File => "video files",
            Self::Images => "pictures",
            Self::Rtsp => "RTSP cameras",
            Self::V4l2 => "V4L2 cameras",
            Self::Pattern => "test patterns",
        }
    }
}

/// Patterns of GStreamer's `videotestsrc`.
pub const PATTERNS: [&str; 26] = [
    "ball",
    "bar",
    "black",
    "blink",
    "blue",
    "checkers-1",
    "checkers-2",
    "checkers-4",
    "checkers-8",
    "chroma-zone-plate",
    "circular",
    "colors",
    "gamut",
    "gradient",
    "green",
    "pinwheel",
    "red",
    "smpte",
    "smpte-rp-219",
    "smpte100",
    "smpte75",
    "snow",
    "solid-color",
    "spokes",
    "white",
    "zone-plate",
];

const SCHEMES: [&str; 5] = ["file", "rtsp", "rtsps", "test", "v4l2"];

impl Location {
    /// What kind of source it is.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::File(_) => SourceKind::File,
            Self::Images(_) => SourceKind::Images,
            Self::Rtsp(_) => SourceKind::Rtsp,
            Self::V4l2(_) => SourceKind::V4l2,
            Self::Pattern(_) => SourceKind::Pattern,
        }
    }

    /// Makes a relative path relative to `folder`, and a path that is a folder a source of pictures.
    pub(crate) fn resolve(&mut self, folder: &Path) {
        if let Self::File(path) | Self::Images(path) = self {
            *path = folder.join(&path);
        }
        if let Self::File(path) = self
            && path.is_dir()
        {
            *self = Self::Images(std::mem::take(path));
        }
    }

    fn from_path(text: &str) -> Self {
        let is_picture = Path::new(text)
            .extension()
            .is_some_and(|e| ["jpg", "jpeg", "png"].iter().any(|known| e.eq_ignore_ascii_case(known)));
        match is_picture || text.ends_with('/') || text.contains(['*', '?', '[']) {
            true => Self::Images(text.into()),
            false => Self::File(text.into()),
        }
    }
}

impl FromStr for Location {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            _ if text.is_empty() => Err("expected a path or a URI, found an empty text".into()),
            None => Ok(Self::from_path(text)),
            Some(("file", path)) => Ok(Self::from_path(path)),
            Some(("rtsp" | "rtsps", rest)) => rtsp(text, rest),
            Some(("v4l2", device)) if device.starts_with('/') => Ok(Self::V4l2(device.into())),
            Some(("v4l2", _)) => Err(format!("`{text}` names no device; write it as v4l2:///dev/video0")),
            Some(("test", "")) => Ok(Self::Pattern("smpte".into())),
            Some(("test", name)) => pattern(name),
            Some((scheme, _)) => Err(unknown_scheme(scheme)),
        }
    }
}

/// Refuses credentials without repeating them: the message ends up in logs.
fn rtsp(text: &str, rest: &str) -> Result<Location, String> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A password may hold an unescaped `/`, so an `@` anywhere before the query counts.
    if rest.split(['?', '#']).next().unwrap_or_default().contains('@') {
        return Err("credentials do not belong in the URI; remove them and write `user: NAME` and \
                    `password: {env: NAME}` beside `uri`"
            .into());
    }
    match authority.is_empty() || authority.starts_with(':') {
        true => Err(format!("`{text}` names no host; write it as rtsp://host:554/path")),
        false => Ok(Location::Rtsp(text.into())),
    }
}

fn pattern(name: &str) -> Result<Location, String> {
    match PATTERNS.contains(&name) {
        true => Ok(Location::Pattern(name.into())),
        false => Err(format!(
            "unknown test pattern `{name}`{} allowed: {}",
            suggestion(name, PATTERNS),
            PATTERNS.join(", ")
        )),
    }
}

fn unknown_scheme(scheme: &str) -> String {
    format!(
        "unknown scheme `{scheme}://`{} allowed: a path, {}",
        suggestion(scheme, SCHEMES),
        SCHEMES.map(|s| format!("{s}://")).join(", ")
    )
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Images(path) => write!(f, "{}", path.display()),
            Self::Rtsp(uri) => f.write_str(uri),
            Self::V4l2(path) => write!(f, "v4l2://{}", path.display()),
            Self::Pattern(name) => write!(f, "test://{name}"),
        }
    }
}

text_form!(
    Location,
    "Location",
    "edgevision-location",
    [
        "../samples/line3.mp4",
        "rtsp://192.0.2.10:554/stream1",
        "v4l2:///dev/video0",
        "test://ball",
        "shots/*.png"
    ]
);
