//! What a TensorFlow Lite file says about itself, read without running it, and whether it may be handed to an engine.
//!
//! The schema: `schema.fbs` of TensorFlow Lite, version 3. Numbers of fields below are the schema's.

mod check;
mod graph;
mod table;

pub(super) use graph::{Interface, read};
