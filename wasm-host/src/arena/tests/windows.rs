//! What windows show, and what is left when they are gone.

use super::*;

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
