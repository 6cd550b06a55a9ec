//! Where frames come from. Each source is one GStreamer element with a `src` pad that delivers raw video.

mod decode;
mod file;
pub mod images;
pub mod looping;
mod pattern;
mod rtsp;
mod v4l2;

use std::fmt;

use crate::{
    config::{Camera, Location},
    supervise::Failure,
};

/// A source that is ready to be linked.
pub struct CameraSource {
    /// Has a pad `src` with raw video.
    pub element: gst::Element,
    /// Comes at its own pace and can be lost: watched for silence, and opened again.
    pub live: bool,
    /// At the end the supervisor seeks back to the beginning. (Pictures begin again by themselves.)
    pub seek_to_loop: bool,
    /// Frames are to be shown at the pace of their timestamps.
    pub realtime: bool,
}

/// Makes the source of a camera. `once` plays files and pictures a single time, whatever the config says.
///
/// # Errors
/// When an element is missing or a secret cannot be read.
pub fn open(camera: &Camera, once: bool) -> Result<CameraSource, Failure> {
    let source = &camera.source;
    let repeat = source.repeat && !once;
    let element = match &source.uri {
        Location::File(path) => file::build(path)?,
        Location::Images(path) => images::build(path, camera, repeat)?,
        Location::Rtsp(uri) => rtsp::build(uri, source)?,
        Location::V4l2(device) => v4l2::build(device, source)?,
        Location::Pattern(name) => pattern::build(name, source)?,
    };
    Ok(CameraSource {
        element,
        live: source.uri.kind().is_live(),
        seek_to_loop: repeat && matches!(source.uri, Location::File(_)),
        realtime: source.in_real_time(),
    })
}

/// Where a camera looks, for messages; never holds credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    camera: String,
    place: Location,
    has_login: bool,
}

impl Origin {
    /// Of a camera of the config.
    #[must_use]
    pub fn of(camera: &Camera) -> Self {
        let source = &camera.source;
        let has_login = source.user.is_some() || source.password.is_some();
        Self { camera: camera.name.clone(), place: source.uri.clone(), has_login }
    }

    /// The place itself.
    #[must_use]
    pub fn place(&self) -> &Location {
        &self.place
    }

    /// Whether the config gives a user name or a password.
    #[must_use]
    pub fn has_login(&self) -> bool {
        self.has_login
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "camera {}: {}", self.camera, self.place)
    }
}
