//! The tensor slot: memory that `preprocess` writes, `detect` reads and the engine reads, without a copy.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::SealFlags;

use super::{ArenaError, WASM_PAGE, map, map::Mapping};

/// One memfd for a worker's tensor. It cannot grow: a longer tensor needs a new slot, mapped anew.
#[derive(Debug)]
pub(crate) struct TensorSlot {
    fd: OwnedFd,
    host: Mapping,
}

impl TensorSlot {
    /// Makes a slot of at least `len` bytes (rounded up to 64 KiB), all zero.
    pub(crate) fn new(len: usize) -> Result<Self, ArenaError> {
        let fail = |step| move |source| ArenaError { slot_bytes: len, slots: 1, step, source };
        let rounded = len.max(1).checked_next_multiple_of(WASM_PAGE);
        let rounded = rounded.ok_or_else(|| fail("size")(std::io::ErrorKind::InvalidInput.into()))?;
        let fd = map::memfd("edgevision-tensor", rounded).map_err(fail("memfd_create"))?;
        let host = Mapping::shared(fd.as_fd(), rounded).map_err(fail("mmap"))?;
        map::seal(&fd, SealFlags::empty()).map_err(fail("seal"))?;
        Ok(Self { fd, host })
    }

    /// The memfd, for mapping it into windows.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Bytes of the slot.
    pub(crate) fn len(&self) -> usize {
        self.host.len()
    }

    /// Copies the first bytes, as many as `bytes` has (or as there are). The instance that has the slot in a writable
    /// window must not run meanwhile.
    pub(crate) fn read(&self, bytes: &mut [u8]) {
        let len = bytes.len().min(self.len());
        // SAFETY: the mapping is readable for `self.len()` bytes while `self` lives, and no guest that can write to it
        // runs on another thread: a slot belongs to one analyzer. `bytes` is memory of the caller's own.
        unsafe { std::ptr::copy_nonoverlapping(self.as_ptr(), bytes.as_mut_ptr(), len) };
    }

    /// First byte in the host's mapping; page-aligned, valid for [`TensorSlot::len`] bytes while the slot lives.
    /// The instance that has it in a writable window must not run while somebody looks.
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.host.base()
    }
}
