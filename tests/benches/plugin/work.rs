//! One run of a pipeline, measured from its first frame to its last.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gst::prelude::*;

/// What a run took, without its start.
#[derive(Debug, serde::Deserialize, serde::Serialize)]
pub struct Work {
    /// Frames after the first.
    pub frames: u32,
    /// Seconds by the clock.
    pub wall: f64,
    /// Seconds of the processors, all threads.
    pub cpu: f64,
}

impl Work {
    pub fn rate(&self) -> f64 {
        f64::from(self.frames) / self.wall
    }

    pub fn cpu_per_frame(&self) -> f64 {
        self.cpu / f64::from(self.frames)
    }
}

/// First and last frame so far, and how many.
struct Seen {
    first: (Instant, Duration),
    last: (Instant, Duration),
    frames: u32,
}

/// Runs a pipeline with an element `sink` to its end.
pub fn measure(description: &str) -> Work {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>().unwrap();
    let seen = Arc::new(Mutex::new(None));
    watch(&pipeline.by_name("sink").unwrap(), seen.clone());
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(300), &kinds);
    let Seen { first, last, frames } = seen.lock().unwrap().take().unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let end = end.unwrap();
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    let wall = last.0.duration_since(first.0).as_secs_f64();
    Work { frames: frames - 1, wall, cpu: (last.1 - first.1).as_secs_f64() }
}

fn watch(sink: &gst::Element, seen: Arc<Mutex<Option<Seen>>>) {
    let pad = sink.static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let now = (Instant::now(), processor_time());
        let mut seen = seen.lock().unwrap();
        let seen = seen.get_or_insert(Seen { first: now, last: now, frames: 0 });
        seen.last = now;
        seen.frames += 1;
        gst::PadProbeReturn::Ok
    })
    .unwrap();
}

/// User and system time of this process so far.
fn processor_time() -> Duration {
    // SAFETY: rusage is plain data for which zero is a value, and getrusage only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let time = |time: libc::timeval| {
        let microseconds =
            u64::try_from(time.tv_sec).unwrap() * 1_000_000 + u64::try_from(time.tv_usec).unwrap();
        Duration::from_micros(microseconds)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}
