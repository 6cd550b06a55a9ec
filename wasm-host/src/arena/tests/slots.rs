//! The arena without any guest.

use super::*;

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
