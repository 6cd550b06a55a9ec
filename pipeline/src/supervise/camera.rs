//! One camera's thread: open, watch, and open again for as long as the command runs.

use std::time::{Duration, Instant};

use gst::prelude::*;

use super::{
    Failure, FailureKind, Shutdown,
    backoff::Backoff,
    bus::{self, Notice},
    watchdog::Watchdog,
};
use crate::{
    config::Camera,
    graph::{CameraGraph, CameraOutputs},
    source::{self, CameraSource, Origin, looping},
    telemetry::{CameraState, CameraStatus, events},
};

/// How often a camera is looked after.
const TICK: Duration = Duration::from_millis(100);
/// How long frames that are on their way may take to get through when the command ends.
const DRAIN: Duration = Duration::from_millis(1200);

/// How a camera ended for good.
#[derive(Clone, Debug)]
pub enum Ending {
    /// All of its file or pictures were played.
    Finished,
    /// The command was asked to end.
    Stopped,
    /// It cannot go on, and opening it again would not help.
    Failed(Failure),
}

/// How one opening of a camera ended.
enum Round {
    Over(Ending),
    /// Open it again: at once (a clip that cannot be looped in place), or after a pause.
    Again,
    Lost(Failure),
}

/// A camera and all that its thread needs.
pub struct CameraTask {
    /// From the config.
    pub camera: Camera,
    /// Where its frames and detections go.
    pub outputs: CameraOutputs,
    /// What the user sees of it.
    pub status: CameraStatus,
    /// The end of the command.
    pub shutdown: Shutdown,
    /// Play files a single time.
    pub once: bool,
}

impl CameraTask {
    /// Runs the camera to its end.
    #[must_use]
    pub fn run(&self) -> Ending {
        let reconnect = self.camera.source.reconnect;
        let mut backoff = Backoff::new(reconnect.initial.get(), reconnect.max.get());
        let mut has_run = false;
        let ending = loop {
            match self.run_once(&mut backoff, &mut has_run) {
                Round::Over(ending) => break ending,
                Round::Again => {}
                Round::Lost(failure) if !worth_retrying(&failure, has_run) => break Ending::Failed(failure),
                Round::Lost(failure) => {
                    let pause = backoff.next(fastrand::f64());
                    self.lost(&failure, pause, backoff.attempts());
                    if self.shutdown.wait(pause) {
                        break Ending::Stopped;
                    }
                }
            }
        };
        self.ended(&ending);
        ending
    }

    /// Opens the camera once and stays with it until its pipeline is over.
    fn run_once(&self, backoff: &mut Backoff, has_run: &mut bool) -> Round {
        self.change(CameraState::Opening, None);
        let opened = source::open(&self.camera, self.once).and_then(|source| {
            CameraGraph::build(&self.camera, &source, &self.outputs).map(|graph| (source, graph))
        });
        let (source, graph) = match opened {
            Ok(opened) => opened,
            Err(failure) => return Round::Over(Ending::Failed(failure)),
        };
        if source.seek_to_loop {
            looping::arm(&source.element);
        }
        let mut visit = Visit::new(self, &source, &graph);
        let round = visit.stay(backoff);
        *has_run |= visit.running;
        self.status.update(graph.snapshot());
        round
    }

    fn change(&self, state: CameraState, reason: Option<&str>) {
        self.status.state(state, reason);
        if let Some(json_lines) = &self.outputs.json_lines {
            json_lines.write_state(&self.camera.name, state.as_str(), reason);
        }
    }

    fn lost(&self, failure: &Failure, pause: Duration, attempt: u32) {
        events::CameraLost { camera: &self.camera.name, reason: &failure.sentence, attempt, retry_in: pause }
            .emit();
        self.change(CameraState::Reconnecting, Some(&failure.sentence));
    }

