//! What the whole-system tests share: where media and programs are, running the command, reading its records.

pub mod clips;
pub mod command;
pub mod compare;
pub mod engines;
pub mod media;
pub mod modules;
pub mod records;
pub mod rtsp;
