//! `edgevision extract-frames`: frames of a camera or clip as picture files, for calibrating, training and labelling.

mod pick;
mod pixels;
mod reader;
mod store;

use std::{path::PathBuf, str::FromStr, time::Duration};

use edgevision_wasm_host::suggest::suggestion;

pub(crate) use pick::Every;
pub(crate) use store::PictureFormat;

use crate::{
    app,
    config::{self, Camera, Config, Location, Source, SourceKind, environment},
    error::{AppError, Exit},
    supervise::{Failure, FailureKind, Shutdown},
};
use pick::{Picker, spread};
use reader::{End, Reader};
use store::{Facts, Store};

/// What was asked for.
pub(crate) struct Request {
    /// A place as in a config's `source.uri`, relative to the working directory.
    pub source: Option<String>,
    /// Or a config file …
    pub config: Option<PathBuf>,
    /// … and the camera in it, if there is more than one.
    pub camera: Option<String>,
    /// The folder to write to.
    pub out: PathBuf,
    /// How many pictures at most.
    pub count: Option<u64>,
    /// Distance from one picture to the next.
    pub every: Option<Every>,
    /// Random frames instead, the same for the same seed.
    pub random: bool,
    /// Seed of `random`.
    pub seed: u64,
    /// PNG or JPEG.
    pub format: PictureFormat,
    /// 1 to 100; JPEG.
    pub quality: u8,
    /// Replace pictures that are there.
    pub force: bool,
    /// End after this long.
    pub duration: Option<Duration>,
}

/// Extracts; returns the sentence that tells what was done.
///
/// # Errors
/// When nothing can be read or written. Pictures that were written before stay, with their manifest.
pub(crate) fn run(request: &Request) -> Result<String, AppError> {
    let shutdown = Shutdown::default();
    shutdown.on_signals().map_err(|error| AppError::new(Exit::Internal, format!("signals: {error}")))?;
    let camera = camera(request)?;
    let picker = picker(request, &camera, &shutdown)?;
    let facts = Facts { camera: camera.name.clone(), source: camera.source.uri.to_string() };
    let mut store = Store::open(&request.out, facts, request.format, request.quality, request.force)?;
    let ended = read(&camera, picker, request.duration, &shutdown, &mut store);
    // Also after a failure: what was written before it is good.
    let written = store.finish()?;
    let end = ended?;
    if written == 0 {
        return Err(nothing(&camera, request, end));
    }
    let plural = if written == 1 { "" } else { "s" };
    Ok(format!("{written} frame{plural} of camera {} in {}{end}\n", camera.name, request.out.display()))
}

fn read(
    camera: &Camera,
    picker: Picker,
    duration: Option<Duration>,
    shutdown: &Shutdown,
    store: &mut Store,
) -> Result<End, AppError> {
    let mut reader = Reader::start(camera, picker).map_err(failed)?;
    reader.run(shutdown, duration, &mut |frame| store.save(&frame))
}

fn failed(failure: Failure) -> AppError {
    AppError::new(app::exit(failure.kind), failure.sentence)
}

fn nothing(camera: &Camera, request: &Request, end: End) -> AppError {
    match end {
        End::Source => {
            let hint = match request.every {
                Some(_) => "; it is shorter than --every",
                None => "",
            };
            let sentence = format!("camera {}: no frame was picked{hint}", camera.name);
            AppError::new(Exit::BadInput, sentence)
        }
        End::Enough | End::Stopped | End::Time => {
            AppError::new(Exit::NoInput, format!("camera {}: ended before the first frame came", camera.name))
        }
    }
}

/// The camera of the config, or one made up around a place.
fn camera(request: &Request) -> Result<Camera, AppError> {
    match (&request.config, &request.source) {
        (Some(file), _) => {
            let mut config = config::load(file)?;
            let index = chosen(&config, request.camera.as_deref())?;
            environment::examine_source(&config, index).into_result()?;
            Ok(config.cameras.swap_remove(index))
        }
        (None, Some(place)) => ad_hoc(place),
        (None, None) => Err(AppError::new(Exit::Usage, "no source given; write a SOURCE or --config FILE")),
    }
}

