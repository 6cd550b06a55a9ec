//! The arena and its slots: who holds which part of the memfd.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::SealFlags;

use super::{WASM_PAGE, map, map::Mapping};

/// Most bytes of an arena: it has to fit into the 4 GiB of a module's memory beside the module's own data.
const MAX_ARENA_BYTES: usize = 3 << 30;

/// A sealed memfd cut into equal slots.
#[derive(Debug)]
pub struct Arena {
    fd: OwnedFd,
    host: Mapping,
    generation: u64,
    slot_bytes: usize,
    slots: usize,
    for_filters: bool,
    free: Mutex<FreeList>,
}

/// Slots that nobody holds. The one that came back last goes out first: its pages are warm, and slots that were
/// never needed never get memory.
#[derive(Debug)]
struct FreeList {
    offsets: Vec<usize>,
    in_use: usize,
    high_water: usize,
}

/// One slot, owned; free again when dropped. Held by whoever's memory shows it to the outside (a GstMemory).
#[derive(Debug)]
pub struct Slot {
    arena: Arc<Arena>,
    offset: usize,
}

/// Why no arena could be made.
#[derive(Debug, thiserror::Error)]
#[error("frame arena of {slots} slots of {slot_bytes} bytes: {step}: {source}")]
pub struct ArenaError {
    /// Bytes of a slot that were asked for.
    pub slot_bytes: usize,
    /// Slots that were asked for.
    pub slots: usize,
    /// The system call that failed.
    pub step: &'static str,
    /// What it said.
    pub source: std::io::Error,
}

/// Bytes that were to be copied past the end of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes at {at} do not fit into a slot of {slot_bytes} bytes")]
pub struct OutOfSlot {
    /// First byte in the slot.
    pub at: usize,
    /// Bytes to be copied.
    pub len: usize,
    /// Bytes of the slot.
    pub slot_bytes: usize,
}

impl Arena {
    /// Makes an arena of `slots` slots of at least `slot_bytes` bytes (rounded up to 64 KiB). Together they may
    /// have 3 GiB. Pages get memory when they are first written.
    pub fn new(slot_bytes: usize, slots: usize) -> Result<Arc<Arena>, ArenaError> {
        Self::sealed(slot_bytes, slots, SealFlags::FUTURE_WRITE)
    }

    /// As [`Arena::new`], for frames that modules of the role *filter* write: the memfd lacks the seal against
    /// writable mappings. A module gets one slot at a time, while the call lasts whose output it is.
    pub fn for_filters(slot_bytes: usize, slots: usize) -> Result<Arc<Arena>, ArenaError> {
        Self::sealed(slot_bytes, slots, SealFlags::empty())
    }

    fn sealed(slot_bytes: usize, slots: usize, seals: SealFlags) -> Result<Arc<Arena>, ArenaError> {
        let fail = |step| move |source| ArenaError { slot_bytes, slots, step, source };
        let stride = checked_stride(slot_bytes, slots).map_err(fail("size"))?;
        let fd = map::memfd("edgevision-arena", stride * slots).map_err(fail("memfd_create"))?;
        let host = Mapping::shared(fd.as_fd(), stride * slots).map_err(fail("mmap"))?;
        map::seal(&fd, seals).map_err(fail("seal"))?;
        Ok(Arc::new(Arena {
            fd,
            host,
            generation: next_generation(),
            slot_bytes: stride,
            slots,
            for_filters: seals.is_empty(),
            free: Mutex::new(FreeList::new(stride, slots)),
        }))
    }

    /// Unique in this process; a changed number tells workers to map anew.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes of one slot.
    pub fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// True if modules can be allowed to write into slots.
    pub fn is_for_filters(&self) -> bool {
        self.for_filters
    }

    /// Bytes of the whole arena.
    pub fn byte_len(&self) -> usize {
        self.host.len()
    }

    /// Slots that are in use now.
    pub fn in_use(&self) -> usize {
        self.free_list().in_use
    }

