//! A record as a `GstStructure`: what messages and signals carry.

use gst::{glib::SendValue, prelude::*};

use super::record::{Object, Record};

/// Name of the structure, by which applications tell our messages from others.
pub const NAME: &str = "edgevision-detections";
const OBJECT: &str = "object";

/// When the frame is shown. All in nanoseconds, `GST_CLOCK_TIME_NONE` if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// As it stands on the buffer.
    pub pts: Option<gst::ClockTime>,
    /// As it stands on the buffer.
    pub duration: Option<gst::ClockTime>,
    /// Position in the stream: of the pts in its segment.
    pub stream_time: Option<gst::ClockTime>,
    /// Time since the pipeline plays at which the frame is due.
    pub running_time: Option<gst::ClockTime>,
}

impl Times {
    /// Those of a buffer in a segment.
    pub fn of(buffer: &gst::BufferRef, segment: &gst::Segment) -> Self {
        let (pts, duration) = (buffer.pts(), buffer.duration());
        let segment = segment.downcast_ref::<gst::ClockTime>();
        Self {
            pts,
            duration,
            stream_time: segment.and_then(|segment| segment.to_stream_time(pts)),
            running_time: segment.and_then(|segment| segment.to_running_time(pts)),
        }
    }
}

/// The structure; `json` is the record as text.
pub fn structure(record: &Record<'_>, json: &str, times: Times) -> gst::Structure {
    let resolution = record.resolution.as_ref();
    gst::Structure::builder(NAME)
        .field("camera", record.camera)
        .field("seq", record.seq)
        .field("status", record.status.as_str())
        .field("pts", times.pts)
        .field("duration", times.duration)
        .field("stream-time", times.stream_time)
        .field("running-time", times.running_time)
        .field_if_some("width", resolution.map(|resolution| resolution.width))
        .field_if_some("height", resolution.map(|resolution| resolution.height))
        .field("objects", gst::List::new(record.objects.iter().map(object)))
        .field("record", json)
        .build()
}

fn object(object: &Object) -> SendValue {
    let detection = &object.detection;
    gst::Structure::builder(OBJECT)
        .field("label", &detection.label)
        .field_if_some("label_id", detection.label_id)
        .field_if_some("confidence", detection.confidence)
        .field("x", object.x)
        .field("y", object.y)
        .field("w", object.w)
        .field("h", object.h)
        .field_if_some("id", object.id)
        .build()
        .to_send_value()
}
