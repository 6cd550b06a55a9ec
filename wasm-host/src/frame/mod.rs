//! A video frame: how its pixels are laid out, and where its bytes are.

pub mod layout;

use std::{any::Any, os::fd::OwnedFd, sync::Arc};

pub use layout::{ColorMatrix, ColorRange, Colorimetry, FrameLayout, LayoutError, PixelFormat, Plane};

use crate::arena::Arena;

/// A frame on its way to a worker.
pub struct Frame {
    /// Number of the frame, counted by its camera from 0.
    pub seq: u64,
    /// Stream time in nanoseconds, if the source gave one.
    pub timestamp_ns: Option<u64>,
    /// Where the planes lie, relative to the first byte of [`Pixels`].
    pub layout: FrameLayout,
    /// Where the bytes are.
    pub pixels: Pixels,
    /// How they got there; for the metrics.
    pub transfer: Transfer,
    /// Keeps the bytes alive and unchanged (the mapped buffer) until the worker has let go of the frame.
    pub keep_alive: Box<dyn Any + Send>,
}

/// Where the bytes of a frame are.
#[derive(Clone)]
pub enum Pixels {
    /// `offset` bytes into the arena's memory.
    Arena {
        /// The camera's arena.
        arena: Arc<Arena>,
        /// First byte of the frame, from the start of the arena.
        offset: usize,
    },
    /// In memory that somebody else shares by file descriptor (dmabuf, memfd).
    Fd {
        /// The memory. Sealed against shrinking, or a dmabuf: a file that shrinks would kill the process.
        fd: Arc<OwnedFd>,
        /// Bytes of the whole memory.
        len: usize,
        /// First byte of the frame.
        offset: usize,
    },
}

/// How a frame's bytes reached memory that modules can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// The decoder wrote them into the arena.
    InPlace,
    /// The memory of somebody else was mapped.
    Mapped,
    /// One full-frame copy.
    Copied,
}
