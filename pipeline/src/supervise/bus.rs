//! What a pipeline's messages mean for its camera, in words for the user.

use gst::prelude::*;

use crate::{config::Location, source::Origin};

/// What a message on the bus asks the supervisor to do.
#[derive(Debug)]
pub enum Notice {
    /// The stream is over.
    EndOfStream,
    /// A looping clip reached its end and waits for the next seek.
    EndOfLoop,
    /// The pipeline cannot go on.
    Failed(Failure),
    /// A module failed on a frame, which goes on.
    ModuleFailed(String),
    /// The modules are quarantined: frames go on un-analysed.
    ModulesQuarantined(String),
    /// The modules work again.
    ModulesRecovered(String),
    /// Records are lost: the place they go to is full or gone.
    OutputFailed(String),
    /// Something is wrong with what the source delivers, and it goes on.
    Flaw(String),
}

/// What kind of failure it is: decides whether the camera is opened again, and the exit code if it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The file, device or host is not there, or nobody answers.
    Missing,
    /// The file or device may not be opened, or the camera refuses the credentials.
    Denied,
    /// There is something, but no video that can be decoded.
    NotVideo,
    /// The device is there, but is no camera.
    NotCamera,
    /// A GStreamer plugin is missing.
    NoPlugin,
    /// A module, model or parameter is not acceptable.
    Config,
    /// Everything else.
    Internal,
}

/// Why a pipeline cannot go on.
#[derive(Clone, Debug)]
pub struct Failure {
    /// For programs.
    pub kind: FailureKind,
    /// For people: one sentence with the place, what was found and what to do.
    pub sentence: String,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }
}

/// Reads one message.
#[must_use]
pub fn read(message: &gst::Message, origin: &Origin) -> Option<Notice> {
    use gst::MessageView as View;
    match message.view() {
        View::Eos(_) => Some(Notice::EndOfStream),
        View::SegmentDone(_) => Some(Notice::EndOfLoop),
        View::Error(error) => {
            // What GStreamer says is for people who know it; the user gets a sentence of ours.
            tracing::debug!(error = %error.error(), details = ?error.debug(), "{origin}: error from GStreamer");
            Some(Notice::Failed(failure(&error.error(), error.debug().as_deref(), error.src(), origin)))
        }
        View::Warning(warning) => {
            tracing::debug!(error = %warning.error(), details = ?warning.debug(), "{origin}: warning from GStreamer");
            Some(self::warning(&warning.error(), warning.details(), warning.src(), origin))
        }
        View::Info(info) if is_ours(info.src()) && modules_are(info.details(), "ok") => {
            Some(Notice::ModulesRecovered(info.error().message().to_owned()))
        }
        View::StreamCollection(found) => no_video(&found.stream_collection(), origin).map(Notice::Failed),
        _ => None,
    }
}

fn warning(
    error: &gst::glib::Error,
    details: Option<&gst::StructureRef>,
    src: Option<&gst::Object>,
    origin: &Origin,
) -> Notice {
    match (is_ours(src), error.kind::<gst::ResourceError>()) {
        (true, None) if modules_are(details, "quarantined") => {
            return Notice::ModulesQuarantined(error.message().to_owned());
        }
        (true, None) => return Notice::ModuleFailed(error.message().to_owned()),
        (true, Some(gst::ResourceError::Settings)) => {
            return Notice::ModuleFailed(error.message().to_owned());
        }
        (true, Some(_)) => return Notice::OutputFailed(error.message().to_owned()),
        (false, _) => {}
    }
    let text = error.message().trim_end_matches('.');
    Notice::Flaw(format!(
        "{origin}: the stream has faults ({text}), frames may be missing; check the file or the network"
    ))
}

/// Whether a message of `evdetect` is about modules in this state.
fn modules_are(details: Option<&gst::StructureRef>, state: &str) -> bool {
    details.is_some_and(|details| details.get::<&str>("state").is_ok_and(|found| found == state))
}

/// A failure if the streams that were found are known and none of them is video.
fn no_video(found: &gst::StreamCollection, origin: &Origin) -> Option<Failure> {
    if found.is_empty() || found.iter().any(|stream| stream.stream_type().contains(gst::StreamType::VIDEO)) {
        return None;
    }
    let kinds: std::collections::BTreeSet<&str> =
        found.iter().map(|stream| kind_of(stream.stream_type())).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
    Some(Failure::new(
        FailureKind::NotVideo,
        format!("{origin}: has no video stream (only {kinds}); give a clip or camera with video"),
    ))
}

fn kind_of(stream: gst::StreamType) -> &'static str {
    if stream.contains(gst::StreamType::AUDIO) {
        "audio"
    } else if stream.contains(gst::StreamType::TEXT) {
        "text"
    } else {
        "other data"
    }
}

