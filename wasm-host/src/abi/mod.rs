//! The only door to guest memory.
//!
//! ```text
//!  0                                  window            window                         size
//!  | the guest's own: data, stack, …  | frames, RO      | tensor, RW or RO | its own again |
//! ```
//!
//! Frame windows show memory that a decoder on another thread may be writing (other slots of the arena), so the
//! host never forms a reference into them and never writes there. The tensor window shows a [`TensorSlot`] that
//! only this worker touches; the host reads it through the slot's own mapping, whose address never changes.
//! wasmtime's own `Memory::data` would make a slice over all of it, so nobody calls that.
//!
//! [`GuestMemory`] borrows the store mutably: while it lives no guest code runs and the memory cannot grow.

mod plain;
mod read;
pub(crate) mod shape;
mod write;

use std::sync::Arc;

pub(crate) use plain::{Plain, WasiBytes, WasiTensor};

use crate::arena::TensorSlot;

/// A guest address that cannot be used; the guest learns `INVALID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error("reaches beyond the end of the linear memory")]
    OutOfBounds,
    #[error("is not aligned to its element size")]
    Misaligned,
    #[error("reaches into a window that the host does not use there")]
    Window,
    #[error("overlaps another tensor of the same call")]
    Overlap,
}

/// A range of guest memory: `len` bytes from `address`, which is a multiple of `align`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) address: u32,
    pub(crate) len: u32,
    pub(crate) align: u32,
}

impl Span {
    pub(crate) fn bytes(address: u32, len: u32) -> Self {
        Self { address, len, align: 1 }
    }

    fn end(self) -> u64 {
        u64::from(self.address) + u64::from(self.len)
    }

    /// Empty spans overlap nothing.
    pub(crate) fn overlaps(self, other: Span) -> bool {
        let (first, last) = (u64::from(self.address.max(other.address)), self.end().min(other.end()));
        first < last
    }
}

/// What the pages of a window show.
pub(crate) enum Shows {
    /// Frames, to be read or to be filled: the host stays out.
    Frames,
    /// A tensor that the guest may write (preprocess).
    TensorToFill(Arc<TensorSlot>),
    /// A tensor that the guest may only read (detect).
    TensorToRead(Arc<TensorSlot>),
}

/// Where an instance's windows are.
#[derive(Default)]
pub(crate) struct Windows {
    regions: Vec<Region>,
}

struct Region {
    span: Span,
    shows: Shows,
}

impl Windows {
    /// Notes a window. Its pages never become the guest's own again.
    pub(crate) fn note(&mut self, address: u32, len: u32, shows: Shows) {
        self.regions.push(Region { span: Span::bytes(address, len), shows });
    }

    fn place(&self, span: Span) -> Result<Place<'_>, BadAddress> {
        match self.regions.iter().find(|region| region.span.overlaps(span)) {
            None => Ok(Place::Own),
            Some(region) if span.end() <= region.span.end() && span.address >= region.span.address => {
                Ok(Place::Window {
                    shows: &region.shows,
                    offset: (span.address - region.span.address) as usize,
                })
            }
            Some(_) => Err(BadAddress::Window),
        }
    }
}

enum Place<'a> {
    Own,
    Window { shows: &'a Shows, offset: usize },
}

/// One instance's linear memory while no guest code runs.
pub(crate) struct GuestMemory<'s> {
    base: *mut u8,
    size: usize,
    windows: &'s Windows,
}

impl<'s> GuestMemory<'s> {
    /// # Safety
    /// `base` is the first of `size` bytes of a linear memory in which `windows` are all the ranges whose pages
    /// show foreign memory. For `'s` the caller holds the store exclusively, so that no guest code runs, the
    /// memory does not grow and no other `GuestMemory` exists for it.
    pub(crate) unsafe fn new(base: *mut u8, size: usize, windows: &'s Windows) -> Self {
        Self { base, size, windows }
    }

    /// Says whether a span is the guest's own memory, outside every window.
    pub(crate) fn check_own(&self, span: Span) -> Result<(), BadAddress> {
        match self.check(span)? {
            Place::Own => Ok(()),
            Place::Window { .. } => Err(BadAddress::Window),
        }
    }

    /// Bounds and alignment, then windows.
    fn check(&self, span: Span) -> Result<Place<'s>, BadAddress> {
        if span.end() > self.size as u64 {
            return Err(BadAddress::OutOfBounds);
        }
        if !span.address.is_multiple_of(span.align) {
            return Err(BadAddress::Misaligned);
        }
        self.windows.place(span)
    }
}

#[cfg(test)]
mod tests;
