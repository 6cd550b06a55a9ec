//! From a buffer on the sink pad to a frame in the worker pool: finding its bytes, or copying them once.

use std::{
    any::Any,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use edgevision_wasm_host::{
    analysis::{Analysis, Status, Timings},
    arena::Slot,
    frame::{Frame, FrameLayout, Pixels, Transfer},
    pool::SubmitError,
};
use gst_video::{VideoFrameExt, VideoFrameRef};

use super::{
    imp::CAT,
    negotiate::StreamFormat,
    output::{Finished, Item, Waiting},
    running::{Running, lock},
};
use crate::framepool;

/// Why a buffer was not taken.
pub enum Refusal {
    /// To be answered upstream.
    Flow(gst::FlowError),
    /// To be told to the user, as an error.
    Fatal(&'static str),
}

impl From<gst::FlowError> for Refusal {
    fn from(flow: gst::FlowError) -> Self {
        Self::Flow(flow)
    }
}

/// A frame's bytes where modules can see them.
struct HandOver {
    layout: FrameLayout,
    pixels: Pixels,
    transfer: Transfer,
    bytes_copied: u64,
    keep_alive: Box<dyn Any + Send>,
}

/// Takes a buffer: gives it its place in the output and, when it is its turn, hands it to the workers. Waits while
/// too much is inside. `Ok(Some(why))` when a frame passes un-analysed because its bytes cannot be read.
pub fn accept(
    running: &Running,
    buffer: gst::Buffer,
    is_live: impl Fn() -> bool,
) -> Result<Option<String>, Refusal> {
    let (format, mut frame) = admit(running, buffer)?;
    let (lane, policy) = running.lane(&is_live);
    running.output.wait_for_room(running.room(policy, &format))?;
    if frame.seq % u64::from(running.loaded.settings.interval) != 0 {
        pass_on(running, frame, "not its turn (interval)")?;
        return Ok(None);
    }
    let hand_over = match hand_over(running, &format, &frame.buffer, is_live) {
        Ok(hand_over) => hand_over,
        Err(why) => {
            pass_on(running, frame, &why)?;
            return Ok(Some(why));
        }
    };
    let (seq, transfer) = (frame.seq, hand_over.transfer);
    gst::log!(CAT, "frame {seq}: {transfer:?}, {}", describe(&hand_over.pixels));
    frame.bytes_copied = hand_over.bytes_copied;
    let timestamp_ns = frame.timestamp_ns;
    running.counters.handed_over(transfer);
    running.output.expect(frame)?;
    let HandOver { layout, pixels, keep_alive, .. } = hand_over;
    let submitted = lane.submit(Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive });
    gst::trace!(CAT, "frame {seq}: submitted, {} in flight", lane.in_flight());
    submitted.map(|()| None).map_err(|error| match error {
        // The lane flushes whenever the output is closed: why it was closed is what upstream has to know.
        SubmitError::Flushing => {
            Refusal::Flow(running.output.flow().err().unwrap_or(gst::FlowError::Flushing))
        }
        SubmitError::Closed => Refusal::Fatal("the worker pool is shut down; restart the pipeline"),
    })
}

/// Numbers the frame and reads its stream time.
fn admit(running: &Running, buffer: gst::Buffer) -> Result<(Arc<StreamFormat>, Waiting), gst::FlowError> {
    let mut stream = lock(&running.stream);
    let format = stream.format.clone().ok_or(gst::FlowError::NotNegotiated)?;
    let seq = stream.next_seq;
    stream.next_seq += 1;
    let segment = stream.segment.as_ref().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
    let timestamp = segment.zip(buffer.pts()).and_then(|(segment, pts)| segment.to_stream_time(pts));
    gst::log!(CAT, "frame {seq}: pts {:?}, stream time {timestamp:?}", buffer.pts());
    let frame = Waiting {
        seq,
        timestamp_ns: timestamp.map(gst::ClockTime::nseconds),
        system_time_ns: unix_time_ns(),
        width: format.info.width(),
        height: format.info.height(),
        bytes_copied: 0,
        buffer,
    };
    Ok((format, frame))
}

fn unix_time_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Gives the frame its place with a result that says it was not analysed.
fn pass_on(running: &Running, frame: Waiting, why: &str) -> Result<(), gst::FlowError> {
    gst::trace!(CAT, "frame {}: passes, {why}", frame.seq);
    let analysis = Analysis {
        status: Status::Skipped,
        detections: Vec::new(),
        timings: Timings::default(),
        bytes_copied: 0,
        message: Some(why.to_owned()),
    };
    running.output.push(Item::Frame(Box::new(Finished { frame, transfer: None, analysis })))
}

fn describe(pixels: &Pixels) -> String {
    match pixels {
        Pixels::Arena { arena, offset } => {
            format!("arena {} slot {}", arena.generation(), offset / arena.slot_bytes())
        }
        Pixels::Fd { offset, .. } => format!("foreign memory at {offset}"),
    }
}

fn hand_over(
    running: &Running,
    format: &StreamFormat,
    buffer: &gst::Buffer,
    is_live: impl FnOnce() -> bool,
) -> Result<HandOver, String> {
    if let Some(shown) = in_place(format, buffer).or_else(|| mapped(format, buffer)) {
        return Ok(shown);
    }
    copied(running, format, buffer, is_live)
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

/// The decoder wrote into an arena: ours, or that of another detector upstream.
fn in_place(format: &StreamFormat, buffer: &gst::Buffer) -> Option<HandOver> {
    let (memory, layout) = single_memory(format, buffer)?;
    let slot = framepool::slot_of(memory)?;
    let pixels = Pixels::Arena { arena: slot.arena().clone(), offset: slot.offset() + memory.offset() };
    let keep_alive = Box::new(buffer.clone().into_mapped_buffer_readable().ok()?);
    Some(HandOver { layout, pixels, transfer: Transfer::InPlace, bytes_copied: 0, keep_alive })
}

/// The bytes are in a file of somebody else's.
fn mapped(format: &StreamFormat, buffer: &gst::Buffer) -> Option<HandOver> {
    let (memory, layout) = single_memory(format, buffer)?;
    let foreign = framepool::foreign(memory)?;
    let pixels = Pixels::Fd { fd: Arc::new(foreign.fd), len: foreign.file_len, offset: foreign.offset };
    // Mapping also tells a dmabuf's device that the CPU is going to read.
    let keep_alive = Box::new(buffer.clone().into_mapped_buffer_readable().ok()?);
    Some(HandOver { layout, pixels, transfer: Transfer::Mapped, bytes_copied: 0, keep_alive })
}

/// The bytes are anywhere: one copy of the visible pixels into a slot.
fn copied(
    running: &Running,
    format: &StreamFormat,
    buffer: &gst::Buffer,
    is_live: impl FnOnce() -> bool,
) -> Result<HandOver, String> {
    let layout = format.packed().map_err(|error| error.to_string())?;
    let source = VideoFrameRef::from_buffer_ref_readable(buffer, &format.info)
        .map_err(|_| format!("the buffer of {} bytes does not hold a frame of its caps", buffer.size()))?;
    let slot = running.slot_for_copy(layout.byte_len(), is_live).map_err(|error| error.to_string())?;
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