    /// Most slots that were ever in use at once.
    pub fn high_water(&self) -> usize {
        self.free_list().high_water
    }

    /// Takes a free slot; `None` when all are in use. Never blocks.
    pub fn acquire(self: &Arc<Self>) -> Option<Arc<Slot>> {
        let offset = self.free_list().take()?;
        Some(Arc::new(Slot { arena: self.clone(), offset }))
    }

    /// Offset of `ptr` from the start of the arena if `[ptr, ptr + len)` lies inside one slot.
    pub fn locate(&self, ptr: *const u8, len: usize) -> Option<usize> {
        let offset = ptr.addr().checked_sub(self.host.base().addr())?;
        let end_in_slot = (offset % self.slot_bytes).checked_add(len)?;
        (offset < self.byte_len() && end_in_slot <= self.slot_bytes).then_some(offset)
    }

    /// The memfd, for mapping it into a window.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The host's view of `[offset, offset + len)`, for reading while the frame's owner keeps it unchanged.
    #[cfg(test)]
    pub(crate) fn ptr_at(&self, offset: usize, len: usize) -> Option<*const u8> {
        self.host.at(offset, len).ok().map(<*mut u8>::cast_const)
    }

    fn free_list(&self) -> MutexGuard<'_, FreeList> {
        // No code panics while it holds the list, and every state of it is whole.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FreeList {
    fn new(stride: usize, slots: usize) -> Self {
        Self { offsets: (0..slots).rev().map(|slot| slot * stride).collect(), in_use: 0, high_water: 0 }
    }

    fn take(&mut self) -> Option<usize> {
        let offset = self.offsets.pop()?;
        self.in_use += 1;
        self.high_water = self.high_water.max(self.in_use);
        Some(offset)
    }

    fn give_back(&mut self, offset: usize) {
        self.in_use -= 1;
        self.offsets.push(offset);
    }
}

fn next_generation() -> u64 {
    static GENERATION: AtomicU64 = AtomicU64::new(1);
    GENERATION.fetch_add(1, Ordering::Relaxed)
}

fn checked_stride(slot_bytes: usize, slots: usize) -> io::Result<usize> {
    let too_big = || io::Error::new(io::ErrorKind::InvalidInput, "an arena holds 1 byte to 3 GiB");
    let stride = slot_bytes.checked_next_multiple_of(WASM_PAGE).ok_or_else(too_big)?;
    let total = stride.checked_mul(slots).ok_or_else(too_big)?;
    if total == 0 || total > MAX_ARENA_BYTES {
        return Err(too_big());
    }
    Ok(stride)
}

impl Slot {
    /// The arena it belongs to.
    pub fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// First byte of the slot, from the start of the arena.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// First byte of the slot in the host's writable mapping, valid for [`Arena::slot_bytes`] bytes while the slot
    /// lives. Whoever writes through it must know that nobody reads (see the module documentation).
    pub fn as_ptr(&self) -> *mut u8 {
        self.arena.host.base().wrapping_add(self.offset)
    }

    /// Copies `bytes` to `at` in the slot: the way of a frame that did not come in the arena. Needs the only handle
    /// of the slot (`Arc::get_mut` of what [`Arena::acquire`] gave), so nobody has been shown these bytes yet.
    pub fn copy_from(&mut self, at: usize, bytes: &[u8]) -> Result<(), OutOfSlot> {
        let slot_bytes = self.arena.slot_bytes;
        let out = OutOfSlot { at, len: bytes.len(), slot_bytes };
        if at.checked_add(bytes.len()).is_none_or(|end| end > slot_bytes) {
            return Err(out);
        }
        // SAFETY: the range is inside this slot, which is ours alone (`&mut self`): handles on other slots cannot
        // reach it, and modules are only pointed at slots after the frame was handed over.
        unsafe { self.arena.host.write(self.offset + at, bytes) }.map_err(|_| out)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.arena.free_list().give_back(self.offset);
    }
}
