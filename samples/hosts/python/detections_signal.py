#!/usr/bin/python3
"""Detections from evpublish: with its signal, or with --messages from the bus.

    samples/hosts/python/detections_signal.py [--messages] [CLIP]

Prints a line for each detection: stream time in seconds, label, confidence, x, y, width and height in pixels.
"""

import argparse
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

import line3


def show(detections):
    """`detections` is the structure of signal and message; its record is the line that evpublish would write."""
    record = json.loads(detections.get_string("record"))
    for found in record["objects"]:
        detection = found["detection"]
        print(
            f"{record['timestamp'] / Gst.SECOND:.3f} {detection['label']} {detection['confidence']:.4f}",
            found["x"], found["y"], found["w"], found["h"],
        )


def on_new_detections(_publish, _buffer, detections):
    """Called in the streaming thread: while it runs, the frame waits."""
    show(detections)


def on_element_message(message):
    """Called in the main loop, some time later. The stream does not wait."""
    if message.get_structure().get_name() == "edgevision-detections":
        show(message.get_structure())


arguments = argparse.ArgumentParser(description="Prints the detections in a clip.")
arguments.add_argument("--messages", action="store_true", help="take them from the bus, not from the signal")
arguments.add_argument("clip", nargs="?", default="samples/line3.mp4", metavar="CLIP")
arguments = arguments.parse_args()

pipeline = line3.build(arguments.clip, 'evpublish name=publish location="" ! fakesink')
publish = pipeline.get_by_name("publish")
if arguments.messages:
    publish.set_property("post-messages", True)
    sys.exit(line3.run(pipeline, on_element_message))
publish.connect("new-detections", on_new_detections)
sys.exit(line3.run(pipeline))