/// Turns GStreamer's error into the sentence for the user. Errors of our own elements are such sentences already.
fn failure(
    error: &gst::glib::Error,
    details: Option<&str>,
    src: Option<&gst::Object>,
    origin: &Origin,
) -> Failure {
    if is_ours(src) {
        return Failure::new(FailureKind::Config, error.message());
    }
    let (kind, found) = if let Some(resource) = error.kind::<gst::ResourceError>() {
        resource_failure(resource, error.message(), origin)
    } else if error.matches(gst::CoreError::MissingPlugin) {
        (FailureKind::NoPlugin, missing_plugin(error.message()))
    } else {
        stream_failure(error, details.unwrap_or_default(), origin.place())
    };
    Failure::new(kind, format!("{origin}: {found}"))
}

fn is_ours(src: Option<&gst::Object>) -> bool {
    let factory = src.and_then(|src| src.downcast_ref::<gst::Element>()).and_then(gst::Element::factory);
    factory.is_some_and(|factory| ["evdetect", "evoverlay", "evpublish"].contains(&factory.name().as_str()))
}

fn resource_failure(error: gst::ResourceError, text: &str, origin: &Origin) -> (FailureKind, String) {
    use Location as At;
    use gst::ResourceError as E;
    let place = origin.place();
    let (kind, found) = match (error, place) {
        (E::NotAuthorized, At::Rtsp(_)) if origin.has_login() => (
            FailureKind::Denied,
            "the camera refuses the user name or password; check `user` and `password` of this source",
        ),
        (E::NotAuthorized, At::Rtsp(_)) => (
            FailureKind::Denied,
            "the camera asks for a user name and a password; write `user: NAME` and `password: {env: NAME}` beside \
             its `uri`",
        ),
        (E::NotFound, At::Rtsp(_)) => (
            FailureKind::Missing,
            "the camera answers, but has no stream at this path; look up the path in its manual",
        ),
        (E::OpenRead | E::OpenReadWrite | E::OpenWrite, At::Rtsp(_)) => (
            FailureKind::Missing,
            "no connection to the camera; check that it is switched on and that address and port are right",
        ),
        (E::Read | E::Write, At::Rtsp(_)) => {
            (FailureKind::Missing, "the connection to the camera is lost; check the camera and the network")
        }
        (E::Busy, At::V4l2(device)) => {
            let device = device.display();
            let found = format!("another program uses this camera; end it (`fuser -v {device}` shows it)");
            return (FailureKind::Missing, found);
        }
        // GStreamer calls a device that takes no pictures "not found", too.
        (E::Settings | E::NotFound, At::V4l2(device)) if device.exists() => {
            (FailureKind::NotCamera, "is no camera; `v4l2-ctl --list-devices` lists the cameras")
        }
        (E::NotFound, _) => (FailureKind::Missing, "is gone; check the path or plug it in again"),
        (E::OpenRead | E::OpenReadWrite | E::Read, _) => {
            (FailureKind::Missing, "cannot be opened or read; check its permissions and the disk or cable")
        }
        _ => return (FailureKind::Internal, other(text)),
    };
    (kind, found.to_owned())
}

fn stream_failure(error: &gst::glib::Error, details: &str, place: &Location) -> (FailureKind, String) {
    use Location as At;
    use gst::StreamError as E;
    let found = match (error.kind::<E>(), place) {
        (Some(E::CodecNotFound), _) => return (FailureKind::NoPlugin, missing_plugin(error.message())),
        (Some(E::TypeNotFound | E::WrongType), At::File(_)) => {
            "holds no video that is known; give a clip, for example MP4, Matroska or AVI"
        }
        (Some(E::Demux | E::Decode | E::Format), At::File(_)) => {
            "cannot be played, because it is cut off or damaged; copy or record it again"
        }
        (Some(E::Decode), At::Images(_)) => "none of the pictures can be decoded; give JPEG or PNG pictures",
        (Some(E::TypeNotFound | E::WrongType | E::Demux | E::Decode | E::Format), _) => {
            "the camera sends video that cannot be decoded; set it to H.264, H.265 or MJPEG"
        }
        (Some(E::Failed), At::V4l2(_)) if details.contains("not-negotiated") => {
            "the camera does not offer this size and rate; `v4l2-ctl --list-formats-ext` lists what it does"
        }
        _ => return (FailureKind::Internal, other(error.message())),
    };
    (FailureKind::NotVideo, found.to_owned())
}

fn missing_plugin(text: &str) -> String {
    let text = text.trim_end_matches('.');
    format!(
        "there is no decoder for it ({text}); on Debian install gstreamer1.0-libav and gstreamer1.0-plugins-bad"
    )
}

fn other(text: &str) -> String {
    format!("GStreamer cannot go on ({}); `--log-level debug` shows the details", text.trim_end_matches('.'))
}
