//! Memory that somebody else shares by file descriptor: what may be mapped, and how a dmabuf is read.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{
    fs::SealFlags,
    io::Errno,
    ioctl::{Opcode, Setter, ioctl, opcode},
};

/// Why somebody's memory cannot be mapped into a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// It could shrink under the mapping, which would kill the process.
    #[error(
        "the file descriptor is neither a dmabuf nor a memfd sealed against shrinking; copy the frame instead"
    )]
    MayShrink,
    /// It is shorter than what is to be mapped.
    #[error("the file descriptor holds {found} bytes, {wanted} are to be mapped")]
    TooShort {
        /// Bytes behind the descriptor.
        found: u64,
        /// Bytes asked for.
        wanted: usize,
    },
    /// The system would not tell.
    #[error("the file descriptor cannot be examined: {0}")]
    Io(#[from] io::Error),
}

/// Bytes behind `fd` that can be mapped for as long as we like: those of a dmabuf, or of a memfd sealed against
/// shrinking. Elements ask this before they hand a frame over as [`crate::frame::Pixels::Fd`].
///
/// # Errors
/// The memory may shrink, or the system does not tell.
pub fn shareable_len(fd: BorrowedFd<'_>) -> Result<u64, ShareError> {
    if is_dmabuf(fd)? { Ok(dmabuf_len(fd)?) } else { sealed_len(fd) }
}

/// Checks that the first `len` bytes behind `fd` can be mapped: [`shareable_len`] of at least so many.
pub fn check_shareable(fd: BorrowedFd<'_>, len: usize) -> Result<(), ShareError> {
    let found = shareable_len(fd)?;
    if found < len as u64 {
        return Err(ShareError::TooShort { found, wanted: len });
    }
    Ok(())
}

fn is_dmabuf(fd: BorrowedFd<'_>) -> io::Result<bool> {
    /// `DMA_BUF_MAGIC` of linux/magic.h.
    const DMA_BUF_MAGIC: u64 = 0x444d_4142;
    let stat = rustix::fs::fstatfs(fd)?;
    Ok(u64::try_from(stat.f_type).is_ok_and(|kind| kind == DMA_BUF_MAGIC))
}

/// A dmabuf tells its size by seeking only; it has no file position that this could disturb.
fn dmabuf_len(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(rustix::fs::seek(fd, rustix::fs::SeekFrom::End(0))?)
}

fn sealed_len(fd: BorrowedFd<'_>) -> Result<u64, ShareError> {
    match rustix::fs::fcntl_get_seals(fd.as_fd()) {
        Ok(seals) if seals.contains(SealFlags::SHRINK) => {
            let size = rustix::fs::fstat(fd).map_err(io::Error::from)?.st_size;
            Ok(u64::try_from(size).unwrap_or(0))
        }
        Ok(_) | Err(rustix::io::Errno::INVAL) => Err(ShareError::MayShrink),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// While it lives, the CPU may read a dmabuf: what its device has written is in memory, not in a cache that the CPU
/// does not see (`DMA_BUF_IOCTL_SYNC` of linux/dma-buf.h). Nothing to be done for other memory.
#[derive(Debug)]
pub(crate) struct CpuRead<'a>(Option<BorrowedFd<'a>>);

impl<'a> CpuRead<'a> {
    /// Begins to read.
    pub(crate) fn begin(fd: BorrowedFd<'a>) -> io::Result<Self> {
        if !is_dmabuf(fd)? {
            return Ok(Self(None));
        }
        sync(fd, SYNC_START)?;
        Ok(Self(Some(fd)))
    }
}

impl Drop for CpuRead<'_> {
    fn drop(&mut self) {
        let ended = self.0.map_or(Ok(()), |fd| sync(fd, SYNC_END));
        if let Err(error) = ended {
            tracing::debug!(%error, "the end of reading a dmabuf was not taken");
        }
    }
}

/// `DMA_BUF_IOCTL_SYNC`: takes a `struct dma_buf_sync`, which is one 64-bit field of flags.
const SYNC: Opcode = opcode::write::<u64>(b'b', 0);
/// `DMA_BUF_SYNC_READ | DMA_BUF_SYNC_START` and `… | DMA_BUF_SYNC_END`.
const SYNC_START: u64 = 1;
const SYNC_END: u64 = 1 | 4;

fn sync(fd: BorrowedFd<'_>, flags: u64) -> io::Result<()> {
    loop {
        // SAFETY: the opcode takes a pointer to 64 bits of flags and reads them only.
        match unsafe { ioctl(fd, Setter::<SYNC, u64>::new(flags)) } {
            // The kernel's documentation wants both repeated.
            Err(Errno::INTR | Errno::AGAIN) => {}
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_ioctl_is_the_kernels() {
        // _IOW('b', 0, struct dma_buf_sync) on every architecture that this runs on.
        assert_eq!(SYNC, 0x4008_6200);
    }

    #[test]
    fn memory_that_is_no_dmabuf_needs_nothing() {
        let fd = rustix::fs::memfd_create("frame", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        assert!(CpuRead::begin(fd.as_fd()).unwrap().0.is_none());
    }
}
