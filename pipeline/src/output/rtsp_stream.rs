//! One camera's RTSP stream: `appsrc ! evoverlay ! encoder ! h264parse ! rtph264pay`, made by the RTSP server
//! when the first client comes and taken down when the last one has gone. In between all clients share it.
//!
//! While nobody watches, a frame costs two atomic operations. While somebody does, a frame that the encoder has no
//! time for makes room for the next one: the camera never waits. The queue holds two frames at most, and
//! `evoverlay` copies a frame before it is encoded, so a camera's buffers are held for about one encoding time.
//!
//! The caps may change at any time (a camera that came back with another size): the encoder starts anew in the
//! same stream. H.264 with halved chroma needs even sizes, so odd frames are scaled by one pixel (the pixel aspect
//! ratio makes up for it), and frames below 16 pixels are enlarged.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use gst::{glib, prelude::*};
use gst_rtsp_server::prelude::*;

use super::{
    encoder::{self, Encoder},
    placeholder,
    rtsp_mount::{MountOptions, OverlayOptions},
};
use crate::error::{AppError, Exit};

/// Frames since the mount was made.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) fed: AtomicU64,
    pub(super) forwarded: AtomicU64,
    pub(super) encoded: AtomicU64,
}

/// What the camera's thread, the server's threads and the server's timer share.
pub(super) struct Stream {
    options: MountOptions,
    encoder: Encoder,
    counters: Arc<Counters>,
    is_watched: AtomicBool,
    /// Address of `caps`, so that a frame with the same caps needs no lock. `caps` keeps it from being reused.
    caps_address: AtomicUsize,
    caps: Mutex<Option<gst::Caps>>,
    session: Mutex<Option<Session>>,
}

/// The one media that is alive while somebody watches.
struct Session {
    id: usize,
    source: gst_app::AppSrc,
    overlay: Option<gst::Element>,
    caps: Option<gst::Caps>,
    had_frames: bool,
    last: Instant,
    is_placeholder: bool,
}

impl Stream {
    /// Checks that all elements are there.
    pub(super) fn new(options: MountOptions) -> Result<Self, AppError> {
        let encoder = Encoder::choose(&options.encoder)?;
        for (element, package) in
            [("h264parse", "gstreamer1.0-plugins-bad"), ("rtph264pay", "gstreamer1.0-plugins-good")]
        {
            if gst::ElementFactory::find(element).is_none() {
                return Err(AppError::new(Exit::Unavailable, encoder::needs(element, package)));
            }
        }
        Ok(Self {
            options,
            encoder,
            counters: Arc::default(),
            is_watched: AtomicBool::new(false),
            caps_address: AtomicUsize::new(0),
            caps: Mutex::new(None),
            session: Mutex::new(None),
        })
    }

    /// The factory that the server calls for the first client.
    pub(super) fn factory(self: &Arc<Self>) -> gst_rtsp_server::RTSPMediaFactory {
        let factory = gst_rtsp_server::RTSPMediaFactory::new();
        factory.set_launch(&self.launch());
        factory.set_shared(true);
        let stream = Arc::downgrade(self);
        factory.connect_media_configure(move |_, media| {
            if let Some(stream) = stream.upgrade() {
                stream.begin(media);
            }
        });
        factory
    }

    fn launch(&self) -> String {
        let overlay = if self.options.overlay.is_some() { "evoverlay name=overlay ! " } else { "" };
        let encoder = self.encoder.factory();
        // Even sizes only: see the module's documentation.
        format!(
            "( appsrc name=source is-live=true format=time do-timestamp=true block=false max-buffers=2 max-bytes=0 \
             leaky-type=downstream ! {overlay}videoconvert ! videoscale ! \
             video/x-raw,format={{I420,NV12}},width=[16,16384,2],height=[16,16384,2] ! \
             {encoder} name=encoder ! h264parse config-interval=-1 ! \
             rtph264pay name=pay0 pt=96 config-interval=-1 )"
        )
    }

    /// A client has come and the server has made the elements.
    fn begin(self: &Arc<Self>, media: &gst_rtsp_server::RTSPMedia) {
        let bin = media.element().downcast::<gst::Bin>().ok();
        let by_name = |name: &str| bin.as_ref().and_then(|bin| bin.by_name(name));
        let source = by_name("source").and_then(|element| element.downcast::<gst_app::AppSrc>().ok());
        let (Some(source), Some(encoder)) = (source, by_name("encoder")) else {
            tracing::error!(
                "the RTSP server has made a stream without the elements that it was told to make"
            );
            return;
        };
        self.set_up(&encoder);
        let overlay = by_name("overlay");
        if let (Some(element), Some(options)) = (&overlay, &self.options.overlay) {
            draw_as(element, options);
        }
        let id = source.as_ptr() as usize;
        let now = Instant::now();
        *self.session() = Some(Session {
            id,
            source,
            overlay,
            caps: None,
            had_frames: false,
            last: now,
            is_placeholder: false,
        });
        self.is_watched.store(true, Ordering::Release);
        let stream = Arc::downgrade(self);
        media.connect_unprepared(move |_| forget(&stream, id));
    }

