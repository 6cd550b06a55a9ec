//! Sandboxed WebAssembly vision on frames that are never copied: the frame arena, module instances, inference
//! engines and the worker pool. No GStreamer in here.
//!
//! The way of a frame through this crate:
//! [`frame`] describes it, [`arena`] holds its bytes, [`pool`] hands it to a worker, `instance` calls the
//! modules on it, [`nn`] runs the model they ask for, [`detection`] is what comes out. [`filter`] is the short way: one
//! module, frame in, frame out.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod abi;
pub mod analysis;
pub mod arena;
mod cache;
pub mod detection;
mod engine;
mod epoch;
pub mod extras;
pub mod family;
mod files;
pub mod filter;
pub mod frame;
mod imports;
mod instance;
pub mod job;
pub mod lookup;
pub mod module;
pub mod nn;
pub mod pool;
pub mod suggest;
mod text;
mod watch;
