//! GStreamer memory over a slot of the arena.
//!
//! ```text
//!  ArenaMemory  ┌ base: GstMemory   ─ what GStreamer sees: offset, size, locks, parent
//!  (repr(C))    ├ slot: Arc<Slot>   ─ the bytes; shared by the memory, its aliases and its shares
//!               ├ rules: Arc<CopyRules>
//!               └ alias: bool       ─ shows the slot of a memory that its owner still had locked
//! ```
//!
//! A decoder that renders directly keeps each reference frame mapped for writing while it pushes the same buffer.
//! Whoever then makes the buffer writable cannot share a memory that is locked so, and GStreamer copies it. Our
//! copy is an alias: it shows the same bytes, is READONLY (a writer downstream gets a real copy), and the decoder
//! no longer changes a frame that it has put out.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI32, Ordering},
};

use edgevision_wasm_host::arena::Slot;
use gst::{ffi, glib, prelude::*, subclass::prelude::*};

use super::CopyRules;

/// Slots begin at multiples of 64 KiB; GStreamer wants the mask of an alignment it can rely on.
const ALIGN_MASK: usize = 4095;
/// What decoders with AVX-512 expect of the heap copies that replace a slot.
const HEAP_ALIGN_MASK: usize = 63;

#[repr(C)]
struct ArenaMemory {
    base: ffi::GstMemory,
    slot: Arc<Slot>,
    rules: Arc<CopyRules>,
    alias: bool,
}

/// The part of a slot that a memory shows, and how it relates to the memory it was made from.
struct View {
    offset: usize,
    size: usize,
    maxsize: usize,
    parent: *mut ffi::GstMemory,
    alias: bool,
    readonly: bool,
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct ArenaAllocator;

    #[glib::object_subclass]
    impl ObjectSubclass for ArenaAllocator {
        const NAME: &'static str = "EdgevisionArenaAllocator";
        type Type = super::ArenaAllocator;
        type ParentType = gst::Allocator;
    }

    impl ObjectImpl for ArenaAllocator {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_object_flags(gst::ObjectFlags::MAY_BE_LEAKED);
            let allocator: *mut ffi::GstAllocator = self.obj().upcast_ref::<gst::Allocator>().as_ptr();
            // SAFETY: the object is being made, so nobody else sees it yet; the functions follow the contracts
            // of the fields, and the name is static.
            unsafe {
                (*allocator).mem_type = c"EdgevisionArenaMemory".as_ptr();
                (*allocator).mem_map = Some(mem_map);
                (*allocator).mem_unmap = Some(mem_unmap);
                (*allocator).mem_copy = Some(mem_copy);
                (*allocator).mem_share = Some(mem_share);
                (*allocator).mem_is_span = Some(mem_is_span);
            }
        }
    }

    impl GstObjectImpl for ArenaAllocator {}

    // SAFETY: `alloc` returns memory of the system allocator, which frees it itself; so `free` only ever gets
    // what `new_memory` made.
    unsafe impl AllocatorImpl for ArenaAllocator {
        /// Slots are handed out by pools; who finds the allocator on a memory and asks it for more gets heap.
        unsafe fn alloc(&self, size: usize, params: &gst::AllocationParams) -> *mut ffi::GstMemory {
            heap(size, params)
        }

        unsafe fn free(&self, memory: *mut ffi::GstMemory) {
            // SAFETY: made by `Box::into_raw` in `new_memory`, and GStreamer frees a memory once.
            drop(unsafe { Box::from_raw(memory.cast::<ArenaMemory>()) });
        }
    }
}

glib::wrapper! {
    pub struct ArenaAllocator(ObjectSubclass<imp::ArenaAllocator>) @extends gst::Allocator, gst::Object;
}

fn allocator() -> &'static ArenaAllocator {
    static ALLOCATOR: OnceLock<ArenaAllocator> = OnceLock::new();
    ALLOCATOR.get_or_init(glib::Object::new)
}

