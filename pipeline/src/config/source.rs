//! `cameras[].source`: where the pictures come from, and what to do when they stop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Location, Secret, UserName,
    schema::required,
    units::{FrameRate, FrameSize, HumanDuration},
};

/// Where a camera's pictures come from. A plain text is short for `{uri: TEXT}`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = |s: &mut schemars::Schema| required(s, &["uri"]))]
pub struct Source {
    /// A video file, a picture, a folder or glob of JPEG and PNG pictures, `rtsp://` or `rtsps://`,
    /// `v4l2:///dev/video0`, or `test://ball`. Relative paths are relative to the config file.
    pub uri: Location,
    /// Start again at the end. Video files and pictures.
    #[serde(rename = "loop")]
    pub repeat: bool,
    /// How fast to play: `realtime`, `fast` (as fast as the analysis goes), or `auto` (`realtime` when `loop` is on,
    /// else `fast`). Video files and pictures.
    pub pace: Pace,
    /// Frames per second, a number or a fraction such as `30000/1001`. Pictures (5 when not set), test patterns (30
    /// when not set), V4L2 cameras (the device's choice when not set).
    pub framerate: Option<FrameRate>,
    /// Width and height in pixels. Test patterns (640x360 when not set), V4L2 cameras (the device's choice when not
    /// set).
    pub size: Option<FrameSize>,
    /// How RTP packets travel: `tcp` loses none, `udp` has less delay. RTSP cameras.
    pub transport: Transport,
    /// How long packets wait for those that are late; adds that much delay. RTSP cameras.
    #[schemars(extend("x-min" = "0ms", "x-max" = "30s"))]
    pub latency: HumanDuration,
    /// Name to log in with: a text, `{env: NAME}` or `{file: PATH}`. RTSP cameras.
    pub user: Option<UserName>,
    /// Password to log in with: `{env: NAME}` or `{file: PATH}`. RTSP cameras.
    pub password: Option<Secret>,
    /// A camera without a new frame for so long is reopened. RTSP and V4L2 cameras.
    #[schemars(extend("x-min" = "100ms", "x-max" = "1h"))]
    pub stall_timeout: HumanDuration,
    /// How long to wait before a lost camera is opened again. RTSP and V4L2 cameras.
    pub reconnect: Reconnect,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            uri: Location::Pattern("smpte".into()),
            repeat: false,
            pace: Pace::Auto,
            framerate: None,
            size: None,
            transport: Transport::Tcp,
            latency: HumanDuration::from_millis(200),
            user: None,
            password: None,
            stall_timeout: HumanDuration::from_millis(2000),
            reconnect: Reconnect::default(),
        }
    }
}

impl From<Location> for Source {
    fn from(uri: Location) -> Self {
        Self { uri, ..Self::default() }
    }
}

impl Source {
    /// Whether frames are to come at the speed of the clock: [`Pace`] with `auto` resolved. True for live sources.
    pub fn in_real_time(&self) -> bool {
        match self.pace {
            _ if self.uri.kind().is_live() => true,
            Pace::Auto => self.repeat,
            Pace::Realtime => true,
            Pace::Fast => false,
        }
    }
}

/// How fast files and pictures are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Pace {
    /// `realtime` when `loop` is on, else `fast`.
    #[default]
    Auto,
    /// As fast as the clock.
    Realtime,
    /// As fast as the analysis goes.
    Fast,
}

/// How RTP packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Transport {
    /// Inside the RTSP connection.
    #[default]
    Tcp,
    /// As datagrams.
    Udp,
}

/// Waiting times between attempts: the first, doubled each time up to the longest, each with random jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reconnect {
    /// Before the first attempt.
    #[schemars(extend("x-min" = "10ms", "x-max" = "1h"))]
    pub initial: HumanDuration,
    /// Longest wait.
    #[schemars(extend("x-min" = "10ms", "x-max" = "1h"))]
    pub max: HumanDuration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { initial: HumanDuration::from_millis(500), max: HumanDuration::from_millis(30_000) }
    }
}
