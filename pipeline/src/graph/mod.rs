//! One camera's pipeline: `source ! convert ! evdetect ! evpublish ! tap`.

mod builder;
mod stats;
pub mod names;

pub use builder::{CameraGraph, CameraOutputs};
