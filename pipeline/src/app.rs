//! What the command does: validate, build, supervise, drain.

use std::{
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{
    config::{Camera, Config, environment},
    cores,
    error::{AppError, Exit},
    graph::CameraOutputs,
    output::{
        json_lines::JsonLinesOutput,
        rtsp_mount::{Mount, MountOptions},
        rtsp_server::RtspServer,
    },
    supervise::{self, CameraTask, Ending, FailureKind, Shutdown},
    telemetry::{StatusBoard, Summary},
};

/// How often the end is looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long all cameras together may take to end; with what comes before and after it stays below two seconds.
const PATIENCE: Duration = Duration::from_millis(1600);

/// How to run, beside the config.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Play files and pictures a single time, whatever the config says.
    pub once: bool,
    /// End by itself after this long.
    pub duration: Option<Duration>,
}

/// Runs until all cameras have ended, the duration is over, or a signal comes.
///
/// Returns what the cameras have done and how the process is to end: as the first camera that failed says, because
/// somebody has to look at it even if the others went on. Its sentence is in the log already.
///
/// # Errors
/// When something that was asked for is not there.
pub fn run(mut config: Config, options: &RunOptions) -> Result<(Summary, Exit), AppError> {
    let (board, shutdown) = (StatusBoard::new(), Shutdown::default());
    // First, so that Ctrl-C while modules and models are being loaded is an orderly end, too.
    shutdown.on_signals().map_err(|error| AppError::new(Exit::Internal, format!("signals: {error}")))?;
    cores::share(&mut config);
    // What was loaded to be checked stays loaded until the cameras have it.
    let (loaded, errors) = environment::examine(&config);
    errors.into_result()?;
    gstedgevision::plugin_register_static()
        .map_err(|error| AppError::new(Exit::Internal, format!("our own GStreamer elements: {error}")))?;
    let outputs = Outputs::open(&config)?;
    let threads = start(&config, options, &outputs, &board, &shutdown)?;
    wait(&threads, options.duration, &shutdown);
    drop(loaded);
    shutdown.request();
    let endings = join(threads);
    board.clear();
    outputs.close();
    Ok((board.summary(), first_failure(&endings)))
}

/// The outputs that all cameras share.
struct Outputs {
    json_lines: Option<Arc<JsonLinesOutput>>,
    rtsp: Option<RtspServer>,
}

impl Outputs {
    fn open(config: &Config) -> Result<Self, AppError> {
        let json_lines =
            config.outputs.json_lines.as_ref().map(JsonLinesOutput::open).transpose()?.map(Arc::new);
        let rtsp = config.outputs.rtsp.as_ref().map(|rtsp| RtspServer::start(rtsp.listen)).transpose()?;
        Ok(Self { json_lines, rtsp })
    }

    fn of(&self, config: &Config, camera: &Camera) -> Result<CameraOutputs, AppError> {
        let mount = self.rtsp.as_ref().zip(config.outputs.rtsp.as_ref()).filter(|_| camera.rtsp.enabled);
        let mount: Option<Mount> = mount
            .map(|(server, settings)| server.mount(camera.stream_path(), MountOptions::of(settings, camera)))
            .transpose()?;
        Ok(CameraOutputs { json_lines: self.json_lines.clone(), mount: mount.map(Arc::new) })
    }

    fn close(self) {
        if let Some(json_lines) = self.json_lines {
            json_lines.flush();
        }
    }
}

fn start(
    config: &Config,
    options: &RunOptions,
    outputs: &Outputs,
    board: &StatusBoard,
    shutdown: &Shutdown,
) -> Result<Vec<JoinHandle<Ending>>, AppError> {
    let mut threads = Vec::new();
    for camera in &config.cameras {
        let task = CameraTask {
            camera: camera.clone(),
            outputs: outputs.of(config, camera)?,
            status: board.camera(&camera.name),
            shutdown: shutdown.clone(),
            once: options.once,
        };
        let thread = supervise::start(task).map_err(|error| {
            AppError::new(Exit::Internal, format!("camera {}: no thread: {error}", camera.name))
        })?;
        threads.push(thread);
    }
    Ok(threads)
}

/// Until the first of: all cameras have ended, the duration is over, the end was requested.
fn wait(threads: &[JoinHandle<Ending>], duration: Option<Duration>, shutdown: &Shutdown) {
    let start = Instant::now();
    let over = || duration.is_some_and(|duration| start.elapsed() >= duration);
    while !threads.iter().all(JoinHandle::is_finished) && !over() && !shutdown.wait(TICK) {}
}

/// The endings of the threads that end in time. One that hangs (a driver, a dead network mount) does not keep the
/// command from ending.
fn join(threads: Vec<JoinHandle<Ending>>) -> Vec<Ending> {
    let start = Instant::now();
    while !threads.iter().all(JoinHandle::is_finished) && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    let hanging = threads.iter().filter(|thread| !thread.is_finished()).count();
    if hanging > 0 {
        tracing::warn!(cameras = hanging, "some cameras do not stop in time and are abandoned");
    }
    threads.into_iter().filter(JoinHandle::is_finished).filter_map(|thread| thread.join().ok()).collect()
}

fn first_failure(endings: &[Ending]) -> Exit {
    let failed = endings.iter().find_map(|ending| match ending {
        Ending::Failed(failure) => Some(exit(failure.kind)),
        Ending::Finished | Ending::Stopped => None,
    });
    failed.unwrap_or(Exit::Ok)
}

/// How the process is to end when a camera cannot go on.
pub(crate) fn exit(kind: FailureKind) -> Exit {
    match kind {
        FailureKind::Missing => Exit::NoInput,
        FailureKind::Denied => Exit::Denied,
        FailureKind::NotVideo | FailureKind::NotCamera => Exit::BadInput,
        FailureKind::NoPlugin => Exit::Unavailable,
        FailureKind::Config => Exit::Config,
        FailureKind::Internal => Exit::Internal,
    }
}