    fn ended(&self, ending: &Ending) {
        match ending {
            Ending::Failed(failure) => {
                events::CameraFailed { camera: &self.camera.name, reason: &failure.sentence }.emit();
                self.change(CameraState::Failed, Some(&failure.sentence));
            }
            Ending::Finished | Ending::Stopped => {
                events::CameraEnded { camera: &self.camera.name }.emit();
                self.change(CameraState::Ended, None);
            }
        }
        self.status.finish();
    }
}

/// Trying again helps when the camera or the network may recover. A wrong password that never worked does not get
/// right by itself, and many cameras lock an account after a few attempts; a device that never was a camera does not
/// become one.
fn worth_retrying(failure: &Failure, has_run: bool) -> bool {
    match failure.kind {
        FailureKind::Config | FailureKind::NoPlugin => false,
        FailureKind::Denied | FailureKind::NotCamera => has_run,
        FailureKind::Missing | FailureKind::NotVideo | FailureKind::Internal => true,
    }
}

/// One stay with a running pipeline.
struct Visit<'a> {
    task: &'a CameraTask,
    source: &'a CameraSource,
    graph: &'a CameraGraph,
    origin: Origin,
    watchdog: Watchdog,
    running: bool,
    told_early_end: bool,
    told_flaw: bool,
}

impl<'a> Visit<'a> {
    fn new(task: &'a CameraTask, source: &'a CameraSource, graph: &'a CameraGraph) -> Self {
        let watchdog = Watchdog::new(task.camera.source.stall_timeout.get(), Instant::now());
        Self {
            task,
            source,
            graph,
            origin: Origin::of(&task.camera),
            watchdog,
            running: false,
            told_early_end: false,
            told_flaw: false,
        }
    }

    fn stay(&mut self, backoff: &mut Backoff) -> Round {
        let Some(bus) = self.graph.pipeline.bus() else {
            return self.broken(Failure::new(FailureKind::Internal, "a pipeline has no bus"));
        };
        // When this fails, the reason is on the bus.
        let started = self.graph.pipeline.set_state(gst::State::Playing);
        loop {
            let notice =
                bus.timed_pop(clock_time(TICK)).and_then(|message| bus::read(&message, &self.origin));
            if let Some(round) = notice.and_then(|notice| self.react(notice)) {
                return round;
            }
            if started.is_err() && !bus.have_pending() {
                let sentence = format!("{}: the pipeline does not start", self.origin);
                return self.broken(Failure::new(FailureKind::Internal, sentence));
            }
            if self.task.shutdown.requested() {
                self.drain(&bus);
                return Round::Over(Ending::Stopped);
            }
            if let Some(round) = self.look_after(backoff) {
                return round;
            }
        }
    }

    fn react(&mut self, notice: Notice) -> Option<Round> {
        match notice {
            Notice::EndOfStream if self.source.live => Some(self.broken(Failure::new(
                FailureKind::Missing,
                format!("{}: the stream has ended", self.origin),
            ))),
            Notice::EndOfStream if self.source.seek_to_loop && self.running => Some(Round::Again),
            Notice::EndOfStream => Some(Round::Over(self.finished())),
            Notice::EndOfLoop => {
                // The demuxer is ahead of the frames: it is the round before that is known to the end.
                self.tell_early_end(self.graph.round_end());
                (!looping::again(&self.source.element)).then_some(Round::Again)
            }
            Notice::Failed(failure) => Some(self.broken(failure)),
            Notice::ModuleFailed(sentence) => {
                events::ModuleFailed { camera: &self.task.camera.name, reason: &sentence }.emit();
                None
            }
            Notice::ModulesQuarantined(sentence) => {
                events::ModulesQuarantined { camera: &self.task.camera.name, reason: &sentence }.emit();
                self.task.change(CameraState::Degraded, Some(&sentence));
                None
            }
            Notice::ModulesRecovered(sentence) => {
                events::ModulesRecovered { camera: &self.task.camera.name, reason: &sentence }.emit();
                if self.task.status.current_state() == CameraState::Degraded {
                    self.task.change(CameraState::Running, None);
                }
                None
            }
            Notice::OutputFailed(sentence) => {
                events::OutputFailed { camera: &self.task.camera.name, reason: &sentence }.emit();
                None
            }
            Notice::Flaw(sentence) => {
                if !std::mem::replace(&mut self.told_flaw, true) {
                    self.flawed(&sentence);
                }
                None
            }
        }
    }

