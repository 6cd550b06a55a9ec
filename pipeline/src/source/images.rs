//! A folder or glob of JPEG and PNG pictures as a source: decoded ahead on all cores, one frame a picture.

use std::path::{Path, PathBuf};

use gst::prelude::*;
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use rayon::prelude::*;

use super::{decode::element, pattern::fraction};
use crate::{
    config::{Camera, units::FrameRate},
    supervise::{Failure, FailureKind},
    telemetry::events::InputFlawed,
};

/// Pictures per second when the config does not say.
const RATE: FrameRate = FrameRate { numer: 5, denom: 1 };

/// The picture files that a path means: a folder's, or those that a pattern (`*`, `?`, `[…]`) names; sorted by
/// name, with numbers in their natural order (`9.png` before `10.png`).
///
/// # Errors
/// When the folder cannot be read, the pattern is none, or nothing is found.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, String> {
    let pattern = if path.is_dir() { path.join("*") } else { path.to_owned() };
    let pattern = pattern.to_str().ok_or_else(|| format!("{}: is not UTF-8", path.display()))?;
    let matches =
        glob::glob(pattern).map_err(|error| format!("{pattern}: is no file pattern: {}", error.msg))?;
    let mut files: Vec<PathBuf> = matches.filter_map(Result::ok).filter(|file| is_picture(file)).collect();
    files.sort_by_cached_key(|file| natural_key(file));
    if files.is_empty() {
        return Err(format!(
            "{}: no pictures found; JPEG (.jpg, .jpeg) and PNG (.png) are read",
            path.display()
        ));
    }
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    path.is_file() && ["jpg", "jpeg", "png"].contains(&extension.to_ascii_lowercase().as_str())
}

/// Splits a name into text and numbers, so that numbers compare by value.
fn natural_key(path: &Path) -> Vec<(String, u64)> {
    let name = path.to_string_lossy();
    let mut parts = vec![(String::new(), 0_u64)];
    let mut in_number = false;
    for c in name.chars() {
        let digit = c.to_digit(10).map(u64::from);
        if in_number && digit.is_none() {
            parts.push((String::new(), 0));
        }
        in_number = digit.is_some();
        if let Some((text, number)) = parts.last_mut() {
            match digit {
                Some(digit) => *number = number.saturating_mul(10).saturating_add(digit),
                None => text.push(c),
            }
        }
    }
    parts
}

/// The source element: an `appsrc` fed by its own thread, which ends when the element goes away.
pub(super) fn build(path: &Path, camera: &Camera, looping: bool) -> Result<gst::Element, Failure> {
    let files = list(path).map_err(|sentence| {
        Failure::new(FailureKind::Missing, format!("camera {}: {sentence}", camera.name))
    })?;
    let framerate = fraction(camera.source.framerate.unwrap_or(RATE));
    let element = element("appsrc", "gstreamer1.0-plugins-base")?;
    let appsrc = element
        .clone()
        .downcast::<gst_app::AppSrc>()
        .map_err(|_| Failure::new(FailureKind::Internal, "appsrc is no GstAppSrc"))?;
    appsrc.set_format(gst::Format::Time);
    appsrc.set_block(true);
    appsrc.set_max_buffers(2);
    appsrc.set_max_bytes(0);
    let feeder =
        Feeder { camera: camera.name.clone(), appsrc: appsrc.downgrade(), files, framerate, looping };
    start_on_demand(&appsrc, feeder);
    Ok(element)
}

/// Starts the feeding thread when the pipeline first asks for data.
fn start_on_demand(appsrc: &gst_app::AppSrc, feeder: Feeder) {
    let mut feeder = Some(feeder);
    appsrc.set_callbacks(
        gst_app::AppSrcCallbacks::builder()
            .need_data(move |appsrc, _| {
                if let Some(feeder) = feeder.take()
                    && let Err(error) =
                        std::thread::Builder::new().name("images".into()).spawn(move || feeder.run())
                {
                    gst::element_error!(
                        appsrc,
                        gst::ResourceError::Failed,
                        ["cannot start a thread: {error}"]
                    );
                }
            })
            .build(),
    );
}

struct Feeder {
    camera: String,
    appsrc: gst::glib::WeakRef<gst_app::AppSrc>,
    files: Vec<PathBuf>,
    framerate: gst::Fraction,
    looping: bool,
}

impl Feeder {
    fn run(self) {
        let mut number = 0;
        for round in 0_u64.. {
            match self.play_once(&mut number, round == 0) {
                Ok(0) => return self.nothing_readable(),
                Ok(_) if self.looping => {}
                Ok(_) => break,
                Err(gst::FlowError::Flushing | gst::FlowError::Eos) => return,
                Err(_) => return, // the element that failed has posted why
            }
        }
        if let Some(appsrc) = self.appsrc.upgrade() {
            let _already_flushing = appsrc.end_of_stream();
        }
    }

