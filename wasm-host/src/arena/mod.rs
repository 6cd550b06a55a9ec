//! The frame arena: one sealed memfd whose pages the decoder writes and the modules read.
//!
//! # The picture
//!
//! ```text
//!  Arena (one per camera)                        linear memory of one instance (reserved 4 GiB + guard)
//!  memfd, sealed, RW mapped once in the host     base
//!  ┌────────┬────────┬────────┬──────┐           ┌──────────────┬─────────────────┬──────────┬─ ─ ─ ─┐
//!  │ slot 0 │ slot 1 │ slot 2 │  …   │           │ guest's own  │ window          │ grown    │  none │
//!  └───┬────┴────────┴────────┴──────┘           │ heap, stack  │ (PROT_READ)     │ later    │       │
//!      │                                         └──────────────┴────────┬────────┴──────────┴─ ─ ─ ─┘
//!      └──────────── the same physical pages ────────────────────────────┘
//! ```
//!
//! * [`Arena`] cuts one memfd into slots of equal size, each a multiple of 64 KiB. The memfd is sealed against
//!   shrinking (a truncated file under a mapping is SIGBUS and death), growing, and *future* writable mappings:
//!   the host's mapping, made before the seal, stays the only one that can write.
//!   An arena for filters lacks that last seal. Its pages are read-only in windows, too, but for the one slot that a
//!   call has to fill, and only until the call returns: a module cannot change a frame that it has put out.
//! * A [`Slot`] is held by whoever shows its bytes to the outside (a GstMemory). The last owner that drops it
//!   frees it.
//! * A `Window` is a range of guest pages over which the whole memfd is mapped, once per arena and instance, not
//!   per frame. The guest gets addresses inside it as plain integers.
//! * `memory` hands wasmtime its linear memories, which never move. A window keeps the address range of its memory
//!   reserved, so neither can outlive the other's mapping.
//! * `guard` catches the stores into a window that do not happen in compiled WebAssembly (`memory.fill`, host
//!   functions): the process goes on, the window is *poisoned*, the caller rebuilds the instance.
//!
//! # Who may touch a slot
//!
//! The decoder writes it before it pushes the buffer. After the push everyone only reads, and each worker holds the
//! buffer until its call has returned and the poison flag was looked at. Bytes of shared memory are never behind a
//! Rust reference while another party may write them: raw pointers only.

mod guard;
mod map;
mod memory;
mod share;
mod slot;
mod tensor;
mod window;

#[cfg(test)]
mod tests;

pub use share::{ShareError, check_shareable, shareable_len};
pub use slot::{Arena, ArenaError, OutOfSlot, Slot};

pub(crate) use guard::install as install_guard;
pub(crate) use memory::LinearMemories;
pub(crate) use share::CpuRead;
pub(crate) use tensor::TensorSlot;
pub(crate) use window::{Access, Window, WindowError};

/// Bytes of a WebAssembly page: slots and windows are multiples of it.
pub(crate) const WASM_PAGE: usize = 65536;
