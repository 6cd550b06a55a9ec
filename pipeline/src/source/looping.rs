//! Plays a clip again and again without a gap: segment seeks, so that the decoder never sees an end of stream and
//! running time goes on.

use gst::prelude::*;

/// Arms a source for looping before it is started: the first frame waits until the clip plays as a segment, so that
/// it is not delivered twice.
pub fn arm(source: &gst::Element) {
    let Some(pad) = source.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM | gst::PadProbeType::BUFFER, |pad, info| {
        let Some(probe) = info.id.take() else { return gst::PadProbeReturn::Ok };
        let Some(source) = pad.parent_element() else { return gst::PadProbeReturn::Remove };
        let pad = pad.clone();
        // From another thread: the flush must be able to unblock this one.
        source.call_async(move |_| {
            if !seek(&pad, gst::SeekFlags::FLUSH) {
                gst::warning!(
                    gst::CAT_RUST,
                    obj = pad,
                    "cannot be played as a segment; it is reopened at its end"
                );
            }
            pad.remove_probe(probe);
        });
        gst::PadProbeReturn::Ok
    });
}

/// Plays the next round, after a SEGMENT_DONE message. False when the source cannot seek.
pub fn again(source: &gst::Element) -> bool {
    source.static_pad("src").is_some_and(|pad| seek(&pad, gst::SeekFlags::empty()))
}

fn seek(pad: &gst::Pad, flags: gst::SeekFlags) -> bool {
    pad.send_event(gst::event::Seek::new(
        1.0,
        flags | gst::SeekFlags::SEGMENT,
        gst::SeekType::Set,
        gst::ClockTime::ZERO,
        gst::SeekType::None,
        gst::ClockTime::NONE,
    ))
}
