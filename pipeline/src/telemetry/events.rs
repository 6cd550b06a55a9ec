//! What happens, one struct per kind of event: [`emit`](CameraUp::emit) writes one log line and counts one.
//!
//! The field names are the same words in the log, in records and in metrics. Levels say what the operator must do:
//! INFO nothing, WARN nothing is lost, ERROR something is lost or to be done.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

/// How often each event happened since the start, by event and camera.
static COUNTS: LazyLock<Mutex<BTreeMap<(&'static str, String), u64>>> = LazyLock::new(Mutex::default);

fn count(event: &'static str, camera: &str) {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry((event, camera.to_owned())).or_default() += 1;
}

/// How often each event happened since the start: `((event, camera), count)`, sorted.
pub fn counts() -> Vec<((&'static str, String), u64)> {
    let counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    counts.iter().map(|(key, n)| (key.clone(), *n)).collect()
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

/// A camera delivers frames.
#[derive(Clone, Copy, Debug)]
pub struct CameraUp<'a> {
    /// Its name.
    pub camera: &'a str,
}

impl CameraUp<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("camera_up", self.camera);
        tracing::info!(event = "camera_up", camera = self.camera, "camera {}: frames arrive", self.camera);
    }
}

/// A camera is gone and will be opened again.
#[derive(Clone, Copy, Debug)]
pub struct CameraLost<'a> {
    /// Its name.
    pub camera: &'a str,
    /// Why, as a sentence.
    pub reason: &'a str,
    /// Attempts since it last delivered.
    pub attempt: u32,
    /// Wait before the next attempt.
    pub retry_in: Duration,
}

impl CameraLost<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("camera_lost", self.camera);
        let retry_in_s = seconds(self.retry_in);
        let Self { camera, reason, attempt, .. } = self;
        tracing::error!(
            event = "camera_lost",
            camera,
            attempt,
            retry_in_s,
            "{reason}; trying again in {retry_in_s} s"
        );
    }
}

/// A camera is given up.
#[derive(Clone, Copy, Debug)]
pub struct CameraFailed<'a> {
    /// Its name.
    pub camera: &'a str,
    /// Why, as a sentence.
    pub reason: &'a str,
}

impl CameraFailed<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("camera_failed", self.camera);
        tracing::error!(event = "camera_failed", camera = self.camera, "{}", self.reason);
    }
}

/// A camera's file was played, or the command stops.
#[derive(Clone, Copy, Debug)]
pub struct CameraEnded<'a> {
    /// Its name.
    pub camera: &'a str,
}

impl CameraEnded<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("camera_ended", self.camera);
        tracing::info!(event = "camera_ended", camera = self.camera, "camera {}: has ended", self.camera);
    }
}

/// Something is wrong with a camera's pictures, and the camera goes on.
#[derive(Clone, Copy, Debug)]
pub struct InputFlawed<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// What, as a sentence.
    pub reason: &'a str,
}

impl InputFlawed<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("input_flawed", self.camera);
        tracing::warn!(event = "input_flawed", camera = self.camera, "{}", self.reason);
    }
}

/// A module failed on a frame; the frame went on without detections.
#[derive(Clone, Copy, Debug)]
pub struct ModuleFailed<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// Why, as a sentence.
    pub reason: &'a str,
}

impl ModuleFailed<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("module_failed", self.camera);
        tracing::error!(event = "module_failed", camera = self.camera, "{}", self.reason);
    }
}

/// The modules failed too often: frames go on un-analysed for a while.
#[derive(Clone, Copy, Debug)]
pub struct ModulesQuarantined<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// Why, as a sentence.
    pub reason: &'a str,
}

impl ModulesQuarantined<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("modules_quarantined", self.camera);
        tracing::error!(event = "modules_quarantined", camera = self.camera, "{}", self.reason);
    }
}

/// Modules that had failed analyse frames again.
#[derive(Clone, Copy, Debug)]
pub struct ModulesRecovered<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// Since which frame, as a sentence.
    pub reason: &'a str,
}

impl ModulesRecovered<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("modules_recovered", self.camera);
        tracing::info!(event = "modules_recovered", camera = self.camera, "{}", self.reason);
    }
}

/// Records of a camera cannot be written; the camera goes on.
#[derive(Clone, Copy, Debug)]
pub struct OutputFailed<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// Why, as a sentence.
    pub reason: &'a str,
}

impl OutputFailed<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("output_failed", self.camera);
        tracing::error!(event = "output_failed", camera = self.camera, "{}", self.reason);
    }
}

/// The first analysed frame of a camera.
#[derive(Clone, Copy, Debug)]
pub struct FirstDetection<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// Time since the command was started.
    pub after: Duration,
}

impl FirstDetection<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("first_detection", self.camera);
        let after_s = seconds(self.after);
        let Self { camera, .. } = self;
        tracing::info!(event = "first_detection", camera, after_s, "camera {camera}: first frame analysed");
    }
}

/// How a camera fares; written regularly where there is no terminal for a live line.
#[derive(Clone, Copy, Debug)]
pub struct Stats<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// What it is doing.
    pub state: super::CameraState,
    /// Frames a second.
    pub fps: f64,
    /// Counts since the start.
    pub counts: &'a super::Snapshot,
}

fn milliseconds(latency: Option<Duration>) -> Option<f64> {
    latency.map(|latency| tenths(latency.as_secs_f64() * 1e3))
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Logs the counts of a camera; [`Stats`] and [`Summary`] differ in their name and time only.
macro_rules! log_counts {
    ($event:literal, $of:expr, $($more:tt)*) => {
        tracing::info!(
            event = $event,
            camera = $of.camera,
            state = $of.state.as_str(),
            fps = tenths($of.fps),
            frames = $of.counts.frames,
            analysed = $of.counts.analysed,
            skipped = $of.counts.skipped,
            failed = $of.counts.failed,
            detections = $of.counts.detections,
            latency_p50_ms = milliseconds($of.counts.latency_p50),
            latency_p99_ms = milliseconds($of.counts.latency_p99),
            in_place = $of.counts.in_place,
            mapped = $of.counts.mapped,
            copied = $of.counts.copied,
            bytes_copied_decode = $of.counts.bytes_copied.decode,
            bytes_copied_hand_over = $of.counts.bytes_copied.hand_over,
            bytes_copied_inference = $of.counts.bytes_copied.inference,
            $($more)*
        )
    };
}

impl Stats<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("stats", self.camera);
        log_counts!("stats", self, "stats");
    }
}

/// How a camera has fared in the end.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// Its last state.
    pub state: super::CameraState,
    /// Frames a second over the whole time.
    pub fps: f64,
    /// Time since the start.
    pub elapsed: Duration,
    /// Counts since the start.
    pub counts: &'a super::Snapshot,
}

impl Summary<'_> {
    /// Logs and counts.
    pub fn emit(&self) {
        count("summary", self.camera);
        log_counts!("summary", self, elapsed_s = seconds(self.elapsed), "summary");
    }
}
