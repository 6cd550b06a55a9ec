//! `evoverlay` in a harness and in pipelines: what it draws, and whose memory it draws into.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod drawing;
mod effects;
mod formats;
mod memory;
mod support;
