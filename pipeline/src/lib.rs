//! Cameras in, sandboxed WebAssembly vision on every frame without copying it, detections out.
//!
//! The library behind the `edgevision` command: [`config`] says what is wanted, [`cli`] what was typed, [`telemetry`]
//! shows what happens.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod config;
pub mod error;
pub mod telemetry;