/// A writable memory of `size` bytes, `prefix` bytes into a slot that nobody else has. None when they don't fit.
pub(super) fn memory(
    slot: Arc<Slot>,
    rules: Arc<CopyRules>,
    prefix: usize,
    size: usize,
) -> Option<gst::Memory> {
    let maxsize = slot.arena().slot_bytes();
    if prefix.checked_add(size)? > maxsize {
        return None;
    }
    let view =
        View { offset: prefix, size, maxsize, parent: std::ptr::null_mut(), alias: false, readonly: false };
    let memory = new_memory(slot, rules, &view);
    // SAFETY: a new memory with one reference, which is ours to give.
    Some(unsafe { glib::translate::from_glib_full(memory) })
}

/// The slot that a memory shows, if it is memory of an arena.
pub fn slot_of(memory: &gst::MemoryRef) -> Option<&Arc<Slot>> {
    arena_memory(memory).map(|memory| &memory.slot)
}

/// True for memory that shows the slot of another memory (and is read-only therefore).
pub fn is_alias(memory: &gst::MemoryRef) -> bool {
    arena_memory(memory).is_some_and(|memory| memory.alias)
}

/// True when this is arena memory and no alias or share of its slot is alive.
pub(super) fn is_sole_owner(memory: &gst::MemoryRef) -> bool {
    arena_memory(memory).is_some_and(|memory| !memory.alias && Arc::strong_count(&memory.slot) == 1)
}

fn arena_memory(memory: &gst::MemoryRef) -> Option<&ArenaMemory> {
    let ours = memory
        .allocator()
        .is_some_and(|of| of.as_ptr() == allocator().upcast_ref::<gst::Allocator>().as_ptr());
    // SAFETY: every memory that names our allocator was made by `new_memory`, as an `ArenaMemory` whose first
    // field is the `GstMemory`; it lives as long as the reference it was reached through.
    ours.then(|| unsafe { &*memory.as_ptr().cast::<ArenaMemory>() })
}

fn new_memory(slot: Arc<Slot>, rules: Arc<CopyRules>, view: &View) -> *mut ffi::GstMemory {
    // SAFETY: `GstMemory` is a C struct for which all zeroes is a valid value; `gst_memory_init` fills it below.
    let base = unsafe { std::mem::zeroed() };
    let memory = Box::into_raw(Box::new(ArenaMemory { base, slot, rules, alias: view.alias })).cast();
    let flags = if view.readonly { ffi::GST_MEMORY_FLAG_READONLY } else { 0 };
    let allocator: *mut ffi::GstAllocator = allocator().upcast_ref::<gst::Allocator>().as_ptr();
    // SAFETY: the memory is ours and not initialised yet; `gst_memory_init` takes its own references on the
    // allocator and the parent, which are alive.
    unsafe {
        ffi::gst_memory_init(
            memory,
            flags,
            allocator,
            view.parent,
            view.maxsize,
            ALIGN_MASK,
            view.offset,
            view.size,
        );
    }
    memory
}

fn heap(size: usize, params: &gst::AllocationParams) -> *mut ffi::GstMemory {
    // SAFETY: no allocator means the system's; the parameters are only read.
    unsafe { ffi::gst_allocator_alloc(std::ptr::null_mut(), size, params.as_ptr().cast_mut()) }
}

unsafe extern "C" fn mem_map(
    memory: *mut ffi::GstMemory,
    _maxsize: usize,
    _flags: ffi::GstMapFlags,
) -> glib::ffi::gpointer {
    // SAFETY: GStreamer calls this with memory of our allocator only. `gst_memory_map` adds the offset and has
    // checked the lock: no write access to READONLY memory, none while others read.
    unsafe { Slot::as_ptr(&(*memory.cast::<ArenaMemory>()).slot).cast() }
}

unsafe extern "C" fn mem_unmap(_memory: *mut ffi::GstMemory) {}

