//! The plugin in processes of its own, as a user starts them: `gst-launch-1.0` and `gst-inspect-1.0` with the freshly
//! built plugin, and programs that start and stop pipelines many times.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(missing_docs, reason = "tests are described by their names")]

mod cycles;
mod dynamic;
mod leaks;
mod process;
mod story;
mod warnings;
