//! `evdetect` in real pipelines, with a small module whose answer is a hash of the pixels it was shown: each test
//! compares that with the pixels that leave.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(missing_docs, reason = "tests are described by their names")]

mod autoplug;
mod buffers;
mod caps;
mod chain;
mod failures;
mod fidelity;
mod flow;
mod flush;
mod latency;
mod life;
mod memory;
mod order;
mod pads;
mod picture;
mod refusals;
mod refused_buffers;
mod rig;
mod seek;
mod several;
mod starvation;
mod states;
mod support;
mod swap;
mod upstream;
mod ways;
mod ways_table;
