//! One camera's pipeline: `source ! convert ! evdetect ! evpublish ! tap`.

mod builder;
pub mod names;
mod stats;

pub use builder::{CameraGraph, CameraOutputs};