/// Two pieces of a slot are never reported as one: a merged copy is rare and always right.
unsafe extern "C" fn mem_is_span(
    _first: *mut ffi::GstMemory,
    _second: *mut ffi::GstMemory,
    _offset: *mut usize,
) -> glib::ffi::gboolean {
    glib::ffi::GFALSE
}

unsafe extern "C" fn mem_share(
    memory: *mut ffi::GstMemory,
    offset: isize,
    size: isize,
) -> *mut ffi::GstMemory {
    // SAFETY: GStreamer calls this with memory of our allocator, which it keeps alive during the call.
    let source = unsafe { &*memory.cast::<ArenaMemory>() };
    // A share locks its parent against writing. A parent that is locked for writing cannot be locked again.
    let parent = match is_write_locked(source) {
        true => std::ptr::null_mut(),
        false if source.base.parent.is_null() => memory,
        false => source.base.parent,
    };
    derive(source, offset, size, parent)
}

unsafe extern "C" fn mem_copy(
    memory: *mut ffi::GstMemory,
    offset: isize,
    size: isize,
) -> *mut ffi::GstMemory {
    // SAFETY: as in `mem_share`.
    let source = unsafe { &*memory.cast::<ArenaMemory>() };
    if source.rules.alias_copies && !source.alias && is_write_locked(source) {
        source.rules.aliases.fetch_add(1, Ordering::Relaxed);
        return derive(source, offset, size, std::ptr::null_mut());
    }
    deep_copy(source, offset, size)
}

fn derive(
    source: &ArenaMemory,
    offset: isize,
    size: isize,
    parent: *mut ffi::GstMemory,
) -> *mut ffi::GstMemory {
    let Some((offset, size)) = range(source, offset, size) else { return std::ptr::null_mut() };
    let view = View { offset, size, maxsize: source.base.maxsize, parent, alias: true, readonly: true };
    new_memory(source.slot.clone(), source.rules.clone(), &view)
}

fn deep_copy(source: &ArenaMemory, offset: isize, size: isize) -> *mut ffi::GstMemory {
    let Some((offset, size)) = range(source, offset, size) else { return std::ptr::null_mut() };
    let params = gst::AllocationParams::new(gst::MemoryFlags::empty(), HEAP_ALIGN_MASK, 0, 0);
    let copy = heap(size, &params);
    if copy.is_null() {
        return copy;
    }
    // SAFETY: a null pointer and integers are valid values of every field.
    let mut map: ffi::GstMapInfo = unsafe { std::mem::zeroed() };
    // SAFETY: the copy is new, so it can be mapped for writing and has `size` bytes; the source range was checked
    // by `range`, and the two don't overlap.
    unsafe {
        if ffi::gst_memory_map(copy, &raw mut map, ffi::GST_MAP_WRITE) == glib::ffi::GFALSE {
            ffi::gst_mini_object_unref(copy.cast());
            return std::ptr::null_mut();
        }
        std::ptr::copy_nonoverlapping(Slot::as_ptr(&source.slot).add(offset), map.data, size);
        ffi::gst_memory_unmap(copy, &raw mut map);
    }
    source.rules.copied_bytes.fetch_add(size as u64, Ordering::Relaxed);
    copy
}

/// First byte in the slot and length of a part of a memory; a negative size means up to its end. None when that
/// is not inside the slot.
fn range(source: &ArenaMemory, offset: isize, size: isize) -> Option<(usize, usize)> {
    let start = source.base.offset.checked_add_signed(offset)?;
    let size = match usize::try_from(size) {
        Ok(size) => size,
        Err(_) => source.base.size.checked_add_signed(offset.checked_neg()?)?,
    };
    (start.checked_add(size)? <= source.base.maxsize).then_some((start, size))
}

fn is_write_locked(memory: &ArenaMemory) -> bool {
    let state = (&raw const memory.base.mini_object.lockstate).cast_mut();
    // SAFETY: the field is aligned and alive as long as the memory, and GStreamer too accesses it atomically.
    let locks = unsafe { AtomicI32::from_ptr(state) }.load(Ordering::SeqCst);
    locks & ffi::GST_LOCK_FLAG_WRITE.cast_signed() != 0
}

