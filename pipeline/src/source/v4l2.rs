//! A local camera (USB, CSI) through Video4Linux.

use std::path::Path;

use gst::prelude::*;

use super::decode::{chained, decoded, element};
use crate::{config::Source, supervise::Failure};

/// `v4l2src ! capsfilter ! decodebin3`: raw, MJPEG and H.264 cameras alike.
pub(super) fn build(device: &Path, source: &Source) -> Result<gst::Element, Failure> {
    let camera = element("v4l2src", "gstreamer1.0-plugins-good")?;
    camera.set_property("device", device.to_string_lossy().as_ref());
    let filter = element("capsfilter", "gstreamer1.0-plugins-base")?;
    filter.set_property("caps", wanted(source));
    decoded(&chained(&[&camera, &filter])?)
}

/// The formats that cameras offer, at the size and rate that was asked for.
fn wanted(source: &Source) -> gst::Caps {
    let mut caps = gst::Caps::new_empty();
    for format in ["video/x-raw", "image/jpeg", "video/x-h264", "video/x-h265"] {
        let mut structure = gst::Structure::new_empty(format);
        if let Some(size) = source.size {
            structure.set("width", i32::try_from(size.width).unwrap_or(i32::MAX));
            structure.set("height", i32::try_from(size.height).unwrap_or(i32::MAX));
        }
        if let Some(rate) = source.framerate {
            structure.set("framerate", super::pattern::fraction(rate));
        }
        caps.make_mut().append_structure(structure);
    }
    caps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::units::FrameSize;

    #[test]
    fn size_and_rate_are_asked_for_in_every_format() {
        gst::init().unwrap();
        let source = Source {
            size: Some(FrameSize { width: 1280, height: 720 }),
            framerate: Some("30000/1001".parse().unwrap()),
            ..Source::default()
        };
        let caps = wanted(&source);
        assert_eq!(caps.size(), 4);
        assert!(caps.iter().all(|format| format.get::<i32>("width") == Ok(1280)
            && format.get::<gst::Fraction>("framerate") == Ok(gst::Fraction::new(30_000, 1001))));
        assert!(wanted(&Source::default()).iter().all(|format| format.n_fields() == 0));
    }
}
