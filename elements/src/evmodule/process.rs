//! One frame through the module: its bytes, a slot for the output, the call, and what goes on.

use std::sync::{Arc, Mutex};

use edgevision_wasm_host::{
    analysis::Status,
    arena::Slot,
    filter::{Filter, FilterFailure},
    frame::{Frame, FrameLayout},
};

use super::{
    blank::blank,
    imp::CAT,
    settings::{OnError, Settings},
    stats::{Counters, Snapshot},
    told::Told,
};
use crate::{
    framepool::{self, CameraArena, CopyRules, HandOver, StreamFormat, sizing},
    glue::{cores, lock},
};

/// Slots for frames that come in memory of others: the one in the module.
const SPARE_SLOTS: usize = 2;

/// Lives from READY→PAUSED to PAUSED→READY.
pub struct Running {
    /// Held for as long as a frame is in the module.
    pub stage: Mutex<Stage>,
    /// For the frames that come in; offered upstream.
    pub input: Arc<CameraArena>,
    output: Arc<CameraArena>,
    counters: Mutex<Counters>,
}

/// The module, and what it was started with.
pub struct Stage {
    pub filter: Filter,
    /// Those with which the module runs.
    pub settings: Settings,
    /// Those that the module has refused.
    pub refused: Option<Settings>,
    pub format: Option<StreamFormat>,
    next_seq: u64,
    /// What the user knows of the module's failures.
    pub told: Told,
}

/// What goes on.
pub struct Processed {
    /// None: the frame is dropped.
    pub output: Option<gst::Buffer>,
    /// The input goes on as it is.
    pub is_input: bool,
    /// What the user is to be told.
    pub warning: Option<String>,
}

/// Where the module writes.
struct Target {
    slot: Arc<Slot>,
    layout: FrameLayout,
    /// The last free slot: it has to be free again for the next frame.
    is_last: bool,
}

impl Running {
    pub fn new(filter: Filter, settings: Settings) -> Self {
        let source = sizing::Source::File { threads: cores() };
        let stage =
            Stage { filter, settings, refused: None, format: None, next_seq: 0, told: Told::default() };
        Self {
            stage: Mutex::new(stage),
            input: CameraArena::new(sizing::slot_count(source, 0, 1), CopyRules::new(true)),
            output: CameraArena::for_filters(sizing::OUTPUT_SLOTS, CopyRules::new(true)),
            counters: Mutex::default(),
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let output = self.output.current();
        Snapshot {
            bytes_decode: self.input.rules().copied_bytes(),
            slots: output.as_ref().map_or(0, |arena| arena.slots()),
            slots_high_water: output.as_ref().map_or(0, |arena| arena.high_water()),
            ..Snapshot::of(&lock(&self.counters))
        }
    }

    /// Filters one frame. An error is a sentence: nothing can go on.
    pub fn process(
        &self,
        stage: &mut Stage,
        buffer: &gst::Buffer,
        timestamp: Option<gst::ClockTime>,
        on_error: OnError,
    ) -> Result<Processed, String> {
        let format = stage.format.clone().ok_or("a frame came before its caps")?;
        let seq = stage.next_seq;
        stage.next_seq += 1;
        let mut target = self.target(&format)?;
        let outcome = self.filter(stage, &format, buffer, (seq, timestamp), &mut target);
        let warning = stage.judge(&outcome, seq, on_error);
        if let Err(failure) = &outcome {
            gst::log!(CAT, "frame {seq}: {:?}, {}", failure.status, failure.message);
            lock(&self.counters).failed(failure.status, on_error);
        }
        let output = match (outcome, on_error) {
            (Ok(()), _) => Some(self.put_out(target, &format, false)?),
            (Err(_), OnError::Blank) => Some(self.put_out(target, &format, true)?),
            (Err(_), OnError::Drop | OnError::Pass) => None,
        };
        let is_input = output.is_none() && on_error == OnError::Pass;
        Ok(Processed { output, is_input, warning })
    }

    fn target(&self, format: &StreamFormat) -> Result<Target, String> {
        let layout = format.default_layout().map_err(|error| error.to_string())?;
        let arena = self.output.with_room(format.info.size()).map_err(|error| error.to_string())?;
        let slot = arena.acquire().ok_or("all memory for output frames is in use")?;
        let is_last = arena.in_use() == arena.slots();
        Ok(Target { slot, layout, is_last })
    }

    fn filter(
        &self,
        stage: &mut Stage,
        format: &StreamFormat,
        buffer: &gst::Buffer,
        (seq, timestamp): (u64, Option<gst::ClockTime>),
        target: &mut Target,
    ) -> Result<(), FilterFailure> {
        let outcome = self.show(format, buffer, (seq, timestamp)).and_then(|frame| {
            let slot =
                Arc::get_mut(&mut target.slot).ok_or_else(|| refusal("its output is shared already"))?;
            stage.filter.run(&frame, slot, &target.layout)
        });
        let time = outcome?;
        gst::log!(CAT, "frame {seq}: filtered in {time:.1?}");
        lock(&self.counters).filtered(time);
        Ok(())
    }

    /// The frame as the module gets it.
    fn show(
        &self,
        format: &StreamFormat,
        buffer: &gst::Buffer,
        (seq, timestamp): (u64, Option<gst::ClockTime>),
    ) -> Result<Frame, FilterFailure> {
        let for_copy = |bytes| self.input.slot_for_copy(bytes, SPARE_SLOTS);
        let hand_over = framepool::hand_over(format, buffer, for_copy);
        let hand_over = hand_over.map_err(|why| refusal(&format!("its bytes cannot be read: {why}")))?;
        gst::log!(CAT, "frame {seq}: {}", hand_over.describe());
        lock(&self.counters).handed_over(hand_over.transfer, hand_over.bytes_copied);
        let HandOver { layout, pixels, transfer, keep_alive, .. } = hand_over;
        let timestamp_ns = timestamp.map(gst::ClockTime::nseconds);
        Ok(Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive })
    }

    /// The buffer that goes on. When nobody lets go of older ones it is a copy: the module always has a slot to write.
    fn put_out(&self, target: Target, format: &StreamFormat, black: bool) -> Result<gst::Buffer, String> {
        let buffer = framepool::output_buffer(target.slot, self.output.rules().clone(), format);
        let mut buffer = buffer.map_err(|error| error.to_string())?;
        if black {
            buffer = blank(buffer, format).map_err(|_| "a black frame cannot be made")?;
        }
        if !target.is_last {
            return Ok(buffer);
        }
        lock(&self.counters).starved(format.info.size());
        buffer.copy_deep().map_err(|error| error.to_string())
    }
}

impl Stage {
    /// Notes what became of a frame: a sentence when the user is to be warned.
    fn judge(&mut self, outcome: &Result<(), FilterFailure>, seq: u64, instead: OnError) -> Option<String> {
        let failure = outcome.as_ref().err();
        let is_news = self.told.is_news(failure.map(|failure| failure.status));
        let failure = failure.filter(|_| is_news)?;
        let goes_on = match instead {
            OnError::Blank => "a black frame goes on",
            OnError::Drop => "it is dropped",
            OnError::Pass => "it goes on unfiltered",
        };
        Some(format!("frame {seq} is not filtered, {goes_on}: {}", failure.message))
    }
}

fn refusal(message: &str) -> FilterFailure {
    FilterFailure { status: Status::Trapped, message: message.into() }
}
