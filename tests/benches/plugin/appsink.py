"""decode ! appsink with a callback that maps each frame; prints what it took from the first frame to the last."""
import json
import resource
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import GLib, Gst, GstApp  # noqa: E402

Gst.init(None)
pipeline = Gst.parse_launch(
    f"filesrc location={sys.argv[1]} ! qtdemux ! h264parse ! avdec_h264 ! "
    "appsink name=sink emit-signals=true sync=false max-buffers=4"
)
seen = []  # first and last frame


def now():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic(), usage.ru_utime + usage.ru_stime


def on_frame(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    mapped, info = buffer.map(Gst.MapFlags.READ)
    assert mapped and len(info.data) >= 1920 * 1080 * 3 // 2
    buffer.unmap(info)
    seen[1:] = [now()] if seen else []
    if not seen:
        seen.append(now())
    counted[0] += 1
    return Gst.FlowReturn.OK


counted = [0]
pipeline.get_by_name("sink").connect("new-sample", on_frame)
loop = GLib.MainLoop()
bus = pipeline.get_bus()
bus.add_signal_watch()
failures = []
bus.connect("message::eos", lambda *_: loop.quit())
bus.connect("message::error", lambda _, message: (failures.append(message.parse_error()), loop.quit()))
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
if failures:
    sys.exit(str(failures))
(first, last) = seen
print(json.dumps({"frames": counted[0] - 1, "wall": last[0] - first[0], "cpu": last[1] - first[1]}))
