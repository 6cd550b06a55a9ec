"""The line3 job as a GStreamer pipeline, and a main loop that ends well. The programs beside this file use both."""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

# Run from the repository's root, or make these paths absolute. Modules are found by name.
DETECTOR = {
    "preprocess": "letterbox",
    "preprocess-params": '{"color": "bgr", "align": "top_left"}',
    "detector": "yolo",
    "detector-params": '{"agnostic": true}',
    "model": "samples/line3.onnx",
    "labels": "samples/line3.labels.txt",
    "threshold": 0.7,
    "class-thresholds": '{"tipped_over": 0.6}',
}


def build(clip, tail):
    """A pipeline that analyses `clip` and ends in `tail`, which is written as for gst-launch-1.0."""
    Gst.init(None)
    try:
        pipeline = Gst.parse_launch(f"filesrc name=clip ! decodebin ! evdetect name=detect ! {tail}")
    except GLib.Error as error:
        sys.exit(f"{error.message} (is the plugin's folder in GST_PLUGIN_PATH?)")
    pipeline.get_by_name("clip").set_property("location", clip)
    for name, value in DETECTOR.items():
        pipeline.get_by_name("detect").set_property(name, value)
    return pipeline


def run(pipeline, on_element_message=None):
    """Plays to the end, to an error or to Ctrl-C. Returns the exit code."""
    loop = GLib.MainLoop()
    exit_code = 0

    def on_message(_bus, message):
        nonlocal exit_code
        if message.type == Gst.MessageType.EOS:
            loop.quit()
        elif message.type == Gst.MessageType.ERROR:
            error, details = message.parse_error()
            print(f"{message.src.get_name()}: {error.message} ({details})", file=sys.stderr)
            exit_code = 1
            loop.quit()
        elif message.type == Gst.MessageType.WARNING:
            warning, _details = message.parse_warning()
            print(f"{message.src.get_name()}: {warning.message}", file=sys.stderr)
        elif message.type == Gst.MessageType.ELEMENT and on_element_message:
            on_element_message(message)

    def on_interrupt():
        # The end of the stream lets the frames in flight come out; a second Ctrl-C does not wait for it.
        pipeline.send_event(Gst.Event.new_eos())
        return GLib.SOURCE_REMOVE

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message)
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, on_interrupt)
    # What fails here tells why on the bus.
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    return exit_code
