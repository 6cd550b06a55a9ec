//! `evmodule` in pipelines and harnesses: pictures, memory, failures, changes.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod changes;
mod failures;
mod memory;
mod pictures;
mod privacy;
mod support;
