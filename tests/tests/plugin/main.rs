//! The plugin as a stranger gets it: installed, found, described, and at work in a pipeline of their own.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod install;
mod pictures;
