//! A dark picture for those who watch while the camera delivers nothing: players give up on a stream without one.

use std::time::Duration;

use gst_video::{VideoFormat, prelude::*};

/// Caps of the placeholder while the camera has never delivered a frame.
const CAPS: &str = "video/x-raw,format=I420,width=640,height=360,framerate=25/1";
/// How long a newcomer looks at nothing before the placeholder comes.
const FIRST_PATIENCE: Duration = Duration::from_millis(800);
/// How long a picture stands before the placeholder takes its place.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same in frames, for cameras that deliver one every few seconds.
const PATIENCE_FRAMES: f64 = 3.0;

/// How long silence may last.
pub(super) fn patience(has_had_frames: bool, caps: Option<&gst::Caps>) -> Duration {
    if !has_had_frames {
        return FIRST_PATIENCE;
    }
    let rate = caps.and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok()).map(|info| info.fps());
    let frame = rate
        .filter(|rate| rate.numer() > 0 && rate.denom() > 0)
        .map(|rate| f64::from(rate.denom()) / f64::from(rate.numer()));
    PATIENCE.max(Duration::from_secs_f64(frame.unwrap_or_default().min(3600.0) * PATIENCE_FRAMES))
}

/// What to tell the viewer.
pub(super) fn notice(camera_has_delivered: bool) -> &'static str {
    if camera_has_delivered { "NO SIGNAL" } else { "WAITING FOR THE CAMERA" }
}

/// A dark frame of the given caps, or of a usual size when there are none yet.
pub(super) fn frame(caps: Option<&gst::Caps>) -> Option<(gst::Buffer, gst::Caps)> {
    let caps = match caps {
        Some(caps) => caps.clone(),
        None => CAPS.parse().ok()?,
    };
    let info = gst_video::VideoInfo::from_caps(&caps).ok()?;
    let buffer = gst::Buffer::with_size(info.size()).ok()?;
    let mut frame = gst_video::VideoFrame::from_buffer_writable(buffer, &info).ok()?;
    for plane in 0..frame.n_planes() {
        let value = if plane > 0 && is_yuv(info.format()) { 128 } else { 40 };
        frame.plane_data_mut(plane).ok()?.fill(value);
    }
    Some((frame.into_buffer(), caps))
}

fn is_yuv(format: VideoFormat) -> bool {
    matches!(format, VideoFormat::I420 | VideoFormat::Nv12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_the_camera() {
        gst::init().unwrap();
        let caps = |rate: &str| {
            format!("video/x-raw,format=I420,width=4,height=4,framerate={rate}").parse::<gst::Caps>().unwrap()
        };
        assert_eq!(patience(false, None), FIRST_PATIENCE);
        assert_eq!(patience(true, Some(&caps("25/1"))), PATIENCE);
        assert_eq!(patience(true, Some(&caps("0/1"))), PATIENCE);
        assert_eq!(patience(true, Some(&caps("1/10"))), Duration::from_secs(30));
    }

    #[test]
    fn the_frame_is_dark_and_grey() {
        gst::init().unwrap();
        let (buffer, caps) = frame(None).unwrap();
        assert_eq!(caps.to_string(), CAPS.parse::<gst::Caps>().unwrap().to_string());
        let bytes = buffer.map_readable().unwrap();
        assert_eq!(
            (bytes.len(), bytes[0], bytes[640 * 360], bytes[640 * 360 * 5 / 4]),
            (345_600, 40, 128, 128)
        );
    }
}
