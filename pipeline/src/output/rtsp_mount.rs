//! One camera's place on the RTSP server: how it is published, and the way in for its frames.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gst_rtsp_server::prelude::*;

use super::rtsp_stream::{Counters, Stream};
use crate::config::{Camera, Overlay, RtspOut};

/// How a camera is published.
#[derive(Clone, Debug, PartialEq)]
pub struct MountOptions {
    /// `auto` or the name of a GStreamer encoder element.
    pub encoder: String,
    /// Bits per second.
    pub bitrate: u32,
    /// Longest time between key frames, which is how long a newcomer waits.
    pub keyframe_interval: Duration,
    /// What is drawn; nothing when there is none.
    pub overlay: Option<OverlayOptions>,
}

/// What is drawn into the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlayOptions {
    /// Shown at the top left; empty shows neither name nor time.
    pub camera_name: String,
    /// Time of day beside the name.
    pub time: bool,
    /// Name of the class at each box.
    pub labels: bool,
    /// Confidence at each box.
    pub confidence: bool,
    /// Width of the lines in pixels, by the size of the frame when there is none.
    pub line_width: Option<u32>,
    /// Height of the letters as a share of the frame's height.
    pub text_size: f64,
    /// Properties of `evoverlay` that choose and hide objects, as their names and values in text.
    pub objects: Vec<(&'static str, String)>,
}

/// What is drawn of objects, in the words of `evoverlay`.
fn objects(overlay: &Overlay) -> Vec<(&'static str, String)> {
    vec![
        ("labels", overlay.only.join("\n")),
        ("min-confidence", overlay.min_confidence.to_string()),
        ("effect", overlay.effect.nick().to_owned()),
        ("effect-labels", overlay.effect_labels.join("\n")),
        ("effect-margin", overlay.effect_margin.to_string()),
        ("cover-unanalysed", overlay.cover_unanalysed.to_string()),
        ("hold", overlay.hold.get().as_nanos().to_string()),
    ]
}

impl MountOptions {
    /// As the config says for this camera.
    #[must_use]
    pub fn of(settings: &RtspOut, camera: &Camera) -> Self {
        let overlay = &camera.overlay;
        let drawn = OverlayOptions {
            camera_name: if overlay.name { camera.name.clone() } else { String::new() },
            time: overlay.time,
            labels: overlay.labels,
            confidence: overlay.confidence,
            line_width: overlay.line_width,
            text_size: overlay.text_size,
            objects: objects(overlay),
        };
        Self {
            encoder: settings.encoder.clone(),
            bitrate: u32::try_from(settings.bitrate.0).unwrap_or(u32::MAX),
            keyframe_interval: settings.keyframe_interval.get(),
            overlay: overlay.enabled.then_some(drawn),
        }
    }
}

/// What a mount has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountStats {
    /// Frames offered by the camera.
    pub fed: u64,
    /// Frames that went on towards the encoder.
    pub forwarded: u64,
    /// Frames that the encoder has delivered.
    pub encoded: u64,
}

/// A camera's place on the server; the stream ends when this is dropped.
pub struct Mount {
    pub(super) stream: Arc<Stream>,
    pub(super) path: String,
    pub(super) points: gst_rtsp_server::RTSPMountPoints,
}

impl Mount {
    /// Offers a frame. Never blocks; does next to nothing while nobody watches.
    pub fn feed(&self, sample: &gst::Sample) {
        if let (Some(buffer), Some(caps)) = (sample.buffer_owned(), sample.caps_owned()) {
            self.feed_buffer(&buffer, &caps);
        }
    }

    /// Offers a frame with its caps. Never blocks; does next to nothing while nobody watches.
    pub fn feed_buffer(&self, buffer: &gst::Buffer, caps: &gst::Caps) {
        self.stream.feed(buffer, caps);
    }

    /// Whether the stream is being encoded for somebody.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.stream.is_watched()
    }

    /// Counters since the mount was made.
    #[must_use]
    pub fn stats(&self) -> MountStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { fed, forwarded, encoded } = self.stream.counters();
        MountStats { fed: read(fed), forwarded: read(forwarded), encoded: read(encoded) }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.points.remove_factory(&self.path);
        self.stream.end();
    }
}

#[cfg(test)]
mod tests {
    use gst::prelude::*;

    use super::*;
    use crate::config::OverlayEffect;

    #[test]
    fn the_overlay_knows_these_words() {
        gst::init().unwrap();
        super::super::rtsp_stream::register_overlay().unwrap();
        let element = gst::ElementFactory::make("evoverlay").build().unwrap();
        for effect in [
            OverlayEffect::Box,
            OverlayEffect::Blur,
            OverlayEffect::Pixelate,
            OverlayEffect::Fill,
            OverlayEffect::None,
        ] {
            let only = vec!["missing cap".to_owned(), "-person".to_owned()];
            let overlay = Overlay { effect, only, min_confidence: 0.5, ..Overlay::default() };
            objects(&overlay).iter().for_each(|(name, value)| element.set_property_from_str(name, value));
            let (_, nick) = glib_enum(&element, "effect");
            assert_eq!(nick, effect.nick());
            assert_eq!(element.property::<String>("labels"), "missing cap\n-person");
            assert!((element.property::<f64>("min-confidence") - 0.5).abs() < 1e-9);
            assert_eq!(element.property::<u64>("hold"), 500_000_000);
        }
    }

    fn glib_enum(element: &gst::Element, name: &str) -> (i32, String) {
        let value = element.property_value(name);
        let (_, value) = gst::glib::EnumValue::from_value(&value).unwrap();
        (value.value(), value.nick().to_owned())
    }
}
