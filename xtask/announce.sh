#!/bin/sh
# Tells where to look before `make run` starts the pipeline.
set -eu
echo "edgevision: $1 is starting; end it with Ctrl-C"
if [ "$1" = configs/line3.yaml ]; then
    echo "  watch:      rtsp://127.0.0.1:8554/line3   (VLC, mpv, ffplay, gst-play-1.0, ...)"
    echo "  detections: line3-detections.jsonl        (tail -f line3-detections.jsonl)"
fi
