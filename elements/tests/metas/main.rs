//! Reports and regions: how they are written and read, and what GStreamer's own elements make of them.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[cfg(feature = "v1_24")]
mod analytics;
#[path = "../common/mod.rs"]
mod common;
mod extras;
mod passage;
mod reading;
#[allow(clippy::cast_possible_truncation, reason = "positions in small frames")]
mod survival;
