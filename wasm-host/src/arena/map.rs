//! Address ranges and memfds: every `mmap`, `mprotect` and `munmap` of this crate (but the guard's) is here.
//!
//! A [`Mapping`] owns its address range. Nothing in it is ever behind a Rust reference that outlives a call: the
//! bytes change under other threads' and other processes' hands, so they are reached through raw pointers or from
//! WebAssembly. That is what makes it sound to swap the pages of a range behind a shared `&Mapping`.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    ptr::NonNull,
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    mm::{MapFlags, MprotectFlags, ProtFlags},
};

/// An address range that belongs to us until it is dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a Mapping is an address range, not the bytes in it: it hands out raw pointers only, and the kernel
// serialises changes of the range itself.
unsafe impl Send for Mapping {}
// SAFETY: as above; no method reads or writes the bytes through a reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves `len` bytes of address space without memory behind it.
    pub(super) fn reserve(len: usize) -> io::Result<Self> {
        // SAFETY: a new private range at an address that the kernel chooses touches nobody's memory.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                len,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }?;
        Self::own(base.cast(), len)
    }

    /// Maps `len` bytes of `fd` for reading and writing, shared.
    pub(super) fn shared(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new range at an address that the kernel chooses touches nobody's memory.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, prot, MapFlags::SHARED, fd, 0) }?;
        Self::own(base.cast(), len)
    }

    fn own(base: *mut u8, len: usize) -> io::Result<Self> {
        let base = NonNull::new(base).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { base, len })
    }

    /// First byte of the range.
    pub(super) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Bytes of the range.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Pointer to `at`, if `[at, at + len)` is inside the range.
    pub(super) fn at(&self, at: usize, len: usize) -> io::Result<*mut u8> {
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: `at` is at most `self.len`, so the pointer stays inside the range or one past its end.
        Ok(unsafe { self.base().add(at) })
    }

    /// Makes `[at, at + len)` readable and writable.
    pub(super) fn allow_access(&self, at: usize, len: usize) -> io::Result<()> {
        let start = self.at(at, len)?;
        // SAFETY: the range is ours (checked by `at`), and adding permissions invalidates nothing.
        unsafe { rustix::mm::mprotect(start.cast(), len, MprotectFlags::READ | MprotectFlags::WRITE) }?;
        Ok(())
    }

    /// Takes the right to write `[at, at + len)` away again.
    pub(super) fn forbid_writing(&self, at: usize, len: usize) -> io::Result<()> {
        let start = self.at(at, len)?;
        // SAFETY: the range is ours (checked by `at`); nobody has a reference into it (see the module's head), and
        // guests that store there from now on trap.
        unsafe { rustix::mm::mprotect(start.cast(), len, MprotectFlags::READ) }?;
        Ok(())
    }

    /// Puts the first `len` bytes of `fd` in place of the pages at `at`.
    pub(super) fn show(&self, at: usize, fd: BorrowedFd<'_>, len: usize, prot: ProtFlags) -> io::Result<()> {
        let start = self.at(at, len)?;
        // SAFETY: the range is ours (checked by `at`), and no reference into it exists (see the module's head), so
        // replacing its pages is seen as a change of the bytes only.
        unsafe { rustix::mm::mmap(start.cast(), len, prot, MapFlags::SHARED | MapFlags::FIXED, fd, 0) }?;
        Ok(())
    }

    /// Puts private zeroes in place of the pages in `[at, at + len)`.
    pub(super) fn clear(&self, at: usize, len: usize, prot: ProtFlags) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        let start = self.at(at, len)?;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: as in `show`.
        unsafe { rustix::mm::mmap_anonymous(start.cast(), len, prot, flags) }?;
        Ok(())
    }

    /// Copies `bytes` to `at`.
    ///
    /// # Safety
    ///
    /// The pages must be writable, and nobody else may read or write them during the call.
    pub(super) unsafe fn write(&self, at: usize, bytes: &[u8]) -> io::Result<()> {
        let to = self.at(at, bytes.len())?;
        // SAFETY: the target is inside our range (checked by `at`) and the caller's alone; `bytes` cannot overlap
        // it, as no reference into a mapping exists.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is ours and its owner is going away; whoever kept a raw pointer broke the contract of
        // the type that gave it out (Slot, TensorSlot, Window).
        let unmapped = unsafe { rustix::mm::munmap(self.base().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "munmap of a range of our own: {unmapped:?}");
    }
}

/// Makes a memfd of `len` bytes that can be sealed and cannot be executed.
pub(super) fn memfd(name: &str, len: usize) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know NOEXEC_SEAL.
        Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create(name, flags),
        other => other,
    }?;
    rustix::fs::ftruncate(&fd, len as u64)?;
    Ok(fd)
}

/// Seals a memfd against a change of its size and against more seals, and with those in `more`.
pub(super) fn seal(fd: &OwnedFd, more: SealFlags) -> io::Result<()> {
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL | more;
    Ok(rustix::fs::fcntl_add_seals(fd, seals)?)
}
