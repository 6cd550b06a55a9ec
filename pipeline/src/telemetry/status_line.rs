//! The live picture of all cameras: one line each on a terminal, a log line every ten seconds elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::{
    CameraState, CameraSummary, Snapshot, Summary, events, log,
    snapshot::{Rate, milliseconds},
};

/// How often a camera's counts go to the log where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// Width of a file's progress bar in letters.
const BAR_WIDTH: u64 = 10;

/// All cameras. Cheap to clone; clones show the same.
#[derive(Clone)]
pub struct StatusBoard {
    inner: Arc<Board>,
}

struct Board {
    live: bool,
    started: Instant,
    cameras: Mutex<Vec<CameraStatus>>,
}

impl StatusBoard {
    /// A board that shows live lines if the standard error is a terminal.
    pub fn new() -> Self {
        Self::with_live_lines(std::io::stderr().is_terminal())
    }

    /// A board with or without live lines.
    pub fn with_live_lines(live: bool) -> Self {
        if live {
            log::live_lines().set_draw_target(ProgressDrawTarget::stderr_with_hz(4));
        }
        Self { inner: Arc::new(Board { live, started: Instant::now(), cameras: Mutex::default() }) }
    }

    /// Adds a camera's line.
    pub fn camera(&self, name: &str) -> CameraStatus {
        let line = match self.inner.live {
            true => log::live_lines().add(ProgressBar::no_length().with_finish(ProgressFinish::Abandon)),
            false => ProgressBar::hidden(),
        };
        line.set_style(
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let status = CameraStatus {
            camera: Arc::new(CameraLine {
                name: name.to_owned(),
                started: self.inner.started,
                live: self.inner.live,
                line,
                figures: Mutex::default(),
            }),
        };
        status.camera.draw(&status.camera.figures());
        self.inner.cameras.lock().unwrap_or_else(PoisonError::into_inner).push(status.clone());
        status
    }

    /// What all cameras have done so far.
    pub fn summary(&self) -> Summary {
        let cameras = self.inner.cameras.lock().unwrap_or_else(PoisonError::into_inner);
        Summary {
            elapsed: self.inner.started.elapsed(),
            cameras: cameras.iter().map(|status| status.camera.summary()).collect(),
        }
    }

    /// Takes the live lines off the terminal; the summary takes their place.
    pub fn clear(&self) {
        if self.inner.live {
            // A terminal that is gone needs no clearing.
            drop(log::live_lines().clear());
        }
    }
}

impl Default for StatusBoard {
    fn default() -> Self {
        Self::new()
    }
}

/// One camera's line. Cheap to clone; clones feed the same line.
#[derive(Clone)]
pub struct CameraStatus {
    camera: Arc<CameraLine>,
}

struct CameraLine {
    name: String,
    started: Instant,
    live: bool,
    line: ProgressBar,
    figures: Mutex<Figures>,
}

#[derive(Default)]
struct Figures {
    state: CameraState,
    reason: Option<String>,
    /// Counts of pipelines that are over.
    before: Snapshot,
    /// Counts of the running pipeline.
    current: Snapshot,
    rate: Rate,
    fps: f64,
    last_logged: Duration,
    analysed_any: bool,
}

impl Figures {
    fn total(&self) -> Snapshot {
        self.before.plus(&self.current)
    }

    /// Takes new counts; lower ones come from a new pipeline that counts from zero.
    fn take(&mut self, now: Duration, snapshot: Snapshot) {
        if snapshot.frames < self.current.frames {
            self.before = self.total();
        }
        self.current = snapshot;
        self.fps = self.rate.sample(now, self.total().frames);
    }
}

impl CameraStatus {
    /// Takes the counts of the running pipeline and redraws the line.
    pub fn update(&self, snapshot: Snapshot) {
        let now = self.camera.started.elapsed();
        let mut figures = self.camera.figures();
        figures.take(now, snapshot);
        self.camera.note_first_detection(&mut figures, now);
        self.camera.log_now_and_then(&mut figures, now);
        self.camera.draw(&figures);
    }

    /// Takes a new state, and the reason for it if there is one.
    pub fn state(&self, state: CameraState, reason: Option<&str>) {
        let mut figures = self.camera.figures();
        if state == CameraState::Opening {
            figures.before = figures.total();
            figures.current = Snapshot::default();
        }
        figures.state = state;
        figures.reason = reason.map(str::to_owned);
        self.camera.draw(&figures);
    }

