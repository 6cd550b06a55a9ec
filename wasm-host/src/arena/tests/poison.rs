//! Guests that write where they may only read.

use super::*;

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