    /// A file that ends before it showed a single frame is no video.
    fn finished(&mut self) -> Ending {
        if self.graph.frames() > 0 {
            self.tell_early_end(self.graph.reached());
            return Ending::Finished;
        }
        let sentence = format!(
            "{}: has ended without a single frame of video; it is cut off or damaged: copy or record it again",
            self.origin
        );
        Ending::Failed(Failure::new(FailureKind::NotVideo, sentence))
    }

    /// A clip that was cut off plays up to the cut like any other; without a word nobody would notice that frames
    /// are missing.
    fn tell_early_end(&mut self, reached: Option<gst::ClockTime>) {
        let announced = self.graph.pipeline.query_duration::<gst::ClockTime>();
        let Some((reached, announced)) = reached.zip(announced) else { return };
        if ends_early(reached, announced) && !std::mem::replace(&mut self.told_early_end, true) {
            self.flawed(&format!(
                "{}: ends after {:.1} s of the {:.1} s that it announces; it is cut off or damaged: copy or record it \
                 again if the rest matters",
                self.origin,
                reached.seconds_f64(),
                announced.seconds_f64()
            ));
        }
    }

    fn flawed(&self, sentence: &str) {
        events::InputFlawed { camera: &self.task.camera.name, reason: sentence }.emit();
    }

    /// Live sources may recover; a file does not change by being opened again.
    fn broken(&self, failure: Failure) -> Round {
        if self.source.live { Round::Lost(failure) } else { Round::Over(Ending::Failed(failure)) }
    }

    /// Counts, shows, and notices silence.
    fn look_after(&mut self, backoff: &mut Backoff) -> Option<Round> {
        let frames = self.graph.frames();
        if frames > 0 && !self.running {
            self.running = true;
            backoff.reset();
            events::CameraUp { camera: &self.task.camera.name }.emit();
            self.task.change(CameraState::Running, None);
        }
        self.task.status.update(self.graph.snapshot());
        let silent = self.watchdog.stalled(frames, Instant::now())?.as_secs_f64();
        if self.source.live {
            let sentence = format!("{}: no frame for {silent:.1} s", self.origin);
            return Some(Round::Lost(Failure::new(FailureKind::Missing, sentence)));
        }
        // A file that runs may be waiting for the analysis; one that never began waits for data that is not there.
        let sentence = format!(
            "{}: no frame within {silent:.0} s; it is cut off or damaged: copy or record it again",
            self.origin
        );
        let failure = Failure::new(FailureKind::NotVideo, sentence);
        (frames == 0).then_some(Round::Over(Ending::Failed(failure)))
    }

    /// Lets the frames that are on their way get through, so that their records are complete.
    fn drain(&self, bus: &gst::Bus) {
        let Some(entry) = self.graph.entry() else { return };
        if !self.running || !entry.send_event(gst::event::Eos::new()) {
            return;
        }
        let until = Instant::now() + DRAIN;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
            if bus.timed_pop_filtered(clock_time(left), &kinds).is_some() {
                return;
            }
        }
    }
}

/// Containers round, and the sound may go on for a moment after the last picture: neither is worth a word.
fn ends_early(reached: gst::ClockTime, announced: gst::ClockTime) -> bool {
    announced.saturating_sub(reached) > gst::ClockTime::SECOND.max(announced / 50)
}

fn clock_time(duration: Duration) -> gst::ClockTime {
    gst::ClockTime::try_from(duration).unwrap_or(gst::ClockTime::MAX)
}

/// Starts a camera's thread.
///
/// # Errors
/// When the system refuses a thread.
pub fn start(task: CameraTask) -> std::io::Result<std::thread::JoinHandle<Ending>> {
    let name = format!("camera-{}", task.camera.name);
    std::thread::Builder::new().name(name).spawn(move || task.run())
}