#[cfg(test)]
mod tests {
    use edgevision_wasm_host::arena::Arena;

    use super::*;

    const BYTES: usize = 1000;

    fn filled(alias_copies: bool) -> (Arc<Arena>, Arc<CopyRules>, gst::Memory) {
        gst::init().unwrap();
        let arena = Arena::new(BYTES, 2).unwrap();
        let rules = CopyRules::new(alias_copies);
        let mut memory = memory(arena.acquire().unwrap(), rules.clone(), 16, BYTES).unwrap();
        memory.get_mut().unwrap().map_writable().unwrap().as_mut_slice().fill(7);
        (arena, rules, memory)
    }

    fn copy_while_written(memory: gst::Memory) -> (gst::MappedMemory<gst::memory::Writable>, gst::Memory) {
        let mapped = memory.into_mapped_memory_writable().unwrap();
        let copy = mapped.memory().copy();
        (mapped, copy)
    }

    #[test]
    fn a_slot_is_free_when_its_memory_is_gone() {
        let (arena, _, memory) = filled(true);
        assert_eq!(arena.in_use(), 1);
        drop(memory);
        assert_eq!(arena.in_use(), 0);
    }

    #[test]
    fn too_long_for_a_slot_is_refused() {
        let (arena, rules, _memory) = filled(true);
        assert!(super::memory(arena.acquire().unwrap(), rules.clone(), 0, arena.slot_bytes() + 1).is_none());
        assert!(super::memory(arena.acquire().unwrap(), rules, usize::MAX, 2).is_none());
        assert_eq!(arena.in_use(), 1, "a refused slot is free again");
    }

    #[test]
    fn a_copy_of_memory_locked_for_writing_is_a_readonly_alias() {
        let (arena, rules, memory) = filled(true);
        let (owner, mut copy) = copy_while_written(memory);
        assert!(is_alias(&copy) && !is_alias(owner.memory()));
        assert!(Arc::ptr_eq(slot_of(&copy).unwrap(), slot_of(owner.memory()).unwrap()));
        assert!(!is_sole_owner(owner.memory()));
        assert_eq!(copy.map_readable().unwrap().as_slice(), [7; BYTES]);
        assert!(copy.get_mut().unwrap().map_writable().is_err());
        assert_eq!((rules.aliases(), rules.copied_bytes()), (1, 0));
        drop(owner);
        assert_eq!(arena.in_use(), 1, "the alias holds the slot");
        drop(copy);
        assert_eq!(arena.in_use(), 0);
    }

    #[test]
    fn copies_are_deep_without_aliasing_of_aliases_and_of_unlocked_memory() {
        let (_, rules, memory) = filled(false);
        let (_owner, copy) = copy_while_written(memory);
        assert!(slot_of(&copy).is_none());
        assert_eq!((rules.aliases(), rules.copied_bytes()), (0, BYTES as u64));

        let (_, rules, memory) = filled(true);
        assert!(slot_of(&memory.copy()).is_none(), "nobody writes: a copy is a copy");
        let (_owner, alias) = copy_while_written(memory);
        let copy = alias.copy();
        assert!(slot_of(&copy).is_none());
        assert_eq!(copy.map_readable().unwrap().as_slice(), [7; BYTES]);
        assert_eq!((rules.aliases(), rules.copied_bytes()), (1, 2 * BYTES as u64));
    }

    #[test]
    fn a_share_shows_a_part_and_locks_its_parent() {
        let (arena, _, mut memory) = filled(true);
        memory.get_mut().unwrap().map_writable().unwrap().as_mut_slice()[10] = 9;
        let share = memory.share(10..20);
        assert_eq!(share.map_readable().unwrap().as_slice(), [9, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
        assert!(!is_sole_owner(&memory));
        drop(memory);
        assert_eq!(arena.in_use(), 1);
        drop(share);
        assert_eq!(arena.in_use(), 0);
    }
}
