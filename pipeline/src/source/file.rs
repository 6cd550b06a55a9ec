//! A video file.

use std::path::Path;

use gst::prelude::*;

use super::decode::{decoded, element};
use crate::supervise::Failure;

/// `filesrc ! decodebin3`: any container, any codec that GStreamer can decode.
pub(super) fn build(path: &Path) -> Result<gst::Element, Failure> {
    let file = element("filesrc", "gstreamer1.0-plugins-base")?;
    file.set_property("location", path);
    decoded(&file)
}
