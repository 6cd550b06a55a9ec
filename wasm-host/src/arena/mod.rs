//! The frame arena: one sealed memfd whose pages the decoder writes and the modules read.
//! (skeleton: owner of `wasm-host` core completes it; public signatures are fixed)

use std::sync::Arc;

/// A sealed memfd cut into equal slots.
pub struct Arena {}

/// One slot, owned; free again when dropped. Held by whoever's memory shows it to the outside (a GstMemory).
pub struct Slot {}

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

impl Arena {
    /// Makes an arena of `slots` slots of at least `slot_bytes` bytes (rounded up to 64 KiB).
    pub fn new(_slot_bytes: usize, _slots: usize) -> Result<Arc<Arena>, ArenaError> {
        todo!()
    }
    /// Unique in this process; a changed number tells workers to map anew.
    pub fn generation(&self) -> u64 {
        todo!()
    }
    /// Bytes of one slot.
    pub fn slot_bytes(&self) -> usize {
        todo!()
    }
    /// Number of slots.
    pub fn slots(&self) -> usize {
        todo!()
    }
    /// Bytes of the whole arena.
    pub fn byte_len(&self) -> usize {
        todo!()
    }
    /// Slots that are in use now.
    pub fn in_use(&self) -> usize {
        todo!()
    }
    /// Most slots that were ever in use at once.
    pub fn high_water(&self) -> usize {
        todo!()
    }
    /// Takes a free slot; `None` when all are in use. Never blocks.
    pub fn acquire(self: &Arc<Self>) -> Option<Arc<Slot>> {
        todo!()
    }
    /// Offset of `ptr` from the start of the arena if `[ptr, ptr + len)` lies inside one slot.
    pub fn locate(&self, _ptr: *const u8, _len: usize) -> Option<usize> {
        todo!()
    }
}

impl Slot {
    /// The arena it belongs to.
    pub fn arena(&self) -> &Arc<Arena> {
        todo!()
    }
    /// First byte of the slot, from the start of the arena.
    pub fn offset(&self) -> usize {
        todo!()
    }
    /// First byte of the slot in the host's writable mapping, valid for [`Arena::slot_bytes`] bytes while the slot
    /// lives. Whoever writes through it must know that nobody reads (see the module documentation).
    pub fn as_ptr(&self) -> *mut u8 {
        todo!()
    }
}
