//! Which H.264 encoder, and how it is set: no delay, a key frame at least every so often.

use std::time::Duration;

use gst::prelude::*;

use crate::error::{AppError, Exit};

/// Value of the config's `encoder` that leaves the choice to us.
pub(super) const AUTO: &str = "auto";

/// Frames per second that are assumed where the caps say nothing.
const USUAL_RATE: f64 = 30.0;

/// How an encoder is told what it has to do. Elements differ in the names and units of their properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dialect {
    /// Properties that keep it from holding frames back.
    fixed: &'static [(&'static str, &'static str)],
    /// Divides bits per second.
    bitrate_unit: u32,
    /// Property that holds the frames between key frames.
    key_interval: &'static str,
}

const X264: Dialect = Dialect {
    fixed: &[("tune", "zerolatency"), ("speed-preset", "superfast")],
    bitrate_unit: 1000,
    key_interval: "key-int-max",
};
const OPEN_H264: Dialect = Dialect {
    fixed: &[("complexity", "low"), ("rate-control", "bitrate"), ("usage-type", "camera")],
    bitrate_unit: 1,
    key_interval: "gop-size",
};
/// The hardware encoders of GStreamer's va, qsv and nvcodec plugins count in kbit/s.
const HARDWARE: Dialect = Dialect { fixed: &[], bitrate_unit: 1000, key_interval: "key-int-max" };

/// A choice that is known to be installed.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    factory: String,
    dialect: Dialect,
}

impl Encoder {
    /// The encoder for the config's `encoder`: x264enc, else openh264enc, or the element that it names.
    pub(super) fn choose(wanted: &str) -> Result<Self, AppError> {
        choose(wanted, |factory| gst::ElementFactory::find(factory).is_some())
    }

    pub(super) fn factory(&self) -> &str {
        &self.factory
    }

    /// Sets the encoder up; what it does not know (hardware encoders differ) keeps its default.
    pub(super) fn configure(&self, encoder: &gst::Element, bitrate: u32, key_frames: usize) {
        for (name, value) in self.dialect.fixed {
            if encoder.find_property(name).is_some() {
                encoder.set_property_from_str(name, value);
            }
        }
        set_number(encoder, "bitrate", u64::from(bitrate / self.dialect.bitrate_unit));
        set_number(encoder, self.dialect.key_interval, key_frames as u64);
    }
}

fn choose(wanted: &str, is_installed: impl Fn(&str) -> bool) -> Result<Encoder, AppError> {
    let candidates: &[&str] = if wanted == AUTO { &["x264enc", "openh264enc"] } else { &[wanted] };
    let found = candidates.iter().find(|factory| is_installed(factory));
    let factory = found.ok_or_else(|| missing(wanted))?.to_string();
    let dialect = match factory.as_str() {
        "x264enc" => X264,
        "openh264enc" => OPEN_H264,
        _ => HARDWARE,
    };
    Ok(Encoder { factory, dialect })
}

fn missing(wanted: &str) -> AppError {
    let sentence = match wanted {
        AUTO => {
            "outputs.rtsp: there is no H.264 encoder; install x264enc (Debian: gstreamer1.0-plugins-ugly) or \
                 openh264enc (gstreamer1.0-plugins-bad)"
                .to_owned()
        }
        "x264enc" => needs("x264enc", "gstreamer1.0-plugins-ugly"),
        "openh264enc" => needs("openh264enc", "gstreamer1.0-plugins-bad"),
        other => format!(
            "outputs.rtsp.encoder: there is no GStreamer element `{other}`; install its plugin or write `auto`"
        ),
    };
    AppError::new(Exit::Unavailable, sentence)
}

/// The sentence for an element that is not installed.
pub(super) fn needs(element: &str, package: &str) -> String {
    format!("outputs.rtsp: the GStreamer element `{element}` is missing; install it (Debian: {package})")
}

/// Sets an integer property of whatever width, inside its range, if there is one of that name.
fn set_number(element: &gst::Element, name: &str, value: u64) {
    let Some(property) = element.find_property(name) else { return };
    if let Some(spec) = property.downcast_ref::<gst::glib::ParamSpecUInt>() {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        element.set_property(name, value.clamp(spec.minimum(), spec.maximum()));
    } else if let Some(spec) = property.downcast_ref::<gst::glib::ParamSpecInt>() {
        let value = i32::try_from(value).unwrap_or(i32::MAX);
        element.set_property(name, value.clamp(spec.minimum(), spec.maximum()));
    }
}

/// Frames from one key frame to the next at the caps' frame rate, at least 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
pub(super) fn key_frame_distance(caps: Option<&gst::Caps>, interval: Duration) -> usize {
    let rate = caps
        .and_then(|caps| caps.structure(0))
        .and_then(|structure| structure.get::<gst::Fraction>("framerate").ok())
        .filter(|rate| rate.numer() > 0 && rate.denom() > 0)
        .map_or(USUAL_RATE, |rate| f64::from(rate.numer()) / f64::from(rate.denom()));
    ((rate * interval.as_secs_f64()).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x264_first() {
        assert_eq!(choose(AUTO, |_| true).unwrap().factory, "x264enc");
        assert_eq!(choose(AUTO, |name| name == "openh264enc").unwrap().dialect, OPEN_H264);
        assert_eq!(choose("vah264enc", |_| true).unwrap().dialect, HARDWARE);
    }

    #[test]
    fn a_missing_encoder_is_a_sentence() {
        for (wanted, sentence) in [
            (
                AUTO,
                "outputs.rtsp: there is no H.264 encoder; install x264enc (Debian: gstreamer1.0-plugins-ugly) or \
                 openh264enc (gstreamer1.0-plugins-bad)",
            ),
            (
                "x264enc",
                "outputs.rtsp: the GStreamer element `x264enc` is missing; install it (Debian: \
                 gstreamer1.0-plugins-ugly)",
            ),
            (
                "x265enc",
                "outputs.rtsp.encoder: there is no GStreamer element `x265enc`; install its plugin or write `auto`",
            ),
        ] {
            let error = choose(wanted, |_| false).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.exit()), (sentence, Exit::Unavailable));
        }
    }

    #[test]
    fn key_frames_come_in_time() {
        gst::init().unwrap();
        let caps = |text: &str| text.parse::<gst::Caps>().unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(key_frame_distance(Some(&caps("video/x-raw,framerate=25/1")), second), 25);
        assert_eq!(key_frame_distance(Some(&caps("video/x-raw,framerate=0/1")), second), 30);
        assert_eq!(key_frame_distance(Some(&caps("video/x-raw,framerate=1/10")), second), 1);
        assert_eq!(key_frame_distance(None, second * 2), 60);
    }
}