    /// Pushes every readable picture once; returns how many there were. The others are told of in the first round
    /// only, or a loop would fill the log with them.
    fn play_once(&self, number: &mut u64, first_round: bool) -> Result<usize, gst::FlowError> {
        let mut pushed = 0;
        for chunk in self.files.chunks(rayon::current_num_threads().max(1)) {
            let decoded: Vec<_> = chunk.par_iter().map(|file| (file, decode(file))).collect();
            for (file, picture) in decoded {
                match picture {
                    Ok(picture) => {
                        self.push(&picture, *number)?;
                        *number += 1;
                        pushed += 1;
                    }
                    Err(error) if first_round => self.tell(file, &error),
                    Err(_) => {}
                }
            }
        }
        Ok(pushed)
    }

    fn push(&self, picture: &RgbImage, number: u64) -> Result<(), gst::FlowError> {
        let appsrc = self.appsrc.upgrade().ok_or(gst::FlowError::Flushing)?;
        let sample = sample(picture, number, self.framerate).ok_or(gst::FlowError::NotNegotiated)?;
        appsrc.push_sample(&sample).map(drop)
    }

    fn tell(&self, file: &Path, error: &image::ImageError) {
        // Some of these errors end with a line break, some have one in the middle.
        let error = error.to_string();
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        let error = error.trim_end_matches('.');
        let (camera, file) = (&self.camera, file.display());
        let reason = format!(
            "camera {camera}: {file}: cannot be decoded and is left out ({error}); repair or remove it"
        );
        InputFlawed { camera, reason: &reason }.emit();
    }

    fn nothing_readable(&self) {
        if let Some(appsrc) = self.appsrc.upgrade() {
            gst::element_error!(appsrc, gst::StreamError::Decode, ["none of the pictures can be decoded"]);
        }
    }
}

/// Decodes a picture and turns it the way its EXIF data says.
fn decode(path: &Path) -> image::ImageResult<RgbImage> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgb8())
}

/// One frame: packed RGB lines padded to a multiple of four bytes, as GStreamer expects them.
fn sample(picture: &RgbImage, number: u64, framerate: gst::Fraction) -> Option<gst::Sample> {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, picture.width(), picture.height())
        .fps(framerate)
        .build()
        .ok()?;
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    let (stride, line) = (usize::try_from(info.stride()[0]).ok()?, picture.width() as usize * 3);
    {
        let buffer = buffer.get_mut()?;
        buffer.set_pts(frame_time(number, framerate));
        buffer.set_duration(frame_time(1, framerate));
        let mut map = buffer.map_writable().ok()?;
        for (target, source) in map.chunks_mut(stride).zip(picture.as_raw().chunks(line)) {
            target[..line].copy_from_slice(source);
            // The memory is not cleared: modules would see what was there before.
            target[line..].fill(0);
        }
    }
    let caps = info.to_caps().ok()?;
    Some(gst::Sample::builder().buffer(&buffer).caps(&caps).build())
}

/// Start of frame `number`: number / framerate.
fn frame_time(number: u64, framerate: gst::Fraction) -> Option<gst::ClockTime> {
    let (numer, denom) = (u64::try_from(framerate.numer()).ok()?, u64::try_from(framerate.denom()).ok()?);
    gst::ClockTime::SECOND.mul_div_floor(number.checked_mul(denom)?, numer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_sort_by_value() {
        let mut names = ["b10.png", "b9.png", "a.png", "b9a.png"].map(PathBuf::from);
        names.sort_by_cached_key(|name| natural_key(name));
        assert_eq!(names, ["a.png", "b9.png", "b9a.png", "b10.png"].map(PathBuf::from));
    }

    #[test]
    fn a_folder_without_pictures_says_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        let error = list(folder.path()).unwrap_err();
        assert!(error.ends_with("no pictures found; JPEG (.jpg, .jpeg) and PNG (.png) are read"), "{error}");
    }

    #[test]
    fn frame_times_do_not_drift() {
        let rate = gst::Fraction::new(30_000, 1001);
        assert_eq!(frame_time(30_000, rate), Some(gst::ClockTime::from_seconds(1001)));
    }

    #[test]
    fn lines_are_padded_to_the_stride_of_the_caps() {
        gst::init().unwrap();
        let picture = RgbImage::from_fn(3, 2, |x, y| {
            image::Rgb([u8::try_from(x).unwrap(), u8::try_from(y).unwrap(), 7])
        });
        let sample = sample(&picture, 0, gst::Fraction::new(5, 1)).unwrap();
        let map = sample.buffer().unwrap().map_readable().unwrap();
        assert_eq!(
            map[..],
            [0, 0, 7, 1, 0, 7, 2, 0, 7, 0, 0, 0, 0, 1, 7, 1, 1, 7, 2, 1, 7, 0, 0, 0][..map.len()]
        );
    }
}
