//! `test://PATTERN`: GStreamer's test pictures as a live camera. Needs no camera, file or network.

use gst::prelude::*;

use super::decode::{chained, element};
use crate::{
    config::{
        Source,
        units::{FrameRate, FrameSize},
    },
    supervise::Failure,
};

const SIZE: FrameSize = FrameSize { width: 640, height: 360 };
const RATE: FrameRate = FrameRate { numer: 30, denom: 1 };

/// `videotestsrc is-live=true ! capsfilter`.
pub(super) fn build(pattern: &str, source: &Source) -> Result<gst::Element, Failure> {
    let test = element("videotestsrc", "gstreamer1.0-plugins-base")?;
    test.set_property_from_str("pattern", pattern);
    test.set_property("is-live", true);
    let filter = element("capsfilter", "gstreamer1.0-plugins-base")?;
    filter.set_property("caps", caps(source));
    chained(&[&test, &filter])
}

fn caps(source: &Source) -> gst::Caps {
    let size = source.size.unwrap_or(SIZE);
    gst_video::VideoCapsBuilder::new()
        .format(gst_video::VideoFormat::I420)
        .width(i32::try_from(size.width).unwrap_or(i32::MAX))
        .height(i32::try_from(size.height).unwrap_or(i32::MAX))
        .framerate(fraction(source.framerate.unwrap_or(RATE)))
        .build()
}

/// As GStreamer writes it.
pub(super) fn fraction(rate: FrameRate) -> gst::Fraction {
    gst::Fraction::new(
        i32::try_from(rate.numer).unwrap_or(i32::MAX),
        i32::try_from(rate.denom).unwrap_or(i32::MAX),
    )
}
