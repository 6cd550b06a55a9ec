//! What a pipeline's messages mean for its camera, in words for the user.

use gst::prelude::*;

use crate::source::Origin;

/// What a message on the bus asks the supervisor to do.
#[derive(Debug)]
pub enum Notice {
    /// The stream is over.
    EndOfStream,
    /// A looping clip reached its end and waits for the next seek.
    EndOfLoop,
    /// The pipeline cannot go on.
    Failed(Failure),
    /// Something to tell, nothing to do (a module failed on a frame, for example).
    Warning(String),
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
        View::Error(error) => Some(Notice::Failed(failure(&error.error(), error.src(), origin))),
        View::Warning(warning) => Some(Notice::Warning(warning.error().message().to_owned())),
        View::StreamCollection(found) => no_video(&found.stream_collection(), origin).map(Notice::Failed),
        _ => None,
    }
}

/// A failure if the streams that were found are known and none of them is video.
fn no_video(found: &gst::StreamCollection, origin: &Origin) -> Option<Failure> {
    if found.is_empty() || found.iter().any(|stream| stream.stream_type().contains(gst::StreamType::VIDEO)) {
        return None;
    }
    let kinds: std::collections::BTreeSet<&str> = found.iter().map(|stream| kind_of(stream.stream_type())).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
    Some(Failure::new(FailureKind::NotVideo, format!("{origin}: has no video stream (only {kinds}); give a clip or camera with video")))
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
fn failure(error: &gst::glib::Error, src: Option<&gst::Object>, origin: &Origin) -> Failure {
    let text = error.message();
    if src.and_then(|src| src.downcast_ref::<gst::Element>()).is_some_and(is_ours) {
        return Failure::new(FailureKind::Config, text);
    }
    match error.kind::<gst::ResourceError>() {
        Some(resource) => resource_failure(resource, text, origin),
        None => stream_failure(error, text, origin),
    }
}

fn is_ours(element: &gst::Element) -> bool {
    element.factory().is_some_and(|factory| ["evdetect", "evoverlay", "evpublish"].contains(&factory.name().as_str()))
}

fn resource_failure(error: gst::ResourceError, text: &str, origin: &Origin) -> Failure {
    use gst::ResourceError as E;
    match error {
        E::NotAuthorized => Failure::new(
            FailureKind::Denied,
            format!("{origin}: the camera refuses the user name or password; check `user` and `password` of this source"),
        ),
        E::NotFound => Failure::new(FailureKind::Missing, format!("{origin}: not found; check the path or address ({text})")),
        E::OpenRead | E::OpenReadWrite | E::OpenWrite | E::Read | E::Busy => {
            Failure::new(FailureKind::Missing, format!("{origin}: cannot be opened or read: {text}"))
        }
        _ => Failure::new(FailureKind::Internal, format!("{origin}: {text}")),
    }
}

fn stream_failure(error: &gst::glib::Error, text: &str, origin: &Origin) -> Failure {
    use gst::StreamError as E;
    match error.kind::<gst::StreamError>() {
        Some(E::CodecNotFound) => Failure::new(
            FailureKind::NoPlugin,
            format!("{origin}: no decoder for this video is installed ({text}); on Debian install gstreamer1.0-libav"),
        ),
        Some(E::TypeNotFound | E::WrongType | E::Demux | E::Decode | E::Format) => Failure::new(
            FailureKind::NotVideo,
            format!("{origin}: is no video that can be read, or it is damaged ({text}); play it with gst-play-1.0 to see whether the file or edgevision is at fault"),
        ),
        _ if error.matches(gst::CoreError::MissingPlugin) => Failure::new(
            FailureKind::NoPlugin,
            format!("{origin}: a GStreamer plugin is missing ({text}); on Debian install gstreamer1.0-plugins-bad and gstreamer1.0-libav"),
        ),
        _ => Failure::new(FailureKind::Internal, format!("{origin}: {text}")),
    }
}
