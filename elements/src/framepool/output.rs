//! Buffers for frames that a module has written.

use std::sync::Arc;

use edgevision_wasm_host::arena::Slot;
use gst::glib;
use gst_video::{VideoFrameFlags, VideoMeta};

use super::{CopyRules, StreamFormat, allocator};

/// A buffer that shows a slot as a frame in the default layout of its caps. None when the frame does not fit.
pub fn output_buffer(
    slot: Arc<Slot>,
    rules: Arc<CopyRules>,
    format: &StreamFormat,
) -> Result<gst::Buffer, glib::BoolError> {
    let info = &format.info;
    let memory = allocator::memory(slot, rules, 0, info.size());
    let memory = memory.ok_or_else(|| glib::bool_error!("a frame of {} bytes does not fit", info.size()))?;
    let mut buffer = gst::Buffer::new();
    let content = buffer.make_mut();
    content.append_memory(memory);
    let planes = info.n_planes() as usize;
    VideoMeta::add_full(
        content,
        VideoFrameFlags::empty(),
        info.format(),
        info.width(),
        info.height(),
        &info.offset()[..planes],
        &info.stride()[..planes],
    )?;
    Ok(buffer)
}
