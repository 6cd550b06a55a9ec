//! Windows: guest pages that show memory from outside the sandbox.

use std::{io, os::fd::BorrowedFd, sync::Arc};

use rustix::mm::ProtFlags;
use wasmtime::{AsContextMut, Memory};

use super::{ShareError, WASM_PAGE, check_shareable, guard::Watch, map::Mapping, memory::range_of};

/// What the guest may do with a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Loads only; a store traps or poisons.
    ReadOnly,
    /// Loads and stores.
    ReadWrite,
}

/// A range of guest pages that shows foreign memory.
///
/// Keeps the address range of its linear memory reserved, so it may be dropped before or after the store. When it is
/// dropped first, the pages become plain zeroed guest memory: an instance that is to go on retires it and keeps it.
#[derive(Debug)]
pub(crate) struct Window {
    range: Arc<Mapping>,
    at: usize,
    address: u32,
    len: usize,
    access: Access,
    watch: Option<Watch>,
}

/// Why a window cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WindowError {
    /// The memory does not come from this crate's engine.
    #[error("the linear memory was not made by this host's engine")]
    ForeignMemory,
    /// The guest's memory cannot grow by so much.
    #[error(
        "the module's memory of {size} bytes cannot grow by a window of {window} bytes: {reason}; \
         build the module without a maximum memory"
    )]
    Grow {
        /// Bytes the memory has.
        size: usize,
        /// Bytes of the window.
        window: usize,
        /// What the engine said.
        reason: String,
    },
    /// The new memory is longer than the range.
    #[error("{len} bytes do not fit into a window of {window} bytes")]
    TooLong {
        /// Bytes to be shown.
        len: usize,
        /// Bytes of the range.
        window: usize,
    },
    /// The foreign memory must not be mapped.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The system refused.
    #[error("mapping a window of {len} bytes failed: {source}")]
    Map {
        /// Bytes to be shown.
        len: usize,
        /// What it said.
        source: io::Error,
    },
}

impl Window {
    /// Grows `memory` by the window's pages (rounded to 64 KiB) and maps the first `len` bytes of `fd` over them.
    pub(crate) fn open(
        store: impl AsContextMut,
        memory: &Memory,
        fd: BorrowedFd<'_>,
        len: usize,
        access: Access,
    ) -> Result<Window, WindowError> {
        check_shareable(fd, len)?;
        let (range, address, room) = grow(store, memory, len)?;
        let at = address as usize;
        let mut window = Window { range, at, address, len: room, access, watch: None };
        window.map(fd, len)?;
        if access == Access::ReadOnly {
            window.watch = Some(Watch::new(window.range.base().addr() + at, room));
        }
        Ok(window)
    }

    /// Maps another memory over the same guest pages; an error if it is longer than the range (the caller then opens
    /// a new window). What the pages showed before is gone, poisoned pages too; the flag stays until it is taken.
    pub(crate) fn remap(&mut self, fd: BorrowedFd<'_>, len: usize) -> Result<(), WindowError> {
        check_shareable(fd, len)?;
        if len > self.len {
            return Err(WindowError::TooLong { len, window: self.len });
        }
        self.map(fd, len)
    }

    /// Ends the view: from here on the pages of this read-only window are zeroes that the guest cannot change. It must
    /// not get them for its own, because they were never counted against its limit. After an error the instance must
    /// not run again.
    pub(crate) fn retire(&self) -> Result<(), WindowError> {
        let cleared = self.range.clear(self.at, self.len, self.prot());
        cleared.map_err(|source| WindowError::Map { len: self.len, source })
    }

    /// Guest address of the first byte; a multiple of 64 KiB.
    pub(crate) fn address(&self) -> u32 {
        self.address
    }

    /// Bytes of the range, a multiple of 64 KiB. What was mapped may be shorter; the rest reads as zero.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True if somebody wrote into the read-only window from outside compiled code since this was last asked.
    pub(crate) fn take_poisoned(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::take_poisoned)
    }

    /// Lets the guest write `[at, at + len)` of a read-only window, multiples of the page size, until
    /// [`Window::forbid_writing`]. The memory behind it must not be sealed against that.
    pub(crate) fn allow_writing(&self, at: usize, len: usize) -> Result<(), WindowError> {
        let inside = at.checked_add(len).is_some_and(|end| end <= self.len);
        let range = inside.then_some(self.at + at).ok_or(WindowError::TooLong { len, window: self.len })?;
        self.range.allow_access(range, len).map_err(|source| WindowError::Map { len, source })
    }

    /// Ends what [`Window::allow_writing`] began. After an error the window must not be used any more.
    pub(crate) fn forbid_writing(&self, at: usize, len: usize) -> Result<(), WindowError> {
        self.range.forbid_writing(self.at + at, len).map_err(|source| WindowError::Map { len, source })
    }

    /// Pages behind the end of the foreign memory would be SIGBUS: they get zeroes.
    fn map(&self, fd: BorrowedFd<'_>, len: usize) -> Result<(), WindowError> {
        let shown = len.next_multiple_of(rustix::param::page_size());
        let prot = self.prot();
        self.range
            .show(self.at, fd, shown, prot)
            .and_then(|()| self.range.clear(self.at + shown, self.len - shown, prot))
            .map_err(|source| WindowError::Map { len, source })
    }

    fn prot(&self) -> ProtFlags {
        match self.access {
            Access::ReadOnly => ProtFlags::READ,
            Access::ReadWrite => ProtFlags::READ | ProtFlags::WRITE,
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // Pages first, watch second: a read-only page that nobody watches would be a way to kill the process.
        let cleared = self.range.clear(self.at, self.len, ProtFlags::READ | ProtFlags::WRITE);
        if let Err(error) = cleared {
            tracing::error!(%error, len = self.len, "a window could not be closed and stays watched for ever");
            std::mem::forget((self.range.clone(), self.watch.take()));
        }
    }
}

/// Grows the memory; returns its range, the guest address of the new pages and their bytes.
fn grow(
    mut store: impl AsContextMut,
    memory: &Memory,
    len: usize,
) -> Result<(Arc<Mapping>, u32, usize), WindowError> {
    let range = range_of(memory.data_ptr(&store)).ok_or(WindowError::ForeignMemory)?;
    let size = memory.data_size(&store);
    let room = len.max(1).checked_next_multiple_of(WASM_PAGE).unwrap_or(usize::MAX);
    let too_big = |reason: String| WindowError::Grow { size, window: room, reason };
    let address = u32::try_from(size).map_err(|_| too_big("the memory is full".into()))?;
    memory.grow(&mut store, (room / WASM_PAGE) as u64).map_err(|error| too_big(error.to_string()))?;
    Ok((range, address, room))
}
