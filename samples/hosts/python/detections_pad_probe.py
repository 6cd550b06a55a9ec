#!/usr/bin/python3
"""Detections in a pad probe: from the regions of interest that evdetect attaches to each frame.

    samples/hosts/python/detections_pad_probe.py [CLIP]

Prints a line for each detection: stream time in seconds, label, confidence, x, y, width and height in pixels.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo

import line3


def regions(buffer):
    """The regions of a frame. PyGObject cannot walk over metas, but asks for them by the numbers that evdetect gives."""
    missing = buffer.get_n_meta(GstVideo.video_region_of_interest_meta_api_get_type())
    for number in range(10_000):
        if not missing:
            break
        region = GstVideo.buffer_get_video_region_of_interest_meta_id(buffer, number)
        if region:
            missing -= 1
            yield region


def on_frame(pad, info):
    """Called in the streaming thread: while it runs, the frame waits."""
    buffer = info.get_buffer()
    segment = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
    seconds = segment.to_stream_time(Gst.Format.TIME, buffer.pts) / Gst.SECOND
    for region in regions(buffer):
        detection = region.get_param("detection")
        if detection:
            label = GLib.quark_to_string(region.roi_type)
            _known, confidence = detection.get_double("confidence")
            print(f"{seconds:.3f} {label} {confidence:.4f} {region.x} {region.y} {region.w} {region.h}")
    return Gst.PadProbeReturn.OK


clip = sys.argv[1] if len(sys.argv) > 1 else "samples/line3.mp4"
pipeline = line3.build(clip, "fakesink name=sink")
pipeline.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, on_frame)
sys.exit(line3.run(pipeline))
