//! `evoverlay` draws what `evdetect` found: boxes in the colour of their class, labels, camera name and time.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! evdetect preprocess=letterbox.wasm detector=yolo.wasm \
//!     model=model.onnx labels=labels.txt ! evoverlay camera-name=line3 ! videoconvert ! autovideosink
//! ```
//!
//! It draws into the planes of the frame: in place when nobody else can see the buffer, else on exactly one copy
//! (in memory of downstream's pool if it offers one). Frames of a decoder are always shared, so they are copied
//! here and let go of at once. A frame with nothing to draw passes untouched.
//!
//! Without a frame report it draws the regions of interest that other elements (Intel DL Streamer's) attach.
//!
//! [`scene`] lays out, [`draw`] puts it on planes, [`style`] chooses colours and sizes, [`annotate`] decides what
//! is to be seen on a frame.

pub mod annotate;
pub mod color;
pub mod draw;
#[cfg(test)]
mod drawing_tests;
pub mod format;
mod hide;
pub mod hold;
mod imp;
pub mod labels;
pub mod layout;
mod own;
pub mod scene;
mod settings;
pub mod style;
pub mod text;

use gst::{glib, prelude::*};

glib::wrapper! {
    /// The element.
    pub struct EvOverlay(ObjectSubclass<imp::EvOverlay>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with a plugin, or statically with none.
///
/// # Errors
/// GStreamer refuses the registration.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    gst::Element::register(plugin, "evoverlay", gst::Rank::NONE, EvOverlay::static_type())
}
