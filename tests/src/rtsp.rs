//! RTSP from both ends: a camera to be looked at, and a viewer that looks.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use gst::prelude::*;
use gst_video::prelude::*;

use crate::command::{program, signal};

/// A port that nobody listens on at the moment.
///
/// # Panics
/// When loopback has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener =
        TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"));
    listener.local_addr().map_or(0, |address| address.port())
}

/// A running `rtsp-camera`; killed when dropped.
pub struct Camera(Child);

impl Camera {
    /// Starts a camera and waits until it listens. `login` is `USER:PASSWORD`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(port: u16, codec: &str, size: &str, login: Option<&str>) -> Self {
        let mut child = Command::new(program("rtsp-camera"))
            .args([&port.to_string(), codec, size])
            .args(login)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("rtsp-camera does not start: {error}"));
        let mut line = String::new();
        let ready = child.stdout.as_mut().map(|out| BufReader::new(out).read_line(&mut line));
        assert!(matches!(ready, Some(Ok(_))) && line == "ready\n", "rtsp-camera says {line:?}");
        Self(child)
    }

    /// Freezes it: connected, but silent.
    pub fn freeze(&self) {
        signal(&self.0, libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal(&self.0, libc::SIGCONT);
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Looks at an RTSP stream and stores one frame as a PNG, `after` so many frames.
///
/// # Panics
/// When no frame comes within 20 seconds.
pub fn snapshot(url: &str, transport: &str, after: u32, png: &Path) {
    let frames = view(url, transport, after + 1);
    let last = frames.last().unwrap_or_else(|| panic!("{url}: no frame over {transport}"));
    last.save(png).unwrap_or_else(|error| panic!("{}: {error}", png.display()));
}

/// Looks at an RTSP stream for `count` frames.
///
/// # Panics
/// When the stream fails or the frames do not come within 20 seconds.
#[must_use]
pub fn view(url: &str, transport: &str, count: u32) -> Vec<image::RgbImage> {
    gst::init().unwrap_or_else(|error| panic!("GStreamer: {error}"));
    let description = format!(
        "rtspsrc location={url} protocols={transport} latency=100 ! decodebin ! videoconvert ! \
         video/x-raw,format=RGB ! appsink name=view sync=false max-buffers=4"
    );
    let pipeline = gst::parse::launch(&description).unwrap_or_else(|error| panic!("{description}: {error}"));
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap_or_else(|_| panic!("no pipeline"));
    let sink = pipeline.by_name("view").and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
    let sink = sink.unwrap_or_else(|| panic!("no appsink"));
    let _state = pipeline.set_state(gst::State::Playing);
    let frames =
        (0..count).map_while(|_| sink.try_pull_sample(gst::ClockTime::from_seconds(20))).map(|s| rgb(&s));
    let frames: Vec<_> = frames.collect();
    let error = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    let _state = pipeline.set_state(gst::State::Null);
    assert!(
        frames.len() == count as usize,
        "{url} over {transport}: {} of {count} frames; {error:?}",
        frames.len()
    );
    frames
}

fn rgb(sample: &gst::Sample) -> image::RgbImage {
    let info = sample.caps().and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
    let info = info.unwrap_or_else(|| panic!("a frame without caps"));
    let buffer = sample.buffer().unwrap_or_else(|| panic!("a sample without buffer"));
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info);
    let frame = frame.unwrap_or_else(|error| panic!("a frame cannot be mapped: {error}"));
    let stride = usize::try_from(frame.plane_stride()[0]).unwrap_or_default();
    let data = frame.plane_data(0).unwrap_or_else(|error| panic!("no plane: {error}"));
    image::RgbImage::from_fn(frame.width(), frame.height(), |x, y| {
        let at = y as usize * stride + x as usize * 3;
        image::Rgb([data[at], data[at + 1], data[at + 2]])
    })
}

/// Waits until `done` says so.
///
/// # Panics
/// When that takes longer than `limit`.
pub fn wait_until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
