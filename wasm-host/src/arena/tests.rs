//! The arena and its windows against guests, hosts and the kernel.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
};

use rustix::fs::SealFlags;
use wasmtime::{Caller, Instance, Linker, Memory, Module, Store, Trap, WasmParams, WasmResults};

use super::*;
use crate::engine::engine;

const GUEST: &str = r#"(module
    (import "host" "write" (func $write (param i32)))
    (memory (export "memory") 2)
    (data $d "0123456789abcdef0123456789abcdef")
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "store") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
    (func (export "store_simd") (param i32) (v128.store (local.get 0) (v128.const i64x2 1 2)))
    (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1)))
    (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy_small") (param i32) (memory.copy (local.get 0) (i32.const 0) (i32.const 64)))
    (func (export "init") (param i32) (memory.init $d (local.get 0) (i32.const 0) (i32.const 32)))
    (func (export "host_write") (param i32) (call $write (local.get 0)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "every_second_page") (param $at i32) (param $end i32)
        (loop $next
            (memory.fill (local.get $at) (i32.const 7) (i32.const 1))
            (local.set $at (i32.add (local.get $at) (i32.const 8192)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))
    (func (export "sum") (param $at i32) (param $len i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $len (i32.sub (local.get $len) (i32.const 1)))
            (br_if $next (local.get $len)))
        (local.get $sum))
)"#;

/// Bytes of the arenas in these tests.
const LEN: usize = 4 * WASM_PAGE;

struct Guest {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    fn new() -> Self {
        let module = Module::new(engine(), wat::parse_str(GUEST).unwrap()).unwrap();
        let mut linker = Linker::new(engine());
        // A host function that believes a guest's pointer, as ours never do.
        let write = |mut caller: Caller<'_, ()>, at: u32| {
            let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
            memory.write(&mut caller, at as usize, &[0xEE; 8]).unwrap();
        };
        linker.func_wrap("host", "write", write).unwrap();
        let mut store = Store::new(engine(), ());
        store.set_epoch_deadline(u64::MAX / 4);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Self { store, instance, memory }
    }

    fn open(&mut self, fd: std::os::fd::BorrowedFd<'_>, len: usize, access: Access) -> Window {
        Window::open(&mut self.store, &self.memory, fd, len, access).unwrap()
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, params: P) -> wasmtime::Result<R> {
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name).unwrap();
        function.call(&mut self.store, params)
    }

    fn load(&mut self, at: u32) -> u8 {
        u8::try_from(self.call::<u32, u32>("load", at).unwrap()).unwrap()
    }

    fn traps(&mut self, name: &str, at: u32) -> bool {
        let error = self.call::<u32, ()>(name, at).unwrap_err();
        error.downcast_ref::<Trap>() == Some(&Trap::MemoryOutOfBounds)
    }
}

fn arena_of(byte: u8) -> (Arc<Arena>, Arc<Slot>) {
    let arena = Arena::new(LEN, 1).unwrap();
    let mut slot = arena.acquire().unwrap();
    Arc::get_mut(&mut slot).unwrap().copy_from(0, &vec![byte; LEN]).unwrap();
    (arena, slot)
}

fn poke(slot: &Slot, at: usize, byte: u8) {
    assert!(at < slot.arena().slot_bytes());
    // SAFETY: inside the slot, which this thread holds alone.
    unsafe { slot.as_ptr().add(at).write_volatile(byte) };
}

fn arena_byte(arena: &Arena, at: usize) -> u8 {
    let ptr = arena.ptr_at(at, 1).unwrap();
    // SAFETY: inside the arena, and this thread is the only one that writes it.
    unsafe { ptr.read_volatile() }
}

/// Mappings of this process that show a file of this inode.
fn mappings_of(fd: std::os::fd::BorrowedFd<'_>) -> usize {
    let inode = rustix::fs::fstat(fd).unwrap().st_ino.to_string();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.split_whitespace().nth(4) == Some(&inode)).count()
}

/// Mappings of this process that begin inside `[start, end)`.
fn mappings_within(start: usize, end: usize) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let first = |line: &str| usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
    maps.lines().filter(|line| (start..end).contains(&first(line))).count()
}

