//! Reads a source once, frame by frame, in the formats that modules are given.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{pick::Picker, pixels};
use crate::{
    config::Camera,
    error::{AppError, Exit},
    graph::make,
    source::{self, Origin},
    supervise::{self, Failure, FailureKind, Notice, Shutdown, Watchdog},
    telemetry::events::InputFlawed,
};
use gst::prelude::*;
use gst_video::VideoFrameRef;
use gstedgevision::framepool::{FORMATS, StreamFormat};
use image::RgbImage;

const TICK: Duration = Duration::from_millis(50);
/// Pictures that may wait for being written. More of a live camera are not picked; everything else waits.
const WAITING: u32 = 8;

/// A frame that was picked.
pub struct Picked {
    /// Counted from 0, of all frames that the source delivered.
    pub number: u64,
    /// Its time in the stream.
    pub time: Option<gst::ClockTime>,
    /// Full range.
    pub picture: RgbImage,
}

/// Why reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The source has ended.
    Source,
    /// All frames that were wanted are there.
    Enough,
    /// A signal came.
    Stopped,
    /// The time is over.
    Time,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stopped => " (stopped early)",
            Self::Source | Self::Enough | Self::Time => "",
        })
    }
}

/// What the streaming thread and the reader share.
struct Arrivals {
    frames: AtomicU64,
    /// Picked and not yet stored.
    waiting: AtomicU32,
    done: AtomicBool,
    picker: Mutex<Picker>,
}

/// A running source; stopped when dropped.
pub struct Reader {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    origin: Origin,
    live: bool,
    watchdog: Watchdog,
    arrivals: Arc<Arrivals>,
    told_flaw: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Going down cannot fail in a way that anybody could act upon.
        let _result = self.pipeline.set_state(gst::State::Null);
    }
}

