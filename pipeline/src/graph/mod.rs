//! One camera's pipeline: `source ! convert ! evdetect ! evpublish ! tap`.

mod builder;
pub mod names;
mod stats;

pub(crate) use builder::make;
pub use builder::{CameraGraph, CameraOutputs};
