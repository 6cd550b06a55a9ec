//! GStreamer elements: evdetect, evoverlay, evpublish.
