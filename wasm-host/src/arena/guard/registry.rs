//! Which address ranges are watched: written under no lock, read in a signal handler.

use std::{
    ptr,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
};

/// Entries of one chunk of the registry.
const CHUNK: usize = 128;

/// One watched window. `version` is odd while the entry changes, so a reader never believes half of an old window
/// and half of a new one.
pub(super) struct Entry {
    taken: AtomicBool,
    version: AtomicUsize,
    start: AtomicUsize,
    len: AtomicUsize,
    poisoned: AtomicBool,
}

/// Part of the registry. Chunks are only ever appended and live for ever, so the handler can walk them without a
/// lock; entries are used again.
struct Chunk {
    entries: [Entry; CHUNK],
    next: AtomicPtr<Chunk>,
}

static FIRST: Chunk = Chunk::new();

/// A window that the guard watches until this is dropped.
#[derive(Debug)]
pub(in crate::arena) struct Watch {
    entry: &'static Entry,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("poisoned", &self.poisoned).finish_non_exhaustive()
    }
}

impl Watch {
    /// Watches `[start, start + len)`. Both must be multiples of the page size, and the range must stay the caller's
    /// until the watch is dropped: the handler replaces its pages.
    pub(in crate::arena) fn new(start: usize, len: usize) -> Self {
        let entry = claim();
        entry.poisoned.store(false, Ordering::SeqCst);
        entry.set(start, len);
        Self { entry }
    }

    /// True if a store hit the window since this was last asked.
    pub(in crate::arena) fn take_poisoned(&self) -> bool {
        self.entry.poisoned.swap(false, Ordering::SeqCst)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.entry.set(0, 0);
        self.entry.taken.store(false, Ordering::SeqCst);
    }
}

impl Entry {
    const fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            version: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            poisoned: AtomicBool::new(false),
        }
    }

    /// Notes that something stored into the window.
    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
    }

    fn set(&self, start: usize, len: usize) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.start.store(start, Ordering::SeqCst);
        self.len.store(len, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The range if `addr` is in it. An entry that changes right now cannot be the one whose window the running
    /// thread has just faulted in.
    fn covers(&self, addr: usize) -> Option<(usize, usize)> {
        let before = self.version.load(Ordering::SeqCst);
        let (start, len) = (self.start.load(Ordering::SeqCst), self.len.load(Ordering::SeqCst));
        let stable = before.is_multiple_of(2) && before == self.version.load(Ordering::SeqCst);
        (stable && addr.wrapping_sub(start) < len).then_some((start, len))
    }

    fn try_claim(&self) -> bool {
        self.taken.compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl Chunk {
    const fn new() -> Self {
        Self { entries: [const { Entry::new() }; CHUNK], next: AtomicPtr::new(ptr::null_mut()) }
    }

    fn next(&'static self) -> Option<&'static Chunk> {
        // SAFETY: the pointer is null or comes from a leaked Box (see `append`), so it is valid for ever.
        unsafe { self.next.load(Ordering::SeqCst).as_ref() }
    }

    /// The next chunk, made now if there is none. Two threads may race: the loser frees its own.
    fn append(&'static self) -> &'static Chunk {
        let fresh = Box::into_raw(Box::new(Chunk::new()));
        match self.next.compare_exchange(ptr::null_mut(), fresh, Ordering::SeqCst, Ordering::SeqCst) {
            // SAFETY: `fresh` was leaked above and is now part of the list, for ever.
            Ok(_) => unsafe { &*fresh },
            Err(winner) => {
                // SAFETY: `fresh` lost the race: nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: `winner` is not null (the exchange failed) and was leaked by the thread that won.
                unsafe { &*winner }
            }
        }
    }
}

fn claim() -> &'static Entry {
    let mut chunk = &FIRST;
    loop {
        if let Some(entry) = chunk.entries.iter().find(|entry| entry.try_claim()) {
            return entry;
        }
        chunk = chunk.next().unwrap_or_else(|| chunk.append());
    }
}

/// The watched window at an address. Takes no lock and allocates nothing: the signal handler asks.
pub(super) fn find(addr: usize) -> Option<(&'static Entry, usize, usize)> {
    let mut chunk = Some(&FIRST);
    while let Some(here) = chunk {
        let hit =
            here.entries.iter().find_map(|entry| entry.covers(addr).map(|(start, len)| (entry, start, len)));
        if hit.is_some() {
            return hit;
        }
        chunk = here.next();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_used_again() {
        let first = Watch::new(0x1000, 0x1000);
        first.entry.poisoned.store(true, Ordering::SeqCst);
        drop(first);
        for _ in 0..10 * CHUNK {
            assert!(!Watch::new(0x1000, 0x1000).take_poisoned(), "no flag of the window before");
        }
        assert!(find(0x1800).is_none(), "nothing is watched any more");
    }

    #[test]
    fn a_range_is_half_open_and_an_entry_that_changes_is_skipped() {
        let watch = Watch::new(0x10_0000, 0x2000);
        let hit = |addr| find(addr).map(|(_, start, len)| (start, len));
        assert_eq!(hit(0x10_0000), Some((0x10_0000, 0x2000)));
        assert_eq!(hit(0x10_1fff), Some((0x10_0000, 0x2000)));
        assert_eq!((hit(0xf_ffff), hit(0x10_2000), hit(0)), (None, None, None));
        watch.entry.version.fetch_add(1, Ordering::SeqCst);
        assert_eq!(hit(0x10_0000), None);
        watch.entry.version.fetch_add(1, Ordering::SeqCst);
        assert_eq!(hit(0x10_0000), Some((0x10_0000, 0x2000)));
    }
}
