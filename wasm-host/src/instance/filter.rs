//! The role *filter*: a frame in a read-only window becomes a frame in a slot that is writable for the call.

use std::{sync::Arc, time::Duration};

use edgevision_abi::FrameDesc;
use wasmtime::TypedFunc;

use super::{
    Blueprint, Failure, Instance, Site, begin_reading, describe, describe::Place, host_failure,
    recycle::Recycled,
};
use crate::{
    arena::Slot,
    frame::{Frame, FrameLayout},
    module::Role,
};

/// An instance that filters.
pub(super) struct Filter {
    instance: Instance,
    function: TypedFunc<(u32, u32), i32>,
    frame_address: u32,
    output_address: u32,
}

/// Where the windows of a frame and of its output are.
#[derive(Clone, Copy)]
struct Shown {
    frame: u32,
    output: u32,
}

impl Filter {
    fn start(blueprint: &Arc<Blueprint>) -> Result<Self, String> {
        let mut instance = Instance::start(blueprint, None)?;
        let function = instance.function(Role::Filter.name())?;
        let frame_address = instance.place::<FrameDesc>()?;
        let output_address = instance.place::<FrameDesc>()?;
        Ok(Self { instance, function, frame_address, output_address })
    }

    /// Maps the memory of both frames.
    fn show(&mut self, frame: &Frame, slot: &Slot) -> Result<Shown, String> {
        let Instance { frames, output, sandbox, memory, .. } = &mut self.instance;
        let frame = frames.show(&mut sandbox.store, memory, &frame.pixels)?;
        Ok(Shown { frame, output: output.show(&mut sandbox.store, memory, slot.arena())? })
    }

    fn run(
        &mut self,
        frame: &Frame,
        slot: &mut Slot,
        layout: &FrameLayout,
        shown: Shown,
    ) -> Result<(), Failure> {
        let budget = self.instance.sandbox.blueprint.limits.deadline;
        let site =
            Site { name: Role::Filter.name(), role: Some(Role::Filter), frame: Some(frame.seq), budget };
        self.write_descriptors(frame, slot, layout, shown, site)?;
        let reading = begin_reading(&frame.pixels).map_err(|error| host_failure(frame, &error))?;
        self.instance.output.allow_writing(slot).map_err(|error| host_failure(frame, &error))?;
        let addresses = (self.frame_address, self.output_address);
        let outcome = self.instance.enter_for_status(&self.function.clone(), addresses, site);
        drop(reading);
        // Whatever became of the call: from here on the slot is not the guest's any more.
        let forbidden = self.instance.output.forbid_writing(slot);
        forbidden.map_err(|error| Failure { rebuild: true, ..host_failure(frame, &error) }).and(outcome)
    }

    fn write_descriptors(
        &mut self,
        frame: &Frame,
        slot: &Slot,
        layout: &FrameLayout,
        shown: Shown,
        site: Site,
    ) -> Result<(), Failure> {
        let source = describe(frame, shown.frame).map_err(|error| host_failure(frame, &error))?;
        let target = output_desc(slot, layout, shown.output).map_err(|error| host_failure(frame, &error))?;
        let target = FrameDesc { timestamp_ns: source.timestamp_ns, seq: source.seq, ..target };
        let mut memory = self.instance.guest_memory();
        let written = memory.write(self.frame_address, &source);
        let written = written.and_then(|()| memory.write(self.output_address, &target));
        written
            .map_err(|error| self.instance.sandbox.trapped(site, &format!("has a descriptor that {error}")))
    }
}

fn output_desc(slot: &Slot, layout: &FrameLayout, window: u32) -> Result<FrameDesc, String> {
    let (room, needed) = (slot.arena().slot_bytes(), layout.byte_len());
    if needed > room {
        return Err(format!("its output of {needed} bytes does not fit into a slot of {room} bytes"));
    }
    Place { window, offset: slot.offset(), memory_len: slot.arena().byte_len() }.describe(layout)
}

/// A filter whose instance is rebuilt after a failure.
pub(crate) struct FrameFilter {
    blueprint: Arc<Blueprint>,
    instance: Recycled<Filter>,
}

impl FrameFilter {
    /// Starts an instance, so that a module's refusal is known before the first frame.
    pub(crate) fn start(blueprint: Arc<Blueprint>) -> Result<Self, String> {
        let mut filter = Self { blueprint, instance: Recycled::default() };
        filter.live()?;
        Ok(filter)
    }

    fn live(&mut self) -> Result<&mut Filter, String> {
        let blueprint = &self.blueprint;
        self.instance.get_or_start(|_| Filter::start(blueprint))
    }

    /// Fills `layout` in `slot` from a frame.
    pub(crate) fn run(
        &mut self,
        frame: &Frame,
        slot: &mut Slot,
        layout: &FrameLayout,
    ) -> Result<Duration, Failure> {
        let shown = self.show(frame, slot)?;
        // Rebuilding a module is not this frame's time.
        let start = std::time::Instant::now();
        let live = self.live().map_err(|error| cannot_rebuild(frame, &error))?;
        let result = live.run(frame, slot, layout, shown);
        if matches!(&result, Err(failure) if failure.rebuild) {
            self.instance.discard();
        }
        result.map(|()| start.elapsed())
    }

    /// Maps both memories. An address space that many memories have filled starts over once.
    fn show(&mut self, frame: &Frame, slot: &Slot) -> Result<Shown, Failure> {
        let live = self.live().map_err(|error| cannot_rebuild(frame, &error))?;
        if let Ok(shown) = live.show(frame, slot) {
            return Ok(shown);
        }
        self.instance.discard();
        let live = self.live().map_err(|error| cannot_rebuild(frame, &error))?;
        live.show(frame, slot).map_err(|error| host_failure(frame, &error))
    }
}

fn cannot_rebuild(frame: &Frame, error: &str) -> Failure {
    host_failure(frame, &format!("the module could not be started again: {error}"))
}