#[test]
fn the_window_shows_the_arena_itself() {
    let (arena, slot) = arena_of(3);
    let mut guest = Guest::new();
    let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
    assert_eq!((window.address() as usize, window.len()), (2 * WASM_PAGE, LEN));
    assert_eq!(guest.call::<_, u32>("sum", (window.address(), 65536)).unwrap(), 3 * 65536);
    for (at, byte) in [(0, 40), (4096, 41), (LEN - 1, 42)] {
        poke(&slot, at, byte);
        assert_eq!(
            guest.load(window.address() + u32::try_from(at).unwrap()),
            byte,
            "a write at {at} is seen at once"
        );
    }
    assert_eq!(mappings_of(arena.fd()), 2, "the host's and the window");
    assert!(!window.take_poisoned());
}

#[test]
fn a_store_of_the_guest_traps_and_changes_nothing() {
    let (arena, _slot) = arena_of(3);
    let mut guest = Guest::new();
    let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
    assert!(guest.traps("store", window.address() + 100));
    assert!(guest.traps("store_simd", window.address() + 4096));
    assert_eq!(arena_byte(&arena, 100), 3);
    assert!(!window.take_poisoned(), "a trap is enough");
    let behind = window.address() + u32::try_from(LEN).unwrap();
    assert!(guest.traps("store", behind));
    assert!(guest.call::<u32, u32>("load", u32::MAX).is_err());
}

#[test]
fn stores_from_outside_compiled_code_poison_the_window_and_spare_the_arena() {
    type Attack = fn(&mut Guest, u32) -> wasmtime::Result<()>;
    let len = u32::try_from(LEN).unwrap();
    let attacks: [(&str, Attack); 6] = [
        ("fill", |guest, at| guest.call("fill", (at + 8, 4096 * 3))),
        ("copy", |guest, at| guest.call("copy", (at + 8, 0, 100_000))),
        ("copy_small", |guest, at| guest.call("copy_small", at + 8)),
        ("init", |guest, at| guest.call("init", at + 8)),
        ("host_write", |guest, at| guest.call("host_write", at + 8)),
        ("every_second_page", |guest, at| guest.call("every_second_page", (at, at + 4 * 65536))),
    ];
    for (name, attack) in attacks {
        let (arena, _slot) = arena_of(3);
        let mut guest = Guest::new();
        let mut window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
        let outcome = attack(&mut guest, window.address());
        let poisoned = window.take_poisoned();
        assert!(poisoned || outcome.is_err(), "{name}: noticed");
        assert_eq!(poisoned, outcome.is_ok(), "{name}: poisoned, or a trap");
        assert!(
            (0..LEN).step_by(512).all(|at| arena_byte(&arena, at) == 3),
            "{name}: the arena is unchanged"
        );
        assert!(!window.take_poisoned(), "{name}: the flag is taken");
        window.remap(arena.fd(), arena.byte_len()).unwrap();
        let clean = guest.call::<_, u32>("sum", (window.address(), len)).unwrap();
        assert_eq!(clean, 3 * len, "{name}: clean after a remap");
        assert!(guest.traps("store", window.address()), "{name}: read-only after a remap");
    }
}

#[test]
fn a_poisoned_window_costs_one_mapping() {
    let (arena, _slot) = arena_of(3);
    let mut guest = Guest::new();
    let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
    let start = guest.memory.data_ptr(&guest.store).addr() + window.address() as usize;
    guest.call::<_, ()>("every_second_page", (window.address(), window.address() + 4 * 65536)).unwrap();
    assert!(mappings_within(start, start + LEN) <= 1);
    assert!(window.take_poisoned());
}

#[test]
fn reading_out_of_the_window_is_no_offence() {
    let (arena, _slot) = arena_of(9);
    let mut guest = Guest::new();
    let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
    guest.call::<_, ()>("copy", (0, window.address(), 100_000)).unwrap();
    assert_eq!(guest.load(99_999), 9);
    assert!(!window.take_poisoned());
}

