//! The window onto the arena into which a filter writes: read-only but for one slot, while the call lasts.

use wasmtime::{Memory, Store};

use super::{HostState, open_window};
use crate::{
    abi::Shows,
    arena::{Access, Arena, Slot, Window},
};

/// The window, and which arena it shows.
#[derive(Default)]
pub(super) struct OutputWindow {
    shown: Option<(u64, Window)>,
    /// Those that had become too small.
    retired: Vec<Window>,
}

impl OutputWindow {
    /// The guest address of the arena's first byte; maps it if it is new.
    pub(super) fn show(
        &mut self,
        store: &mut Store<HostState>,
        memory: &Memory,
        arena: &Arena,
    ) -> Result<u32, String> {
        if let Some((_, window)) = self.shown.as_ref().filter(|(shown, _)| *shown == arena.generation()) {
            return Ok(window.address());
        }
        let window = self.map(store, memory, arena)?;
        let address = window.address();
        self.shown = Some((arena.generation(), window));
        Ok(address)
    }

    fn map(
        &mut self,
        store: &mut Store<HostState>,
        memory: &Memory,
        arena: &Arena,
    ) -> Result<Window, String> {
        let (fd, len) = (arena.fd(), arena.byte_len());
        if let Some((_, mut window)) = self.shown.take() {
            if window.remap(fd, len).is_ok() {
                return Ok(window);
            }
            window.retire().map_err(|error| error.to_string())?;
            self.retired.push(window);
        }
        open_window(store, memory, fd, len, Access::ReadOnly, Shows::Frames)
            .map_err(|error| error.to_string())
    }

    /// Lets the guest write one slot of the arena that is shown.
    pub(super) fn allow_writing(&self, slot: &Slot) -> Result<(), String> {
        let allowed = self.of(slot)?.allow_writing(slot.offset(), slot.arena().slot_bytes());
        allowed.map_err(|error| error.to_string())
    }

    /// The guest's time with the slot is over. After an error the instance must not run again.
    pub(super) fn forbid_writing(&self, slot: &Slot) -> Result<(), String> {
        let forbidden = self.of(slot)?.forbid_writing(slot.offset(), slot.arena().slot_bytes());
        forbidden.map_err(|error| error.to_string())
    }

    fn of(&self, slot: &Slot) -> Result<&Window, String> {
        let shown = self.shown.as_ref().filter(|(shown, _)| *shown == slot.arena().generation());
        shown.map(|(_, window)| window).ok_or_else(|| "the slot's arena is not shown".into())
    }

    pub(super) fn take_poisoned(&self) -> bool {
        let windows = self.retired.iter().chain(self.shown.as_ref().map(|(_, window)| window));
        windows.fold(false, |poisoned, window| window.take_poisoned() | poisoned)
    }
}
