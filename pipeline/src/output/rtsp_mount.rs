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
use crate::config::{Camera, RtspOut};

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
