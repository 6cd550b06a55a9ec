//! `evmodule` runs one sandboxed WebAssembly module of the role *filter* on every frame: it reads a frame and writes
//! another one of the same size and format. Masking, blurring, correcting.
//!
//! ```text
//! gst-launch-1.0 videotestsrc num-buffers=30 ! evmodule module=grayscale ! videoconvert ! autovideosink
//! ```
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! evmodule module=privacy-mask \
//!     params='{"polygons":[[[0.1,0.1],[0.6,0.1],[0.6,0.9],[0.1,0.9]]],"mode":"blur"}' ! videoconvert ! autovideosink
//! ```
//!
//! ```text
//!  decoder ──► arena (read-only to the module) ──► filter ──► second arena ──► downstream
//!                      ▲ offered upstream                        │ writable to the module while its call lasts
//! ```
//!
//! The element answers the ALLOCATION query with a pool over its own memory, so that a decoder in front of it writes
//! where the module reads; what the module writes goes downstream as it is, and an `evdetect` or `evmodule` behind it
//! reads it in place. Neither way is a frame copied by the host. Buffers keep their timestamps, flags and metas.
//! Formats are `I420`, `NV12`, `RGB`, `BGR` and `GRAY8`.
//!
//! # When the module fails
//!
//! A trap, a missed deadline, a broken rule or an error that the module reports costs the frame; the module is started
//! anew. `on-error` says what goes on in its place: a black frame (`blank`, the default, because a mask that fails must
//! not let the picture through), nothing (`drop`) or the frame as it came in (`pass`). The first failure of
//! each kind is a warning on the bus, and again after ten frames in a row that went well.
//!
//! # Changes while it runs
//!
//! `module`, `params`, `deadline`, `memory-limit` and `camera` can be changed at any time and take effect with the
//! next frame: the module is started with the new values before the old one ends. When it refuses them, a warning
//! says why and the old one goes on. At the start a bad value is an error.

mod blank;
mod imp;
mod load;
mod process;
mod settings;
mod stats;
mod told;

use gst::{glib, prelude::*};

pub use settings::OnError;

glib::wrapper! {
    /// The element.
    pub struct EvModule(ObjectSubclass<imp::EvModule>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with a plugin, or statically with none.
///
/// # Errors
/// GStreamer refuses the registration.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    OnError::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(plugin, "evmodule", gst::Rank::NONE, EvModule::static_type())
}
