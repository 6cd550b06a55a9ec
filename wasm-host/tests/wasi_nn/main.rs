//! WASI-NN against guests that do what they must not: on every engine each answer is the standard's, the host goes on,
//! and nothing of it is seen or left behind.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "addresses and sizes of tests are small")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod bombs;
mod elsewhere;
mod lifetime;
mod load;
mod models;
mod moments;
mod script;
mod time;
