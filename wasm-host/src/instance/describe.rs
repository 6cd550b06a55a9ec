//! What a guest is told about a frame, and how a frame is made readable for it.

use std::os::fd::AsFd;

use edgevision_abi::{FrameDesc, MAX_PLANES, Plane};

use super::{Failure, size_in_guest};
use crate::{
    analysis::Status,
    arena::CpuRead,
    frame::{Frame, FrameLayout, Pixels},
};

/// A frame that cannot be shown; no module is to blame.
pub(super) fn host_failure(frame: &Frame, why: &str) -> Failure {
    Failure { status: Status::Trapped, message: format!("frame {}: {why}", frame.seq), rebuild: false }
}

/// Makes a dmabuf readable for the call.
pub(super) fn begin_reading(pixels: &Pixels) -> Result<Option<CpuRead<'_>>, String> {
    let Pixels::Fd { fd, .. } = pixels else { return Ok(None) };
    CpuRead::begin(fd.as_fd()).map(Some).map_err(|error| format!("its memory cannot be read: {error}"))
}

/// The descriptor of a frame whose memory begins at guest address `window`.
pub(super) fn describe(frame: &Frame, window: u32) -> Result<FrameDesc, String> {
    let (offset, memory_len) = match &frame.pixels {
        Pixels::Arena { arena, offset } => (*offset, arena.byte_len()),
        Pixels::Fd { len, offset, .. } => (*offset, *len),
    };
    let place = Place { window, offset, memory_len };
    let mut desc = place.describe(&frame.layout)?;
    desc.timestamp_ns = frame.timestamp_ns.unwrap_or(u64::MAX);
    desc.seq = frame.seq;
    Ok(desc)
}

/// Where the first byte of a frame is: `offset` bytes into a memory that begins at guest address `window`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) window: u32,
    pub(super) offset: usize,
    /// Bytes of the memory.
    pub(super) memory_len: usize,
}

impl Place {
    /// The descriptor of a frame there, without its time and number.
    pub(super) fn describe(self, layout: &FrameLayout) -> Result<FrameDesc, String> {
        let Self { window, offset, memory_len } = self;
        if offset.checked_add(layout.byte_len()).is_none_or(|end| end > memory_len) {
            let needed = layout.byte_len();
            return Err(format!(
                "{needed} bytes from offset {offset} do not lie in a memory of {memory_len} bytes"
            ));
        }
        let mut planes = [Plane::default(); MAX_PLANES];
        for (slot, plane) in planes.iter_mut().zip(layout.planes()) {
            let offset = u32::try_from(offset).ok().and_then(|offset| offset.checked_add(plane.offset));
            let address = offset.and_then(|offset| window.checked_add(offset));
            let address = address.ok_or("its planes lie beyond 4 GiB")?;
            *slot = Plane { address, stride: plane.stride };
        }
        Ok(FrameDesc {
            size: size_in_guest::<FrameDesc>(),
            format: layout.format() as u32,
            width: layout.width(),
            height: layout.height(),
            color_matrix: layout.color().matrix as u32,
            color_range: layout.color().range as u32,
            n_planes: u32::try_from(layout.planes().len().min(MAX_PLANES)).unwrap_or_default(),
            reserved: 0,
            planes,
            timestamp_ns: u64::MAX,
            seq: 0,
        })
    }
}
