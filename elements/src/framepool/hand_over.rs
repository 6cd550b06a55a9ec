//! From a buffer to bytes that modules can see: where they are, or one copy of them.

use std::{any::Any, sync::Arc};

use edgevision_wasm_host::{
    arena::{ArenaError, Slot},
    frame::{FrameLayout, Pixels, Transfer},
};
use gst_video::{VideoFrameExt, VideoFrameRef};

use super::{StreamFormat, foreign, slot_of};

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
    /// Keeps the bytes alive and unchanged.
    pub keep_alive: Box<dyn Any + Send>,
}

/// Shows a buffer's bytes to modules. `slot_for_copy` finds room for so many bytes; it is asked only when the
/// buffer's memory cannot be shown. The error is a phrase: why the frame cannot be read.
pub fn hand_over(
    format: &StreamFormat,
    buffer: &gst::Buffer,
    slot_for_copy: impl FnOnce(usize) -> Result<Option<Arc<Slot>>, ArenaError>,
) -> Result<HandOver, String> {
    if let Some(shown) = in_place(format, buffer).or_else(|| mapped(format, buffer)) {
        return Ok(shown);
    }
    copied(format, buffer, slot_for_copy)
}

/// The single memory of a buffer and its layout, if all of the frame lies in it.
fn single_memory<'b>(
    format: &StreamFormat,
    buffer: &'b gst::Buffer,
) -> Option<(&'b gst::MemoryRef, FrameLayout)> {
    let memory = (buffer.n_memory() == 1).then(|| buffer.peek_memory(0))?;
    let layout = format.layout(buffer).ok()?;
    (layout.byte_len() <= memory.size()).then_some((memory, layout))
}

/// The bytes are in an arena: the one that was offered, or that of an element of ours further up.
fn in_place(format: &StreamFormat, buffer: &gst::Buffer) -> Option<HandOver> {
    let (memory, layout) = single_memory(format, buffer)?;
    let slot = slot_of(memory)?;
    let pixels = Pixels::Arena { arena: slot.arena().clone(), offset: slot.offset() + memory.offset() };
    let keep_alive = Box::new(buffer.clone().into_mapped_buffer_readable().ok()?);
    Some(HandOver { layout, pixels, transfer: Transfer::InPlace, bytes_copied: 0, keep_alive })
}

/// The bytes are in a file of somebody else's.
fn mapped(format: &StreamFormat, buffer: &gst::Buffer) -> Option<HandOver> {
    let (memory, layout) = single_memory(format, buffer)?;
    let foreign = foreign(memory)?;
    let pixels = Pixels::Fd { fd: Arc::new(foreign.fd), len: foreign.file_len, offset: foreign.offset };
    // Mapping also tells a dmabuf's device that the CPU is going to read.
    let keep_alive = Box::new(buffer.clone().into_mapped_buffer_readable().ok()?);
    Some(HandOver { layout, pixels, transfer: Transfer::Mapped, bytes_copied: 0, keep_alive })
}

/// The bytes are anywhere: one copy of the visible pixels into a slot.
fn copied(
    format: &StreamFormat,
    buffer: &gst::Buffer,
    slot_for_copy: impl FnOnce(usize) -> Result<Option<Arc<Slot>>, ArenaError>,
) -> Result<HandOver, String> {
    let layout = format.packed().map_err(|error| error.to_string())?;
    let source = VideoFrameRef::from_buffer_ref_readable(buffer, &format.info)
        .map_err(|_| format!("the buffer of {} bytes does not hold a frame of its caps", buffer.size()))?;
    let slot = slot_for_copy(layout.byte_len()).map_err(|error| error.to_string())?;
    let mut slot = slot.ok_or("all memory for frames is in use")?;
    let target = Arc::get_mut(&mut slot).ok_or("a new slot is shared already")?;
    for plane in 0..layout.planes().len() {
        copy_plane(target, &layout, format, &source, plane)?;
    }
    let pixels = Pixels::Arena { arena: slot.arena().clone(), offset: slot.offset() };
    let bytes_copied = layout.byte_len() as u64;
    Ok(HandOver { layout, pixels, transfer: Transfer::Copied, bytes_copied, keep_alive: Box::new(slot) })
}

fn copy_plane(
    target: &mut Slot,
    layout: &FrameLayout,
    format: &StreamFormat,
    source: &VideoFrameRef<&gst::BufferRef>,
    plane: usize,
) -> Result<(), String> {
    let index = u32::try_from(plane).map_err(|_| "too many planes")?;
    let data = source.plane_data(index).map_err(|error| error.to_string())?;
    let stride = usize::try_from(source.plane_stride()[plane]).map_err(|_| "a stride is negative")?;
    let (row_bytes, rows) = format.plane_extent(plane);
    let to = layout.planes()[plane];
    for row in 0..rows {
        let line =
            data.get(row * stride..row * stride + row_bytes).ok_or("a plane is shorter than its lines")?;
        target
            .copy_from(to.offset as usize + row * to.stride as usize, line)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
