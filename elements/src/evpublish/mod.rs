//! `evpublish` writes one line of JSON for each analysed frame and passes the frame on untouched.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! evdetect preprocess=letterbox.wasm detector=yolo.wasm \
//!     model=model.onnx labels=labels.txt ! evpublish location=detections.jsonl ! fakesink
//! ```
//!
//! Frames that no detector saw (no frame report on them) leave no record. A record that cannot be written is
//! counted and the first of a row is reported as a warning on the bus; the pipeline goes on.

mod imp;
pub mod record;

use gst::{glib, prelude::*};

glib::wrapper! {
    /// The element.
    pub struct EvPublish(ObjectSubclass<imp::EvPublish>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with a plugin, or statically with none.
///
/// # Errors
/// GStreamer refuses the registration.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    gst::Element::register(plugin, "evpublish", gst::Rank::NONE, EvPublish::static_type())
}
