//! `evoverlay` draws what was found: boxes with labels, camera name and time; or makes it unrecognisable.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! evdetect preprocess=letterbox.wasm detector=yolo.wasm \
//!     model=model.onnx labels=labels.txt ! evoverlay camera-name=line3 ! videoconvert ! autovideosink
//! ```
//!
//! People blurred, with a margin, and the whole picture whenever the analysis has nothing to say:
//!
//! ```text
//! … ! evoverlay effect=blur effect-labels=person effect-margin=0.1 cover-unanalysed=true ! …
//! ```
//!
//! # Whose memory
//!
//! It draws into the planes of the frame: in place when nobody else can see the buffer, else on exactly one copy, in
//! memory of downstream's pool if it offers one. Frames of a decoder are always shared, so they are copied here and
//! let go of at once. A frame with nothing to draw passes untouched.
//!
//! # What is drawn
//!
//! The regions on the buffer, whoever attached them: those of `evdetect` and of other elements (Intel DL Streamer's).
//! Who adds, removes or numbers regions in between is heard. Reports of `evdetect` say whether a frame was analysed;
//! what that means for boxes and for hidden objects is told at [`hold::Holder::view`].
//!
//! # The way through the code
//!
//! [`annotate`] decides what is to be seen on a frame, [`hold`] remembers, [`layout`](mod@layout) makes strokes of it,
//! [`draw`] puts them on planes whose bytes [`format`](mod@format) explains; [`color`], [`style`] and [`text`] are their tools.

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
