//! Names of the elements in a camera's pipeline, as they appear in logs and in `GST_DEBUG_BIN_TO_DOT_FILE` pictures.

/// Delivers raw video.
pub const SOURCE: &str = "source";
/// Turns pixel formats that modules cannot read into one they can; passes all others through untouched.
pub const CONVERT: &str = "convert";
/// Runs the modules.
pub const DETECT: &str = "detect";
/// Writes the detection records.
pub const PUBLISH: &str = "publish";
/// Hands frames with their detections to the RTSP mount.
pub const TAP: &str = "tap";