#[test]
fn a_later_growth_of_the_guest_leaves_the_window_intact() {
    let (arena, slot) = arena_of(3);
    let mut guest = Guest::new();
    let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
    let base = guest.memory.data_ptr(&guest.store);
    let old = guest.call::<u32, u32>("grow", 100).unwrap() as usize;
    assert_eq!(old * WASM_PAGE, window.address() as usize + LEN);
    assert_eq!(guest.memory.data_ptr(&guest.store), base, "the memory does not move");
    guest.call::<u32, ()>("store", u32::try_from(old * WASM_PAGE).unwrap()).unwrap();
    poke(&slot, 77, 78);
    assert_eq!(guest.load(window.address() + 77), 78);
    assert!(guest.traps("store", window.address()));
}

#[test]
fn another_arena_is_mapped_over_the_same_pages() {
    let (first, _held) = arena_of(3);
    let second = Arena::new(WASM_PAGE, 1).unwrap();
    let mut slot = second.acquire().unwrap();
    Arc::get_mut(&mut slot).unwrap().copy_from(5, &[50]).unwrap();
    assert_ne!(first.generation(), second.generation());
    let mut guest = Guest::new();
    let mut window = guest.open(first.fd(), first.byte_len(), Access::ReadOnly);
    window.remap(second.fd(), second.byte_len()).unwrap();
    assert_eq!(mappings_of(first.fd()), 1, "only the host's is left");
    assert_eq!(guest.load(window.address() + 5), 50);
    let tail = window.address() + u32::try_from(WASM_PAGE).unwrap();
    assert_eq!(guest.load(tail), 0, "nothing of the first arena is left behind the second");
    assert!(guest.traps("store", tail));
    let third = Arena::new(LEN, 2).unwrap();
    let error = window.remap(third.fd(), third.byte_len()).unwrap_err();
    assert_eq!(error.to_string(), "524288 bytes do not fit into a window of 262144 bytes");
}

