//! `evdetect` runs sandboxed WebAssembly modules on every frame and attaches what they find.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! evdetect preprocess=letterbox.wasm detector=yolo.wasm \
//!     model=model.onnx labels=labels.txt ! evpublish location=detections.jsonl ! fakesink
//! ```
//!
//! ```text
//!  sink pad ──► submit: bytes in the arena? ──► lane ──► workers ─┐
//!     │            │ place in the order                           │ result
//!     │ events     ▼                                              ▼
//!     └──────► Output: frames, events and queries in the order in which they came
//!                  │ src pad task
//!                  ▼
//!              complete: metas attached ──► src pad
//! ```
//!
//! Buffers leave with their pixels, timestamps and flags untouched, in the order in which they came, and with
//! events between the same buffers as before. A frame whose analysis fails goes on without detections; the first
//! such frame of a row is a warning on the bus. End of stream waits for the frames in flight; a flush discards them.
//!
//! The element answers the ALLOCATION query with a pool over its own memory, so that a decoder in front of it
//! writes where the modules read. Place it before a `tee`: a `tee` in front of it drops the pool (GStreamer 1.22),
//! and each frame is then copied once. Keep a `queue` in front of it short (`max-size-buffers=4`): what waits there
//! holds slots of the arena, and when all are taken, decoders get heap memory and frames are copied.
//!
//! # Latency
//!
//! `(queue-size + workers) x frame duration` is added to the LATENCY query: the frames that may be waiting or being
//! analysed when all workers just keep up. Without a frame rate it is `deadline`. When frames of a live source stay
//! longer than that, because modules are slower than the stream or the machine is busy, the element announces what
//! it measured and posts a LATENCY message; `gst-launch-1.0` then sets the pipeline's latency anew, other programs
//! call `gst_bin_recalculate_latency()`.
//!
//! # Frames that are not analysed
//!
//! A buffer with the GAP flag holds no picture of the source: it passes without analysis (`status` is `skipped`).

mod complete;
mod health;
mod imp;
mod item;
mod latency;
mod load;
mod output;
mod retune;
mod running;
mod settings;
mod sink;
mod specs;
mod src;
mod stats;
mod submit;
mod swap;
mod workers;

use gst::{glib, prelude::*};

pub use settings::{Performance, Policy, Precision};
pub use workers::{planned as planned_workers, set_default_workers, set_latency_workers};

glib::wrapper! {
    /// The element.
    pub struct EvDetect(ObjectSubclass<imp::EvDetect>) @extends gst::Element, gst::Object;
}

/// Registers the element with a plugin, or statically with none.
///
/// # Errors
/// GStreamer refuses the registration.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    gst::Element::register(plugin, "evdetect", gst::Rank::NONE, EvDetect::static_type())
}