    /// The line will not change any more.
    pub fn finish(&self) {
        let figures = self.camera.figures();
        self.camera.draw(&figures);
        self.camera.line.finish();
    }

    /// What it is doing.
    pub fn current_state(&self) -> CameraState {
        self.camera.figures().state
    }
}

impl CameraLine {
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, figures: &Figures) {
        if self.live {
            self.line.set_message(line_text(&self.name, figures));
        }
    }

    fn note_first_detection(&self, figures: &mut Figures, now: Duration) {
        if !figures.analysed_any && figures.current.analysed > 0 {
            figures.analysed_any = true;
            events::FirstDetection { camera: &self.name, after: now }.emit();
        }
    }

    fn log_now_and_then(&self, figures: &mut Figures, now: Duration) {
        if !self.live && now >= figures.last_logged + LOG_EVERY {
            figures.last_logged = now;
            let counts = figures.total();
            events::Stats { camera: &self.name, state: figures.state, fps: figures.fps, counts: &counts }
                .emit();
        }
    }

    fn summary(&self) -> CameraSummary {
        let figures = self.figures();
        CameraSummary { name: self.name.clone(), state: figures.state, counts: figures.total() }
    }
}

/// Most important first: a narrow terminal cuts off the end.
fn line_text(name: &str, figures: &Figures) -> String {
    let counts = figures.total();
    let mut parts = vec![format!("{name} {} {:.1} fps", figures.state, figures.fps)];
    parts.extend(figures.reason.clone());
    parts.extend(progress(&counts));
    parts.push(format!("{} analysed {} skipped", counts.analysed, counts.skipped));
    if counts.failed > 0 {
        parts.push(format!("{} failed", counts.failed));
    }
    parts.push(format!("p50 {} p99 {}", milliseconds(counts.latency_p50), milliseconds(counts.latency_p99)));
    parts.push(format!("{}/{}/{} in place/mapped/copied", counts.in_place, counts.mapped, counts.copied));
    parts.join(" | ")
}

/// A file's progress bar: `[###-------] 30%`.
fn progress(counts: &Snapshot) -> Option<String> {
    let length = counts.length.filter(|length| !length.is_zero())?;
    let share = (counts.position?.as_secs_f64() / length.as_secs_f64()).clamp(0.0, 1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and BAR_WIDTH")]
    let full = (share * BAR_WIDTH as f64).round() as usize;
    let rest = usize::try_from(BAR_WIDTH).ok()?.saturating_sub(full);
    Some(format!("[{}{}] {:.0}%", "#".repeat(full), "-".repeat(rest), share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(frames: u64) -> Snapshot {
        Snapshot { frames, analysed: frames, in_place: frames, ..Snapshot::default() }
    }

    #[test]
    fn a_line_shows_rate_counts_latency_and_transfer() {
        let mut figures = Figures { state: CameraState::Running, ..Figures::default() };
        figures.take(Duration::ZERO, snapshot(0));
        let counts = Snapshot {
            skipped: 2,
            latency_p50: Some(Duration::from_micros(17_900)),
            latency_p99: Some(Duration::from_micros(31_040)),
            position: Some(Duration::from_secs(3)),
            length: Some(Duration::from_secs(10)),
            ..snapshot(30)
        };
        figures.take(Duration::from_secs(1), counts);
        let expected = "line3 running 30.0 fps | [###-------] 30% | 30 analysed 2 skipped | p50 17.9 ms p99 31.0 ms | \
                        30/0/0 in place/mapped/copied";
        assert_eq!(line_text("line3", &figures), expected);
    }

    #[test]
    fn counts_go_on_when_a_camera_comes_back() {
        let board = StatusBoard::with_live_lines(false);
        let status = board.camera("line3");
        status.state(CameraState::Opening, None);
        status.update(snapshot(100));
        status.state(CameraState::Reconnecting, Some("no frame for 2.0 s"));
        status.state(CameraState::Opening, None);
        status.update(snapshot(5));
        status.state(CameraState::Ended, None);
        let camera = &board.summary().cameras[0];
        assert_eq!((camera.state, camera.counts.frames), (CameraState::Ended, 105));
    }

    #[test]
    fn a_lost_camera_says_why() {
        let figures = Figures {
            state: CameraState::Reconnecting,
            reason: Some("refused".into()),
            ..Figures::default()
        };
        let line = line_text("dock", &figures);
        assert!(line.starts_with("dock reconnecting 0.0 fps | refused | 0 analysed"), "{line}");
    }
}