fn chosen(config: &Config, wanted: Option<&str>) -> Result<usize, AppError> {
    let names: Vec<&str> = config.cameras.iter().map(|camera| camera.name.as_str()).collect();
    let all = names.join(", ");
    match wanted {
        None if names.len() == 1 => Ok(0),
        None => {
            let sentence = format!("the config has several cameras; choose one with --camera: {all}");
            Err(AppError::new(Exit::Usage, sentence))
        }
        Some(wanted) => names.iter().position(|name| *name == wanted).ok_or_else(|| {
            let hint = suggestion(wanted, names.iter().copied());
            AppError::new(Exit::Usage, format!("the config has no camera `{wanted}`{hint} there are: {all}"))
        }),
    }
}

fn ad_hoc(place: &str) -> Result<Camera, AppError> {
    let wrong = |sentence: String| AppError::new(Exit::Usage, sentence);
    let mut uri = Location::from_str(place).map_err(wrong)?;
    uri.resolve(std::path::Path::new(""));
    if let Some(sentence) = environment::missing_source(&uri) {
        return Err(AppError::new(Exit::NoInput, sentence));
    }
    Ok(Camera { name: name_of(&uri), source: Source::from(uri), ..Camera::default() })
}

/// A camera's name may hold little else than letters and digits; so may that of a picture.
fn name_of(uri: &Location) -> String {
    let path = match uri {
        Location::File(path) => path.file_stem(),
        Location::Images(path) if path.is_dir() => path.file_name(),
        Location::V4l2(path) => path.file_name(),
        Location::Images(_) | Location::Rtsp(_) | Location::Pattern(_) => None,
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let name: String =
        path.map(|path| path.to_string_lossy().chars().map(plain).take(64).collect()).unwrap_or_default();
    let name = name.trim_matches('-');
    if name.is_empty() { "camera".to_owned() } else { name.to_owned() }
}

/// Which frames: clips and pictures are counted first when their end matters.
fn picker(request: &Request, camera: &Camera, shutdown: &Shutdown) -> Result<Picker, AppError> {
    let kind = camera.source.uri.kind();
    let usage = |sentence: &str| Err(AppError::new(Exit::Usage, sentence));
    match (request.every, request.count, request.random) {
        (Some(_), _, true) => usage("--random and --every exclude each other; leave one out"),
        (None, None, true) => usage("--random needs --count: how many frames"),
        (None, Some(_), true) if kind.is_live() => {
            usage("--random needs a source with an end; record the camera, or use --every 10s")
        }
        (None, Some(count), random) if matches!(kind, SourceKind::File | SourceKind::Images) => {
            let total = count_frames(camera, shutdown)?;
            let mut rng = fastrand::Rng::with_seed(request.seed);
            Ok(Picker::these(if random {
                pick::random(total, count, &mut rng)
            } else {
                spread(total, count)
            }))
        }
        (None, None, false) if kind.is_live() && request.duration.is_none() => {
            usage("a camera has no end; say how many frames (--count) or how long (--duration)")
        }
        (every, count, _) => Ok(Picker::every(every.unwrap_or(Every::Frames(1)), count)),
    }
}

fn count_frames(camera: &Camera, shutdown: &Shutdown) -> Result<u64, AppError> {
    let mut reader = Reader::start(camera, Picker::none()).map_err(failed)?;
    reader.run(shutdown, None, &mut |_| Ok(()))?;
    let total = reader.frames();
    if total == 0 {
        let sentence = format!("camera {}: {}: holds no frame", camera.name, camera.source.uri);
        return Err(failed(Failure::new(FailureKind::NotVideo, sentence)));
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pictures_are_plain() {
        let name = |place: &str| name_of(&place.parse().unwrap());
        assert_eq!(name("clips/Line 3 (old).mp4"), "line-3--old");
        assert_eq!(name("v4l2:///dev/video0"), "video0");
        assert_eq!(name("rtsp://192.0.2.10/stream1"), "camera");
        assert_eq!(name("shots/*.png"), "camera");
        assert_eq!(name("ü.mp4"), "camera");
    }
}
