//! Cameras in, sandboxed WebAssembly vision on every frame without copying it, detections out.
//!
//! The library behind the `edgevision` command. [`cli`] reads what was typed, [`config`] what is wanted; [`app`] runs
//! it: [`source`]s deliver frames, [`graph`] builds each camera's pipeline, [`supervise`] keeps it running, [`output`]
//! delivers the results and [`telemetry`] shows what happens.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod app;
mod bench;
mod check;
pub mod cli;
pub mod config;
mod cores;
pub mod error;
mod extract;
pub mod graph;
mod inspect;
pub mod output;
pub mod source;
pub mod supervise;
pub mod telemetry;
