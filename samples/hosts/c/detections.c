/* Detections in a pad probe, in C: from the regions of interest that evdetect attaches to each frame.
 *
 *   cc -o detections detections.c $(pkg-config --cflags --libs gstreamer-1.0 gstreamer-video-1.0)
 *   ./detections [CLIP]
 *
 * Prints a line for each detection: stream time in seconds, label, confidence, x, y, width and height in pixels. */

#include <glib-unix.h>
#include <gst/gst.h>
#include <gst/video/video.h>

typedef struct {
  GMainLoop *loop;
  GstElement *pipeline;
  int exit_code;
} Host;

static gdouble
stream_seconds (GstPad * pad, GstBuffer * buffer)
{
  GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  guint64 time;

  if (event == NULL)
    return -1.0;
  gst_event_parse_segment (event, &segment);
  time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  gst_event_unref (event);
  return GST_CLOCK_TIME_IS_VALID (time) ? (gdouble) time / GST_SECOND : -1.0;
}

/* Called in the streaming thread: while it runs, the frame waits. */
static GstPadProbeReturn
on_frame (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  gdouble seconds = stream_seconds (pad, buffer);
  gpointer state = NULL;
  GstMeta *meta;

  (void) user_data;
  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    GstVideoRegionOfInterestMeta *region = (GstVideoRegionOfInterestMeta *) meta;
    GstStructure *detection = gst_video_region_of_interest_meta_get_param (region, "detection");
    gdouble confidence = 0.0;

    if (detection == NULL)
      continue;
    gst_structure_get_double (detection, "confidence", &confidence);
    g_print ("%.3f %s %.4f %u %u %u %u\n", seconds, g_quark_to_string (region->roi_type), confidence,
        region->x, region->y, region->w, region->h);
  }
  return GST_PAD_PROBE_OK;
}

static gboolean
on_message (GstBus * bus, GstMessage * message, gpointer user_data)
{
  Host *host = user_data;
  GError *error = NULL;
  gchar *details = NULL;

  (void) bus;
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_EOS:
      g_main_loop_quit (host->loop);
      break;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, &details);
      g_printerr ("%s: %s (%s)\n", GST_OBJECT_NAME (GST_MESSAGE_SRC (message)), error->message,
          details ? details : "no details");
      host->exit_code = 1;
      g_main_loop_quit (host->loop);
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      g_printerr ("%s: %s\n", GST_OBJECT_NAME (GST_MESSAGE_SRC (message)), error->message);
      break;
    default:
      break;
  }
  g_clear_error (&error);
  g_free (details);
  return G_SOURCE_CONTINUE;
}

/* Ctrl-C: the end of the stream lets the frames in flight come out. A second one does not wait for it. */
static gboolean
on_interrupt (gpointer user_data)
{
  Host *host = user_data;

  gst_element_send_event (host->pipeline, gst_event_new_eos ());
  return G_SOURCE_REMOVE;
}

/* Paths are relative to the repository's root. Modules are found by name. */
static GstElement *
build (const char *clip, GError ** error)
{
  GstElement *pipeline = gst_parse_launch ("filesrc name=clip ! decodebin ! evdetect name=detect ! fakesink name=sink",
      error);
  GstElement *source, *detect, *sink;
  GstPad *pad;

  if (*error != NULL) {
    g_clear_pointer (&pipeline, gst_object_unref);
    return NULL;
  }
  source = gst_bin_get_by_name (GST_BIN (pipeline), "clip");
  detect = gst_bin_get_by_name (GST_BIN (pipeline), "detect");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (source, "location", clip, NULL);
  g_object_set (detect,
      "preprocess", "letterbox",
      "preprocess-params", "{\"color\": \"bgr\", \"align\": \"top_left\"}",
      "detector", "yolo",
      "detector-params", "{\"agnostic\": true}",
      "model", "samples/line3.onnx",
      "labels", "samples/line3.labels.txt",
      "threshold", 0.7,
      "class-thresholds", "{\"tipped_over\": 0.6}",
      NULL);
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, NULL, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (detect);
  gst_object_unref (source);
  return pipeline;
}

int
main (int argc, char *argv[])
{
  Host host = { NULL, NULL, 0 };
  GError *error = NULL;
  GstBus *bus;
  guint bus_watch;

  gst_init (&argc, &argv);
  host.pipeline = build (argc > 1 ? argv[1] : "samples/line3.mp4", &error);
  if (host.pipeline == NULL) {
    g_printerr ("%s (is the plugin's folder in GST_PLUGIN_PATH?)\n", error->message);
    g_error_free (error);
    return 1;
  }
  host.loop = g_main_loop_new (NULL, FALSE);
  bus = gst_element_get_bus (host.pipeline);
  bus_watch = gst_bus_add_watch (bus, on_message, &host);
  g_unix_signal_add (SIGINT, on_interrupt, &host);

  /* What fails here tells why on the bus. */
  gst_element_set_state (host.pipeline, GST_STATE_PLAYING);
  g_main_loop_run (host.loop);

  gst_element_set_state (host.pipeline, GST_STATE_NULL);
  g_source_remove (bus_watch);
  gst_object_unref (bus);
  gst_object_unref (host.pipeline);
  g_main_loop_unref (host.loop);
  return host.exit_code;
}