impl Reader {
    /// `source ! videoconvert ! appsink`, with files as fast as they can be read.
    pub fn start(camera: &Camera, picker: Picker) -> Result<Self, Failure> {
        gst::init().map_err(|error| Failure::new(FailureKind::NoPlugin, format!("GStreamer: {error}")))?;
        let source = source::open(camera, true)?;
        let arrivals = Arc::new(Arrivals {
            frames: AtomicU64::new(0),
            waiting: AtomicU32::new(0),
            done: AtomicBool::new(false),
            picker: Mutex::new(picker),
        });
        let convert = make("videoconvert", "convert")?;
        let sink = sink();
        let pipeline = gst::Pipeline::with_name(&camera.name);
        let chain = [&source.element, &convert, sink.upcast_ref()];
        pipeline.add_many(chain).and_then(|()| gst::Element::link_many(chain)).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("camera {}: {error}", camera.name))
        })?;
        pick_on(&sink, source.live, &arrivals);
        // When this fails, the reason is on the bus.
        let _started = pipeline.set_state(gst::State::Playing);
        let watchdog = Watchdog::new(camera.source.stall_timeout.get(), Instant::now());
        let origin = Origin::of(camera);
        Ok(Self { pipeline, sink, origin, live: source.live, watchdog, arrivals, told_flaw: false })
    }

    /// Frames that have come in.
    pub fn frames(&self) -> u64 {
        self.arrivals.frames.load(Ordering::Relaxed)
    }

    /// Reads until the end, a failure, a signal, or until nothing more is wanted.
    pub fn run(
        &mut self,
        shutdown: &Shutdown,
        duration: Option<Duration>,
        save: &mut dyn FnMut(Picked) -> Result<(), AppError>,
    ) -> Result<End, AppError> {
        let start = Instant::now();
        loop {
            if shutdown.requested() {
                return Ok(End::Stopped);
            }
            if duration.is_some_and(|duration| start.elapsed() >= duration) {
                return Ok(End::Time);
            }
            // Asked before, so that a picture that comes in between is not lost.
            let done = self.arrivals.done.load(Ordering::Acquire);
            if let Some(sample) = self.sink.try_pull_sample(clock_time(TICK)) {
                save(self.picked(&sample)?)?;
                self.arrivals.waiting.fetch_sub(1, Ordering::AcqRel);
            } else if done {
                return Ok(End::Enough);
            } else if self.sink.is_eos() {
                return self.source_ended();
            }
            self.look_at_bus()?;
            self.look_for_silence()?;
        }
    }

    fn picked(&self, sample: &gst::Sample) -> Result<Picked, AppError> {
        let bad = |sentence: String| AppError::new(Exit::BadInput, format!("{}: {sentence}", self.origin));
        let caps = sample.caps().ok_or_else(|| bad("a frame without caps".to_owned()))?;
        let stream = StreamFormat::from_caps(caps).map_err(bad)?;
        let buffer = sample.buffer().ok_or_else(|| bad("a sample without frame".to_owned()))?;
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &stream.info)
            .map_err(|error| bad(format!("a frame cannot be read: {error}")))?;
        let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        Ok(Picked {
            number: buffer.offset(),
            time: buffer.pts().and_then(|pts| segment?.to_stream_time(pts)),
            picture: pixels::rgb(&frame, &stream).map_err(bad)?,
        })
    }

    /// The end of a camera is a loss; that of a clip may hide an error, which is on the bus by now.
    fn source_ended(&mut self) -> Result<End, AppError> {
        self.look_at_bus()?;
        if self.live {
            return Err(self.failed(FailureKind::Missing, "the stream has ended"));
        }
        if self.frames() == 0 {
            let found = "has ended without a single frame of video; it is cut off or damaged: copy or record it again";
            return Err(self.failed(FailureKind::NotVideo, found));
        }
        Ok(End::Source)
    }

    fn look_at_bus(&mut self) -> Result<(), AppError> {
        let Some(bus) = self.pipeline.bus() else { return Ok(()) };
        while let Some(message) = bus.pop() {
            match supervise::bus::read(&message, &self.origin) {
                Some(Notice::Failed(failure)) => return Err(super::failed(failure)),
                Some(Notice::Flaw(reason)) if !std::mem::replace(&mut self.told_flaw, true) => {
                    InputFlawed { camera: &self.pipeline.name(), reason: &reason }.emit();
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A file waits for us while a picture is written; it is silent only before its first frame.
    fn look_for_silence(&mut self) -> Result<(), AppError> {
        let frames = self.frames();
        let Some(silent) = self.watchdog.stalled(frames, Instant::now()) else { return Ok(()) };
        if !self.live && frames > 0 {
            return Ok(());
        }
        let found = format!(
            "no frame for {:.1} s; check the camera, or whether the file is whole",
            silent.as_secs_f64()
        );
        Err(self.failed(FailureKind::Missing, &found))
    }

    fn failed(&self, kind: FailureKind, found: &str) -> AppError {
        super::failed(Failure::new(kind, format!("{}: {found}", self.origin)))
    }
}

fn sink() -> gst_app::AppSink {
    let caps = gst_video::VideoCapsBuilder::new().format_list(FORMATS).build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).build();
    sink.set_max_buffers(WAITING);
    sink.set_property("enable-last-sample", false);
    sink.set_property("qos", false);
    sink
}

/// Numbers the frames, and lets only those through that are picked.
fn pick_on(sink: &gst_app::AppSink, live: bool, arrivals: &Arc<Arrivals>) {
    let Some(pad) = sink.static_pad("sink") else { return };
    let arrivals = Arc::clone(arrivals);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
        let number = arrivals.frames.fetch_add(1, Ordering::Relaxed);
        // A camera must not be held up; its next frame will do.
        if live && arrivals.waiting.load(Ordering::Acquire) >= WAITING {
            return gst::PadProbeReturn::Handled;
        }
        let time = buffer.pts().and_then(|pts| stream_time(pad, pts));
        let mut picker = arrivals.picker.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = picker.wants(number, time.map(Duration::from));
        if wanted {
            // Only the buffer's head is copied for this, not its pixels.
            buffer.make_mut().set_offset(number);
            arrivals.waiting.fetch_add(1, Ordering::AcqRel);
        }
        if picker.is_done() && !wanted {
            arrivals.done.store(true, Ordering::Release);
        }
        if wanted { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled }
    });
}

fn stream_time(pad: &gst::Pad, pts: gst::ClockTime) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_stream_time(pts)
}

fn clock_time(duration: Duration) -> gst::ClockTime {
    gst::ClockTime::try_from(duration).unwrap_or(gst::ClockTime::MAX)
}
