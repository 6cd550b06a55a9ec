//! Which foreign memories an instance has mapped: mapping is done once per memory, not per frame.

use std::os::fd::{AsFd, BorrowedFd};

use wasmtime::{Memory, Store};

use super::{HostState, open_window};
use crate::{
    abi::Shows,
    arena::{Access, Window},
    frame::Pixels,
};

/// Most memories of others that are kept mapped: a V4L2 or VA pool has one for each buffer.
const MAX_FOREIGN: usize = 16;

/// The read-only windows onto frames.
#[derive(Default)]
pub(super) struct FrameWindows {
    shown: Vec<Shown>,
    /// Those that had become too small.
    retired: Vec<Window>,
    clock: u64,
}

struct Shown {
    key: Key,
    window: Window,
    /// Bytes of the memory that are mapped.
    len: usize,
    last_used: u64,
}

/// What tells one memory from another. A mapping keeps the file alive, so its inode number cannot come again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Generation of an arena.
    Arena(u64),
    /// Device and inode of the file behind a descriptor.
    File(u64, u64),
}

impl Key {
    fn same_kind(self, other: Self) -> bool {
        matches!((self, other), (Self::Arena(_), Self::Arena(_)) | (Self::File(..), Self::File(..)))
    }

    /// A camera has one arena at a time.
    fn room(self) -> usize {
        match self {
            Self::Arena(_) => 1,
            Self::File(..) => MAX_FOREIGN,
        }
    }
}

/// A memory that a frame lies in.
struct Source<'a> {
    key: Key,
    fd: BorrowedFd<'a>,
    len: usize,
}

impl<'a> Source<'a> {
    fn of(pixels: &'a Pixels) -> Result<Self, String> {
        match pixels {
            Pixels::Arena { arena, .. } => {
                Ok(Self { key: Key::Arena(arena.generation()), fd: arena.fd(), len: arena.byte_len() })
            }
            Pixels::Fd { fd, len, .. } => {
                let stat = rustix::fs::fstat(fd).map_err(|error| format!("the frame's memory: {error}"))?;
                Ok(Self { key: Key::File(stat.st_dev, stat.st_ino), fd: fd.as_fd(), len: *len })
            }
        }
    }
}

impl FrameWindows {
    /// The guest address of the first byte of the memory that holds a frame; maps it if it is new.
    pub(super) fn show(
        &mut self,
        store: &mut Store<HostState>,
        memory: &Memory,
        pixels: &Pixels,
    ) -> Result<u32, String> {
        let source = Source::of(pixels)?;
        self.clock += 1;
        let clock = self.clock;
        let known = self.shown.iter().position(|shown| shown.key == source.key);
        if let Some(shown) = known.and_then(|index| self.shown.get_mut(index))
            && shown.len >= source.len
        {
            shown.last_used = clock;
            return Ok(shown.window.address());
        }
        // More of a memory is wanted than was at first: it is mapped anew.
        if let Some(short) = known.map(|index| self.shown.swap_remove(index)) {
            self.retire(short.window)?;
        }
        let window = self.map(store, memory, &source)?;
        let address = window.address();
        self.shown.push(Shown { key: source.key, window, len: source.len, last_used: clock });
        Ok(address)
    }

    fn map(
        &mut self,
        store: &mut Store<HostState>,
        memory: &Memory,
        source: &Source<'_>,
    ) -> Result<Window, String> {
        if let Some(mut oldest) = self.make_room(source.key) {
            if oldest.window.remap(source.fd, source.len).is_ok() {
                return Ok(oldest.window);
            }
            self.retire(oldest.window)?;
        }
        open_window(store, memory, source.fd, source.len, Access::ReadOnly, Shows::Frames)
            .map_err(|error| error.to_string())
    }

    fn retire(&mut self, window: Window) -> Result<(), String> {
        window.retire().map_err(|error| error.to_string())?;
        self.retired.push(window);
        Ok(())
    }

    /// Gives up the window of that kind that was longest not used, if there are enough.
    fn make_room(&mut self, key: Key) -> Option<Shown> {
        let same_kind = || self.shown.iter().enumerate().filter(|(_, shown)| shown.key.same_kind(key));
        if same_kind().count() < key.room() {
            return None;
        }
        let (oldest, _) = same_kind().min_by_key(|(_, shown)| shown.last_used)?;
        Some(self.shown.swap_remove(oldest))
    }

    pub(super) fn take_poisoned(&self) -> bool {
        let windows = self.retired.iter().chain(self.shown.iter().map(|shown| &shown.window));
        windows.fold(false, |poisoned, window| window.take_poisoned() | poisoned)
    }
}
