//! GStreamer elements that run sandboxed vision on video without copying it: `evdetect` finds, `evoverlay` draws,
//! `evpublish` writes.
//!
//! A frame's way: the decoder writes into [`framepool`]'s memory, [`evdetect`] hands it to the worker pool and
//! attaches what comes back ([`detectionmeta`]), later elements read that.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod detectionmeta;
