//! From a buffer on the sink pad to a frame in the worker pool: finding its bytes, or copying them once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use edgevision_wasm_host::{
    analysis::{Analysis, Status, Timings},
    frame::Frame,
    pool::SubmitError,
};
use gst::prelude::*;

use super::{
    imp::CAT,
    item::{Finished, Item, Waiting},
    running::Running,
};
use crate::{
    framepool::{self, HandOver, StreamFormat},
    glue::{lock, unix_time_ns},
};

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

/// Takes a buffer: gives it its place in the output and, when it is its turn, hands it to the workers. Waits while
/// too much is inside. `Ok(Some(why))` when a frame passes un-analysed because its bytes cannot be read and the one before
/// could be.
pub fn accept(
    running: &Running,
    buffer: gst::Buffer,
    is_live: impl Fn() -> bool,
) -> Result<Option<String>, Refusal> {
    let bytes = buffer.size();
    let (format, mut frame) = admit(running, buffer)?;
    let (lane, policy) = running.lane(&is_live);
    running.output.wait_for_room(running.room(policy, &format))?;
    // Waiting for downstream, in PAUSED for as long as it pleases, says nothing about the latency of the modules.
    frame.since = Instant::now();
    running.counters.came(bytes);
    if frame.seq % u64::from(frame.loaded.settings.interval) != 0 {
        pass_on(running, frame, "not its turn (interval)")?;
        return Ok(None);
    }
    if frame.buffer.flags().contains(gst::BufferFlags::GAP) {
        pass_on(running, frame, "a filler without a picture (GAP)")?;
        return Ok(None);
    }
    let for_copy = |bytes| running.slot_for_copy(bytes, is_live);
    let hand_over = match framepool::hand_over(&format, &frame.buffer, for_copy) {
        Ok(hand_over) => hand_over,
        Err(why) => {
            pass_on(running, frame, &why)?;
            return Ok((!running.unreadable.swap(true, Ordering::Relaxed)).then_some(why));
        }
    };
    running.unreadable.store(false, Ordering::Relaxed);
    let (seq, transfer) = (frame.seq, hand_over.transfer);
    let camera = running.camera();
    gst::log!(CAT, "{camera} frame {seq}: {}", hand_over.describe());
    frame.bytes_copied = hand_over.bytes_copied;
    let timestamp_ns = frame.timestamp_ns;
    running.counters.handed_over(transfer);
    running.output.expect(frame)?;
    let HandOver { layout, pixels, keep_alive, .. } = hand_over;
    gst::log!(CAT, "{camera} frame {seq}: given to the workers, {} there before it", lane.in_flight());
    let submitted = lane.submit(Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive });
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
    gst::log!(
        CAT,
        "{} frame {seq}: accepted, pts {}, stream time {}",
        running.camera(),
        buffer.pts().display(),
        timestamp.display()
    );
    let frame = Waiting {
        loaded: running.loaded(),
        seq,
        since: Instant::now(),
        timestamp_ns: timestamp.map(gst::ClockTime::nseconds),
        system_time_ns: unix_time_ns(),
        width: format.info.width(),
        height: format.info.height(),
        bytes_copied: 0,
        buffer,
    };
    Ok((format, frame))
}

/// Gives the frame its place with a result that says it was not analysed.
fn pass_on(running: &Running, frame: Waiting, why: &str) -> Result<(), gst::FlowError> {
    gst::log!(CAT, "{} frame {}: passes un-analysed, {why}", running.camera(), frame.seq);
    let analysis = Analysis {
        status: Status::Skipped,
        detections: Vec::new(),
        tensors: Vec::new(),
        timings: Timings::default(),
        bytes_copied: 0,
        message: Some(why.to_owned()),
    };
    running.output.push(Item::Frame(Box::new(Finished { frame, transfer: None, analysis })))
}
