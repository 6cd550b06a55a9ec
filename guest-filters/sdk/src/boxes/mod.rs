//! From the numbers of a box detector to detections: what all of them share.
//!
//! ```text
//! decode ─► Candidate ─► Boxes::add ─► nms ─► in_frame ─► Detection
//!           input pixels  threshold            map back, clip to the frame
//! ```
//! A detector reads its own parameters, lets [`PostProcess`] read the shared ones, and adds what it finds to
//! [`Boxes`].

mod candidate;
mod largest;
mod settings;
mod store;

pub use self::{
    candidate::Candidate,
    largest::{largest, max, max_of_columns},
    settings::PostProcess,
    store::Boxes,
};
