//! The arena and its windows against guests, hosts and the kernel.

mod poison;
mod slots;
mod windows;

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
