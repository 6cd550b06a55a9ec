//! How a decoder comes to write straight into the frame arena.
//!
//! ```text
//!  evdetect ── answers ALLOCATION ──► FramePool ──┐ one for each query
//!     │                                           │ alloc_buffer
//!     └── CameraArena ── current Arc<Arena> ──────┤
//!                                                 ▼
//!  GstBuffer ─► GstMemory (ArenaMemory) ─► Arc<Slot>   the slot is free again when the last
//!                  ▲                          ▲        memory that shares it is gone
//!                  └── copy of a memory that is locked for writing = READONLY alias of the same slot
//! ```
//!
//! A pool that finds no free slot hands out heap memory: a decoder is never made to wait.

mod allocator;
mod foreign;
mod hand_over;
mod offer;
mod output;
mod planes;
mod pool;
mod scatter;
pub mod sizing;
mod stream_format;

use std::sync::{
    Arc, LazyLock, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use edgevision_wasm_host::arena::{Arena, ArenaError, Slot};

pub use allocator::{is_alias, slot_of};
pub use foreign::{Foreign, foreign};
pub use hand_over::{HandOver, hand_over};
pub use offer::{Offer, offer};
pub use output::output_buffer;
pub use pool::FramePool;
pub(crate) use pool::slot_bytes;
pub use stream_format::{FORMATS, StreamFormat};

pub(crate) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-framepool",
        gst::DebugColorFlags::empty(),
        Some("framepool: memory for frames, offered upstream"),
    )
});

/// How memory of the arena is copied when somebody asks for a copy, and how often that happened.
#[derive(Debug)]
pub struct CopyRules {
    alias_copies: bool,
    aliases: AtomicU64,
    copied_bytes: AtomicU64,
    starved: AtomicU64,
}

impl CopyRules {
    /// `alias_copies`: a copy of memory that its owner holds locked for writing shows the same bytes, read-only.
    /// Without it, such copies are real ones and every frame of libav's decoders is copied.
    pub fn new(alias_copies: bool) -> Arc<Self> {
        Arc::new(Self { alias_copies, aliases: 0.into(), copied_bytes: 0.into(), starved: 0.into() })
    }

    /// Copies that cost nothing.
    pub fn aliases(&self) -> u64 {
        self.aliases.load(Ordering::Relaxed)
    }

    /// Bytes of the copies that were made because aliasing was off or not allowed.
    pub fn copied_bytes(&self) -> u64 {
        self.copied_bytes.load(Ordering::Relaxed)
    }

    /// Buffers that were made of heap memory because no slot was free or large enough.
    pub fn starved(&self) -> u64 {
        self.starved.load(Ordering::Relaxed)
    }
}

/// The arena of one camera, made when its first pool is configured and made anew when frames outgrow it.
#[derive(Debug)]
pub struct CameraArena {
    slots: usize,
    for_filters: bool,
    rules: Arc<CopyRules>,
    current: Mutex<Option<Arc<Arena>>>,
    spare: Mutex<Option<Arc<Arena>>>,
}

impl CameraArena {
    /// An arena of `slots` slots, not made yet.
    pub fn new(slots: usize, rules: Arc<CopyRules>) -> Arc<Self> {
        Self::with(slots, rules, false)
    }

    /// The same for frames that a filter module writes.
    pub fn for_filters(slots: usize, rules: Arc<CopyRules>) -> Arc<Self> {
        Self::with(slots, rules, true)
    }

    fn with(slots: usize, rules: Arc<CopyRules>, for_filters: bool) -> Arc<Self> {
        let (current, spare) = Default::default();
        Arc::new(Self { slots: slots.max(1), for_filters, rules, current, spare })
    }

    /// How its memory is copied.
    pub fn rules(&self) -> &Arc<CopyRules> {
        &self.rules
    }

    /// The arena, if one was made.
    pub fn current(&self) -> Option<Arc<Arena>> {
        self.lock().clone()
    }

    /// The arena, with room for `bytes` in a slot. A new one takes its place when the slots are too small, or so
    /// large that most of each would lie idle; frames in the old one keep it alive until they are gone.
    pub fn with_room(&self, bytes: usize) -> Result<Arc<Arena>, ArenaError> {
        let mut current = self.lock();
        if let Some(arena) = current.as_ref().filter(|arena| sizing::fits(bytes, arena.slot_bytes())) {
            return Ok(arena.clone());
        }
        let arena = match self.for_filters {
            true => Arena::for_filters(bytes, sizing::affordable_outputs(self.slots, bytes))?,
            false => Arena::new(bytes, sizing::affordable_slots(self.slots, bytes))?,
        };
        *current = Some(arena.clone());
        Ok(arena)
    }

    /// A slot for a frame that has to be copied. When decoders hold all slots of the arena, one of a spare arena of
    /// `spare_slots`. None only when the holders of the spare ones don't let go.
    pub fn slot_for_copy(&self, bytes: usize, spare_slots: usize) -> Result<Option<Arc<Slot>>, ArenaError> {
        if let Some(slot) = self.with_room(bytes)?.acquire() {
            return Ok(Some(slot));
        }
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(arena) = spare.as_ref().filter(|arena| arena.slot_bytes() >= bytes) {
            return Ok(arena.acquire());
        }
        let arena = Arena::new(bytes, sizing::affordable_slots(spare_slots, bytes))?;
        *spare = Some(arena.clone());
        Ok(arena.acquire())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Arena>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
