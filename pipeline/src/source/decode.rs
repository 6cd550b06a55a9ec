//! The decoding half that files, network cameras and USB cameras share: anything in, one raw video stream out.

use gst::prelude::*;

use crate::supervise::{Failure, FailureKind};

/// A GStreamer element by name, or a failure that names the Debian package it comes with.
pub(super) fn element(name: &str, package: &str) -> Result<gst::Element, Failure> {
    gst::ElementFactory::make(name).build().map_err(|_| {
        Failure::new(
            FailureKind::NoPlugin,
            format!("the GStreamer element `{name}` is missing; on Debian install {package}"),
        )
    })
}

/// Elements in a row as one element with a `src` pad.
pub(super) fn chained(elements: &[&gst::Element]) -> Result<gst::Element, Failure> {
    let bin = gst::Bin::new();
    let last = elements.last().and_then(|last| last.static_pad("src"));
    let pad = bin
        .add_many(elements)
        .and_then(|()| gst::Element::link_many(elements))
        .ok()
        .and(last)
        .and_then(|last| gst::GhostPad::with_target(&last).ok());
    match pad {
        Some(pad) if bin.add_pad(&pad).is_ok() => Ok(bin.upcast()),
        _ => Err(Failure::new(FailureKind::Internal, "the elements of a source cannot be linked")),
    }
}

/// `upstream ! decodebin3` as one element with a `src` pad that gets its target when the video stream is known.
///
/// Only the first video stream is decoded. The decoder's ALLOCATION query passes straight through to whatever is
/// linked to the pad: that is how frames come to lie in the arena.
pub(super) fn decoded(upstream: &gst::Element) -> Result<gst::Element, Failure> {
    let decoder = element("decodebin3", "gstreamer1.0-plugins-base")?;
    decode_only_first_video(&decoder);
    let bin = gst::Bin::new();
    let wired = bin.add_many([upstream, &decoder]).is_ok() && connect(upstream, &decoder);
    let ghost = gst::GhostPad::builder(gst::PadDirection::Src).name("src").build();
    show_video_on(&decoder, &ghost);
    if wired && bin.add_pad(&ghost).is_ok() {
        Ok(bin.upcast())
    } else {
        Err(Failure::new(
            FailureKind::Internal,
            format!("`{}` and decodebin3 cannot be linked", upstream.name()),
        ))
    }
}

/// Links now, or (sources like `rtspsrc` show their pads late) as soon as a pad appears.
fn connect(upstream: &gst::Element, decoder: &gst::Element) -> bool {
    if upstream.static_pad("src").is_some() {
        return upstream.link(decoder).is_ok();
    }
    let decoder = decoder.downgrade();
    upstream.connect_pad_added(move |_, pad| {
        let free = decoder.upgrade().and_then(|decoder| {
            decoder
                .static_pad("sink")
                .filter(|sink| !sink.is_linked())
                .or_else(|| decoder.request_pad_simple("sink_%u"))
        });
        if let Some(sink) = free
            && let Err(error) = pad.link(&sink)
        {
            gst::error!(gst::CAT_RUST, obj = pad, "cannot be linked to the decoder: {error}");
        }
    });
    true
}

fn decode_only_first_video(decoder: &gst::Element) {
    decoder.connect("select-stream", false, |arguments| {
        let collection = arguments.get(1)?.get::<gst::StreamCollection>().ok()?;
        let stream = arguments.get(2)?.get::<gst::Stream>().ok()?;
        let first = collection.iter().find(|stream| stream.stream_type().contains(gst::StreamType::VIDEO));
        let chosen = first.is_some_and(|first| first.stream_id() == stream.stream_id());
        Some(i32::from(chosen).to_value())
    });
}

fn show_video_on(decoder: &gst::Element, ghost: &gst::GhostPad) {
    let ghost = ghost.downgrade();
    decoder.connect_pad_added(move |_, pad| {
        if pad.name().starts_with("video_")
            && let Some(ghost) = ghost.upgrade()
            && let Err(error) = ghost.set_target(Some(pad))
        {
            gst::error!(gst::CAT_RUST, obj = pad, "cannot be shown: {error}");
        }
    });
}