#[test]
fn the_arena_cannot_be_shrunk_grown_or_written_by_others() {
    let (arena, _slot) = arena_of(3);
    let fd = arena.fd();
    assert_eq!(rustix::fs::ftruncate(fd, 0), Err(rustix::io::Errno::PERM));
    assert_eq!(rustix::fs::ftruncate(fd, 2 * LEN as u64), Err(rustix::io::Errno::PERM));
    assert_eq!(rustix::io::pwrite(fd, b"x", 0), Err(rustix::io::Errno::PERM));
    assert_eq!(map::Mapping::shared(fd, LEN).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(rustix::fs::fcntl_add_seals(fd, SealFlags::WRITE), Err(rustix::io::Errno::PERM));
    let reopened = std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    if let Ok(file) = reopened {
        assert!(map::Mapping::shared(file.as_fd(), LEN).is_err(), "a second descriptor changes nothing");
    }
}

#[test]
fn a_window_for_writing_needs_memory_that_may_be_written() {
    let (arena, _slot) = arena_of(3);
    let mut guest = Guest::new();
    let opened = Window::open(&mut guest.store, &guest.memory, arena.fd(), LEN, Access::ReadWrite);
    assert!(matches!(opened.unwrap_err(), WindowError::Map { .. }));
    let slot = TensorSlot::new(100).unwrap();
    assert_eq!(slot.len(), WASM_PAGE);
    let writer = guest.open(slot.fd(), slot.len(), Access::ReadWrite);
    let mut other = Guest::new();
    let reader = other.open(slot.fd(), slot.len(), Access::ReadOnly);
    guest.call::<u32, ()>("store", writer.address() + 9).unwrap();
    guest.call::<_, ()>("fill", (writer.address() + 10, 10)).unwrap();
    assert_eq!((other.load(reader.address() + 9), other.load(reader.address() + 19)), (1, 7));
    // SAFETY: inside the slot; no guest runs now.
    assert_eq!(unsafe { slot.as_ptr().add(9).read_volatile() }, 1);
    assert!(other.traps("store", reader.address()));
    assert!(!writer.take_poisoned() && !reader.take_poisoned());
}

#[test]
fn slots_are_used_again_and_counted() {
    let arena = Arena::new(1000, 3).unwrap();
    assert_eq!((arena.slot_bytes(), arena.slots(), arena.byte_len()), (WASM_PAGE, 3, 3 * WASM_PAGE));
    let held: Vec<_> = (0..3).map(|_| arena.acquire().unwrap()).collect();
    let offsets: Vec<_> = held.iter().map(|slot| slot.offset()).collect();
    assert_eq!(offsets, [0, WASM_PAGE, 2 * WASM_PAGE]);
    assert!(arena.acquire().is_none());
    assert_eq!((arena.in_use(), arena.high_water()), (3, 3));
    let shared = held[1].clone();
    drop(held);
    assert_eq!((arena.in_use(), arena.high_water()), (1, 3), "the last owner frees a slot");
    drop(shared);
    assert_eq!(arena.in_use(), 0);
    assert_eq!(arena.acquire().unwrap().offset(), WASM_PAGE, "the warmest goes out first");
}

#[test]
fn pointers_are_located_inside_one_slot_only() {
    let arena = Arena::new(WASM_PAGE, 3).unwrap();
    let first = arena.acquire().unwrap();
    let second = arena.acquire().unwrap();
    let ptr = second.as_ptr().cast_const();
    assert_eq!(arena.locate(ptr, WASM_PAGE), Some(WASM_PAGE));
    assert_eq!(arena.locate(ptr.wrapping_add(10), 20), Some(WASM_PAGE + 10));
    assert_eq!(arena.locate(ptr.wrapping_add(10), WASM_PAGE), None, "crosses into the next slot");
    assert_eq!(arena.locate(first.as_ptr().wrapping_sub(1), 1), None);
    assert_eq!(arena.locate(first.as_ptr().wrapping_add(arena.byte_len()), 0), None);
    assert_eq!(arena.locate(ptr, usize::MAX), None);
    assert!(arena.ptr_at(3 * WASM_PAGE, 1).is_none());
}

#[test]
fn copies_stay_inside_their_slot() {
    let arena = Arena::new(WASM_PAGE, 2).unwrap();
    let mut slot = arena.acquire().unwrap();
    let only = Arc::get_mut(&mut slot).unwrap();
    only.copy_from(WASM_PAGE - 2, b"ab").unwrap();
    let out = only.copy_from(WASM_PAGE - 1, b"ab").unwrap_err();
    assert_eq!(out.to_string(), "2 bytes at 65535 do not fit into a slot of 65536 bytes");
    assert!(only.copy_from(usize::MAX, b"ab").is_err());
    assert_eq!((arena_byte(&arena, WASM_PAGE - 1), arena_byte(&arena, WASM_PAGE)), (b'b', 0));
}

#[test]
fn impossible_arenas_are_errors() {
    for (slot_bytes, slots) in [(0, 4), (4, 0), (usize::MAX, 1), (1 << 20, usize::MAX), (1 << 30, 4)] {
        let error = Arena::new(slot_bytes, slots).unwrap_err();
        assert_eq!(error.step, "size", "{slot_bytes} x {slots}");
    }
}

#[test]
fn memory_that_may_shrink_is_not_mapped() {
    let mut guest = Guest::new();
    let unsealed = map::memfd("test", WASM_PAGE).unwrap();
    let file = tempfile::tempfile().unwrap();
    file.set_len(WASM_PAGE as u64).unwrap();
    for fd in [unsealed.as_fd(), file.as_fd()] {
        let opened = Window::open(&mut guest.store, &guest.memory, fd, WASM_PAGE, Access::ReadOnly);
        assert!(matches!(opened.unwrap_err(), WindowError::Share(ShareError::MayShrink)));
    }
    map::seal(&unsealed, SealFlags::empty()).unwrap();
    let error = check_shareable(unsealed.as_fd(), WASM_PAGE + 1).unwrap_err();
    assert_eq!(error.to_string(), "the file descriptor holds 65536 bytes, 65537 are to be mapped");
    assert_eq!(guest.memory.size(&guest.store), 2, "a refused window does not grow the memory");
}

#[test]
fn a_memory_of_odd_length_ends_in_zeroes() {
    let page = rustix::param::page_size();
    let fd = map::memfd("test", page + 10).unwrap();
    rustix::io::pwrite(&fd, &[5; 10], page as u64).unwrap();
    map::seal(&fd, SealFlags::empty()).unwrap();
    let mut guest = Guest::new();
    let window = guest.open(fd.as_fd(), page + 10, Access::ReadOnly);
    let at = |offset: usize| window.address() + u32::try_from(offset).unwrap();
    assert_eq!(
        (guest.load(at(page + 9)), guest.load(at(page + 10)), guest.load(at(window.len() - 1))),
        (5, 0, 0)
    );
}

#[test]
fn a_guest_that_limits_its_memory_gets_no_window() {
    let module =
        Module::new(engine(), wat::parse_str(r#"(module (memory (export "memory") 1 2))"#).unwrap()).unwrap();
    let mut store = Store::new(engine(), ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let (arena, _slot) = arena_of(0);
    let error = Window::open(&mut store, &memory, arena.fd(), LEN, Access::ReadOnly).unwrap_err();
    let text = error.to_string();
    let start = "the module's memory of 65536 bytes cannot grow by a window of 262144 bytes: ";
    assert!(text.starts_with(start) && text.ends_with("build the module without a maximum memory"), "{text}");
}

#[test]
fn nothing_stays_mapped_whichever_is_dropped_first() {
    for window_first in [true, false] {
        let (arena, _slot) = arena_of(3);
        let mut guest = Guest::new();
        let base = guest.memory.data_ptr(&guest.store);
        let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
        let address = window.address();
        if window_first {
            drop(window);
            guest.call::<u32, ()>("store", address).unwrap();
            assert_eq!(guest.load(address + 1), 0, "plain zeroed memory");
            guest.call::<_, ()>("fill", (address, 4096)).unwrap();
            drop(guest);
        } else {
            drop(guest);
            assert!(memory::range_of(base).is_none(), "the memory is gone");
            drop(window);
        }
        assert_eq!(mappings_of(arena.fd()), 1, "window first: {window_first}");
    }
}

#[test]
fn the_reserved_range_is_given_back() {
    let (arena, _slot) = arena_of(3);
    let mut guest = Guest::new();
    let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
    let range = Arc::downgrade(&memory::range_of(guest.memory.data_ptr(&guest.store)).unwrap());
    drop(guest);
    assert!(range.upgrade().is_some(), "the window holds it");
    drop(window);
    assert!(range.upgrade().is_none());
}

#[test]
fn four_threads_share_an_arena_while_one_of_them_misbehaves() {
    let arena = Arena::new(WASM_PAGE, 8).unwrap();
    let slots: Vec<_> = (0..8)
        .map(|byte| {
            let mut slot = arena.acquire().unwrap();
            Arc::get_mut(&mut slot).unwrap().copy_from(0, &vec![byte; WASM_PAGE]).unwrap();
            slot
        })
        .collect();
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let (arena, slots) = (&arena, &slots);
            scope.spawn(move || {
                for round in 0..20_u32 {
                    let mut guest = Guest::new();
                    let window = guest.open(arena.fd(), arena.byte_len(), Access::ReadOnly);
                    let index = (thread + round) % 8;
                    let at = window.address() + u32::try_from(slots[index as usize].offset()).unwrap();
                    assert_eq!(guest.call::<_, u32>("sum", (at, 65536)).unwrap(), index * 65536);
                    assert!(guest.traps("store", at));
                    let bad = thread == 0;
                    if bad {
                        guest.call::<_, ()>("fill", (at, 65536)).unwrap();
                    }
                    assert_eq!(window.take_poisoned(), bad);
                }
            });
        }
    });
    assert_eq!(mappings_of(arena.fd()), 1);
    assert!((0..8).all(|index| arena_byte(&arena, index * WASM_PAGE) == u8::try_from(index).unwrap()));
}
