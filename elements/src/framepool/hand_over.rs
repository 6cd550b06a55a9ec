//! From a buffer to bytes that modules can see: where they are, or one copy of them.

use std::{any::Any, sync::Arc};

use edgevision_wasm_host::{
    arena::{ArenaError, Slot},
    frame::{FrameLayout, Pixels, Plane, Transfer},
};
use gst::glib::prelude::*;

use super::{
    StreamFormat,
    foreign::{self, NotShareable},
    planes::{self, VisiblePlane, caps_name, visible_planes},
    scatter::Scattered,
    slot_of,
};

/// A frame's bytes where modules can see them.
pub struct HandOver {
    /// Where the planes lie, relative to `pixels`.
    pub layout: FrameLayout,
    /// Where the bytes are.
    pub pixels: Pixels,
    /// How they got there.
    pub transfer: Transfer,
    /// Bytes that were copied for it.
    pub bytes_copied: u64,
    /// Why they had to be copied, as a phrase.
    pub why_copied: Option<String>,
    /// Keeps the bytes alive and unchanged.
    pub keep_alive: Box<dyn Any + Send>,
}

impl HandOver {
    /// How the bytes came to where they are, for a log line.
    pub fn describe(&self) -> String {
        let place = match &self.pixels {
            Pixels::Arena { arena, offset } => {
                format!("arena {} slot {}", arena.generation(), offset / arena.slot_bytes())
            }
            Pixels::Fd { offset, .. } => format!("a file of others at byte {offset}"),
        };
        let bytes = self.layout.byte_len();
        match (&self.why_copied, self.transfer) {
            (Some(why), _) => format!("{bytes} bytes copied to {place}, because {why}"),
            (None, Transfer::Mapped) => format!("{bytes} bytes mapped, in {place}"),
            (None, _) => format!("{bytes} bytes in place, in {place}"),
        }
    }
}

/// Shows a buffer's bytes to modules. `slot_for_copy` finds room for so many bytes; it is asked only when the
/// buffer's memory cannot be shown. The error is a phrase: why the frame cannot be read.
pub fn hand_over(
    format: &StreamFormat,
    buffer: &gst::Buffer,
    slot_for_copy: impl FnOnce(usize) -> Result<Option<Arc<Slot>>, ArenaError>,
) -> Result<HandOver, String> {
    let planes = visible_planes(format, buffer)?;
    match shown(format, buffer, &planes) {
        Ok(shown) => Ok(shown),
        Err(why) => copied(format, buffer, &planes, why, slot_for_copy),
    }
}

/// The bytes where they are. The error is a phrase: why a module cannot see them there.
fn shown(format: &StreamFormat, buffer: &gst::Buffer, planes: &[VisiblePlane]) -> Result<HandOver, String> {
    let single = (buffer.n_memory() == 1).then(|| buffer.peek_memory(0));
    let memory = single.ok_or_else(|| format!("the buffer has {} memories", buffer.n_memory()))?;
    let layout = planes::layout(format, planes).map_err(|error| error.to_string())?;
    if layout.byte_len() > memory.size() {
        return Err("the planes reach beyond the memory".to_owned());
    }
    let (pixels, transfer) = match slot_of(memory) {
        Some(slot) => (in_arena(slot, memory), Transfer::InPlace),
        None => (in_file(memory)?, Transfer::Mapped),
    };
    // Mapping also tells a dmabuf's device that the CPU is going to read.
    let mapped = buffer.clone().into_mapped_buffer_readable();
    let keep_alive = Box::new(mapped.map_err(|_| "somebody still writes into the memory")?);
    Ok(HandOver { layout, pixels, transfer, bytes_copied: 0, why_copied: None, keep_alive })
}

/// The arena is the one that was offered, or that of an element of ours further up.
fn in_arena(slot: &Slot, memory: &gst::MemoryRef) -> Pixels {
    Pixels::Arena { arena: slot.arena().clone(), offset: slot.offset() + memory.offset() }
}

/// The bytes are in a file of somebody else's.
fn in_file(memory: &gst::MemoryRef) -> Result<Pixels, String> {
    let foreign = foreign::examine(memory).map_err(|why| match why {
        NotShareable::NoFile => format!("the memory is of {}, not of the offered pool", kind(memory)),
        NotShareable::MayVanish => {
            format!(
                "the memory is of {}, neither a dmabuf nor a memfd sealed against shrinking",
                kind(memory)
            )
        }
    })?;
    Ok(Pixels::Fd { fd: Arc::new(foreign.fd), len: foreign.file_len, offset: foreign.offset })
}

fn kind(memory: &gst::MemoryRef) -> &'static str {
    memory.allocator().map_or("nobody", |allocator| allocator.type_().name())
}

/// The bytes are anywhere: one copy of the visible pixels into a slot.
fn copied(
    format: &StreamFormat,
    buffer: &gst::Buffer,
    planes: &[VisiblePlane],
    why: String,
    slot_for_copy: impl FnOnce(usize) -> Result<Option<Arc<Slot>>, ArenaError>,
) -> Result<HandOver, String> {
    let layout = format.packed().map_err(|error| error.to_string())?;
    let mapped: Result<Vec<_>, _> = buffer.iter_memories().map(gst::MemoryRef::map_readable).collect();
    let mapped = mapped.map_err(|_| format!("the CPU cannot read the buffer, and {why}"))?;
    let source = Scattered::new(mapped.iter().map(|memory| memory.as_slice()));
    let slot = slot_for_copy(layout.byte_len()).map_err(|error| error.to_string())?;
    let mut slot = slot.ok_or("all memory for frames is in use")?;
    let target = Arc::get_mut(&mut slot).ok_or("a new slot is shared already")?;
    for (index, (from, to)) in planes.iter().zip(layout.planes()).enumerate() {
        copy_plane(target, *to, &source, from).ok_or_else(|| {
            let (len, caps) = (source.len(), caps_name(format));
            format!("a buffer of {len} bytes does not hold plane {index} of the {caps} frame of its caps")
        })?;
    }
    let pixels = Pixels::Arena { arena: slot.arena().clone(), offset: slot.offset() };
    let bytes_copied = layout.byte_len() as u64;
    let (transfer, why_copied) = (Transfer::Copied, Some(why));
    Ok(HandOver { layout, pixels, transfer, bytes_copied, why_copied, keep_alive: Box::new(slot) })
}

/// None when a line lies outside of the source (the slot has room for all of them).
fn copy_plane(target: &mut Slot, to: Plane, source: &Scattered<'_>, from: &VisiblePlane) -> Option<()> {
    for row in 0..from.rows {
        let mut at = to.offset as usize + row * to.stride as usize;
        for piece in source.range(from.row(row)?, from.row_bytes)? {
            target.copy_from(at, piece).ok()?;
            at += piece.len();
        }
    }
    Some(())
}