    fn set_up(&self, encoder: &gst::Element) {
        let caps = self.caps().clone();
        let key_frames = encoder::key_frame_distance(caps.as_ref(), self.options.keyframe_interval);
        self.encoder.configure(encoder, self.options.bitrate, key_frames);
        let counters = Arc::clone(&self.counters);
        if let Some(pad) = encoder.static_pad("src") {
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                counters.encoded.fetch_add(1, Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            });
        }
    }

    pub(super) fn feed(&self, buffer: &gst::Buffer, caps: &gst::Caps) {
        self.counters.fed.fetch_add(1, Ordering::Relaxed);
        self.remember(caps);
        if !self.is_watched() {
            return;
        }
        if let Some(session) = self.session().as_mut() {
            session.had_frames = true;
            session.last = Instant::now();
            session.show_notice(false, "");
            self.forward(session, buffer, caps);
        }
    }

    /// Keeps the caps for the next client.
    fn remember(&self, caps: &gst::Caps) {
        let address = caps.as_ptr() as usize;
        if self.caps_address.load(Ordering::Acquire) != address {
            *self.caps() = Some(caps.clone());
            self.caps_address.store(address, Ordering::Release);
        }
    }

    /// Shows the placeholder if the camera has been silent for too long. Called by the server's timer.
    pub(super) fn tick(&self) {
        if !self.is_watched() {
            return;
        }
        let caps = self.caps().clone();
        let mut session = self.session();
        let Some(session) = session.as_mut() else { return };
        if session.last.elapsed() < placeholder::patience(session.had_frames, caps.as_ref()) {
            return;
        }
        if let Some((buffer, shown)) = placeholder::frame(caps.as_ref()) {
            session.show_notice(true, placeholder::notice(caps.is_some()));
            self.forward(session, &buffer, &shown);
        }
    }

    fn forward(&self, session: &mut Session, buffer: &gst::Buffer, caps: &gst::Caps) {
        if session.caps.as_ref() != Some(caps) {
            session.source.set_caps(Some(caps));
            session.caps = Some(caps.clone());
        }
        // The stream has a clock of its own: appsrc stamps what has no time. No pixel is copied here.
        let mut frame = buffer.copy();
        if let Some(frame) = frame.get_mut() {
            frame.set_pts(gst::ClockTime::NONE);
            frame.set_dts(gst::ClockTime::NONE);
        }
        // While the media starts or stops the source refuses frames; there will be others.
        if session.source.push_buffer(frame).is_ok() {
            self.counters.forwarded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends the stream for those who still watch.
    pub(super) fn end(&self) {
        self.is_watched.store(false, Ordering::Release);
        if let Some(session) = self.session().take() {
            // Whoever refuses the end of the stream is on the way down already.
            let _refused = session.source.end_of_stream();
        }
    }

    pub(super) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Acquire)
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn caps(&self) -> MutexGuard<'_, Option<gst::Caps>> {
        self.caps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn show_notice(&mut self, is_placeholder: bool, text: &str) {
        if self.is_placeholder != is_placeholder {
            self.is_placeholder = is_placeholder;
            if let Some(overlay) = &self.overlay {
                overlay.set_property("notice", text);
            }
        }
    }
}

/// The last client has gone. A newer media may already have taken the place of the one that ends.
fn forget(stream: &Weak<Stream>, id: usize) {
    let Some(stream) = stream.upgrade() else { return };
    let mut session = stream.session();
    if session.as_ref().is_some_and(|session| session.id == id) {
        stream.is_watched.store(false, Ordering::Release);
        *session = None;
    }
}

fn draw_as(overlay: &gst::Element, options: &OverlayOptions) {
    overlay.set_property("camera-name", &options.camera_name);
    overlay.set_property("show-time", options.time);
    overlay.set_property("show-labels", options.labels);
    overlay.set_property("show-confidence", options.confidence);
    overlay.set_property("text-size", options.text_size);
    if let Some(pixels) = options.line_width {
        overlay.set_property("line-width", f64::from(pixels));
    }
    for (name, value) in &options.objects {
        overlay.set_property_from_str(name, value);
    }
}

/// Makes sure that `evoverlay` is known, whoever runs us.
pub(super) fn register_overlay() -> Result<(), AppError> {
    if gst::ElementFactory::find("evoverlay").is_some() {
        return Ok(());
    }
    gstedgevision::evoverlay::register(None)
        .map_err(|error: glib::BoolError| AppError::new(Exit::Internal, format!("evoverlay: {error}")))
}
