//! `evpublish` publishes what detectors have found, and passes the frames on untouched.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! evdetect preprocess=letterbox.wasm detector=yolo.wasm \
//!     model=model.onnx labels=labels.txt ! evpublish location=detections.jsonl ! fakesink
//! ```
//!
//! One record for each frame that a detector has seen, before the frame leaves, in three ways at once:
//!
//! | way | switched on by | what arrives |
//! |---|---|---|
//! | JSON Lines | `location` (default `-`, standard output; empty for none) | the record as a line of text |
//! | bus message | `post-messages=true` | element message with the structure `edgevision-detections` |
//! | signal `new-detections` | connecting to it | the buffer and the same structure |
//!
//! `evdetect` leaves a report on each frame, which becomes a record. Detections of other people's elements (regions
//! of interest) make one record for the frame, with null for what they do not tell; a frame without a report and
//! without detections makes none, as nobody knows whether a detector has seen it. Takes any caps, works in
//! passthrough: no frame is copied or mapped.
//!
//! # The structure `edgevision-detections`
//!
//! | field | type | what |
//! |---|---|---|
//! | `camera` | string | name of the camera |
//! | `seq` | uint64 | number of the frame |
//! | `status` | string | `ok`, `skipped`, `timeout`, `trapped`, `quarantined` |
//! | `pts`, `duration` | uint64 | of the buffer, in ns; `GST_CLOCK_TIME_NONE` if it has none |
//! | `stream-time`, `running-time` | uint64 | of its pts, in ns; `GST_CLOCK_TIME_NONE` if unknown |
//! | `width`, `height` | uint | size of the frame in pixels; absent if unknown |
//! | `objects` | list of structures `object` | `label` (string), `x`, `y`, `w`, `h` (uint, pixels), and where known `label_id` (uint), `confidence` (double), `id` (int, of a tracker) |
//! | `record` | string | the whole record as JSON |
//!
//! # Signals
//!
//! `new-detections` (`GstBuffer` buffer, `GstStructure` detections): emitted from the streaming thread, before the
//! frame leaves. The buffer is not to be changed; who keeps it keeps a slot of the frame memory, so read and let go.
//! While the handler runs, this stream waits, and frames of a live source pass un-analysed in the meantime; other
//! cameras have threads of their own. It must not change the state of the pipeline, as that waits for the streaming
//! thread: post a message to the bus and do it there. A Python handler that raises prints its traceback and the frame
//! goes on; a Rust handler that panics aborts the process, because C code in between cannot be unwound.
//!
//! # Places that do not take a line
//!
//! A location that cannot be opened is an element *error* when the element starts. A line that cannot be written
//! later (disk full, the reader of a pipe gone or not reading) is lost and counted in `stats`, the first of a row is
//! an element *warning*, and frames go on. A pipe that nobody reads holds the stream once, half a second if it is
//! live and 30 seconds if not; lines are then lost at once until it is read again. A state change ends the wait.
//! SIGPIPE never ends the process.

mod extras;
mod foreign;
mod imp;
mod record;
mod running;
mod settings;
mod structure;

use gst::{glib, prelude::*};

pub use record::rfc3339;

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
