//! Memory that somebody else shares by file descriptor.

use std::os::fd::{BorrowedFd, OwnedFd};

use edgevision_wasm_host::arena::shareable_len;
use gst_allocators::{FdMemory, FdMemoryRef};

/// A frame's memory in a file that a worker can map without fear: it cannot shrink.
#[derive(Debug)]
pub struct Foreign {
    /// Our own handle on it.
    pub fd: OwnedFd,
    /// Bytes of the whole file.
    pub file_len: usize,
    /// First byte of the memory in the file.
    pub offset: usize,
}

/// Why there is no file to map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotShareable {
    /// The memory has no file descriptor.
    NoFile,
    /// It has one, but what is behind it could shrink, is too short, or cannot be examined.
    MayVanish,
}

/// The file behind a memory, if it is a dmabuf or a memfd that is sealed against shrinking. A mapped file that
/// shrinks kills the process with SIGBUS, so all other memory has to be copied.
pub fn foreign(memory: &gst::MemoryRef) -> Option<Foreign> {
    examine(memory).ok()
}

pub(super) fn examine(memory: &gst::MemoryRef) -> Result<Foreign, NotShareable> {
    let raw = memory.downcast_memory_ref::<FdMemory>().map(FdMemoryRef::fd).filter(|fd| *fd >= 0);
    let raw = raw.ok_or(NotShareable::NoFile)?;
    // SAFETY: the memory owns the descriptor and is borrowed for longer than this function runs.
    let fd = unsafe { BorrowedFd::borrow_raw(raw) };
    let file_len = shareable_len(fd).ok().and_then(|len| usize::try_from(len).ok());
    let file_len = file_len.ok_or(NotShareable::MayVanish)?;
    let offset = memory.offset();
    let fits = offset.checked_add(memory.size()).is_some_and(|end| end <= file_len);
    let fd = fits.then(|| fd.try_clone_to_owned().ok()).flatten().ok_or(NotShareable::MayVanish)?;
    Ok(Foreign { fd, file_len, offset })
}

#[cfg(test)]
mod tests {
    use gst_allocators::prelude::*;
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

    use super::*;

    fn memory(len: u64, seals: SealFlags, shown: usize) -> gst::Memory {
        use std::os::fd::IntoRawFd;
        gst::init().unwrap();
        let fd = memfd_create("foreign", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&fd, len).unwrap();
        fcntl_add_seals(&fd, seals).unwrap();
        let allocator = gst_allocators::FdAllocator::new();
        // SAFETY: the descriptor is given away and nobody else has it.
        unsafe { allocator.alloc_fd(fd.into_raw_fd(), shown, gst_allocators::FdMemoryFlags::NONE) }.unwrap()
    }

    #[test]
    fn only_files_that_cannot_shrink_are_mapped() {
        let sealed = memory(8192, SealFlags::SHRINK, 8192);
        let found = foreign(&sealed).unwrap();
        assert_eq!((found.file_len, found.offset), (8192, 0));
        assert!(foreign(&memory(8192, SealFlags::GROW, 8192)).is_none());
        assert!(
            foreign(&memory(4096, SealFlags::SHRINK, 8192)).is_none(),
            "the memory claims more than the file"
        );
        assert!(foreign(&gst::Memory::with_size(100)).is_none());
    }

    #[test]
    fn a_share_says_where_in_the_file_it_begins() {
        let sealed = memory(8192, SealFlags::SHRINK, 8192);
        assert_eq!(foreign(&sealed.share(100..200)).unwrap().offset, 100);
    }
}
