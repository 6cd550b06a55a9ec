//! The rows: what stands in front of the detector, and what becomes of frames there.

/// How frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All in place.
    InPlace,
    /// All in place but for the first ones, which were decoded before the pool was offered.
    InPlaceSoon,
    /// All copied, once.
    Copied,
}

pub struct Row {
    /// In the document.
    pub name: &'static str,
    /// Elements that may be missing here.
    pub needs: &'static [&'static str],
    /// The pipeline in front of the detector.
    pub source: &'static str,
    pub way: Way,
    /// In the document.
    pub why: &'static str,
}

const fn row(
    name: &'static str,
    needs: &'static [&'static str],
    source: &'static str,
    way: Way,
    why: &'static str,
) -> Row {
    Row { name, needs, source, way, why }
}

use Way::{Copied, InPlace, InPlaceSoon};

pub const ROWS: &[Row] = &[
    row(
        "`videotestsrc`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1",
        InPlace,
        "writes into the offered pool",
    ),
    row(
        "`appsrc` with memory of its own",
        &[],
        "appsrc name=own format=time caps=video/x-raw,format=I420,width=322,height=242,framerate=30/1",
        Copied,
        "the application has the memory",
    ),
    row(
        "`appsrc` with buffers of the offered pool",
        &[],
        "appsrc name=pool format=time block=true max-buffers=4 max-bytes=0 caps=video/x-raw,format=I420,width=322,height=242,framerate=30/1",
        InPlace,
        "an ALLOCATION query at its src pad brings the pool; bound its queue (`block`, `max-buffers`), else it takes all slots",
    ),
    row(
        "`capsfilter`, `identity`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! identity",
        InPlace,
        "let the offer through",
    ),
    row(
        "`identity drop-allocation=true`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! identity drop-allocation=true",
        Copied,
        "keeps the offer from its source",
    ),
    row(
        "`queue`, `queue2`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! queue max-size-buffers=4 ! queue2 max-size-buffers=4",
        InPlace,
        "let the offer through; keep them short (`max-size-buffers=4`), or what waits there takes all slots",
    ),
    row(
        "`videorate`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! videorate ! video/x-raw,framerate=25/1",
        InPlace,
        "lets the offer through; a frame that is shown twice is the same memory twice",
    ),
    row(
        "`tee`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! tee name=t t. ! queue ! fakesink sync=false t. ! queue",
        Copied,
        "keeps the offers of its branches to itself; put `evdetect` in front of it",
    ),
    row(
        "another `evdetect`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! evdetect preprocess={module} deadline=30000000000 policy=every",
        InPlace,
        "passes on the memory that it read",
    ),
    row(
        "`videoconvert`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=YUY2,width=322,height=242 ! videoconvert ! video/x-raw,format=I420",
        InPlace,
        "converts into the offered pool",
    ),
    row(
        "`videoscale`",
        &[],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! videoscale ! video/x-raw,width=160,height=120",
        InPlace,
        "scales into the offered pool",
    ),
    row(
        "`videocrop`",
        &["videocrop"],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! videocrop top=10 left=6",
        InPlace,
        "copies the part that is left into the offered pool",
    ),
    row(
        "`videoflip`",
        &["videoflip"],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! videoflip method=clockwise",
        InPlace,
        "turns into the offered pool",
    ),
    row(
        "`deinterlace`",
        &["deinterlace"],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,interlace-mode=interleaved ! deinterlace fields=top",
        InPlace,
        "writes into the offered pool",
    ),
    row(
        "`compositor`",
        &["compositor"],
        "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=322,height=242,framerate=30/1 ! compositor ! video/x-raw,format=I420",
        InPlace,
        "draws into the offered pool",
    ),
    row(
        "`avdec_h264`",
        &["avdec_h264"],
        "filesrc location={h264} ! matroskademux ! h264parse ! avdec_h264",
        InPlaceSoon,
        "decodes into the offered pool",
    ),
    row(
        "`avdec_mjpeg`",
        &["avdec_mjpeg"],
        "filesrc location={mjpeg} ! matroskademux ! avdec_mjpeg",
        InPlaceSoon,
        "decodes into the offered pool",
    ),
    row(
        "`avdec_vp8`, `avdec_vp9`",
        &["avdec_vp8", "avdec_vp9"],
        "filesrc location={vp9} ! matroskademux ! vp9parse ! avdec_vp9",
        InPlaceSoon,
        "decode into the offered pool",
    ),
    row(
        "`jpegdec`",
        &["jpegdec"],
        "filesrc location={mjpeg} ! matroskademux ! jpegdec",
        InPlace,
        "decodes into the offered pool",
    ),
    row(
        "`pngdec`",
        &["pngdec", "pngenc"],
        "videotestsrc num-buffers=40 ! video/x-raw,format=RGB,width=322,height=242 ! pngenc ! pngdec",
        InPlace,
        "decodes into the offered pool",
    ),
    row(
        "`vp8dec`",
        &["vp8dec"],
        "filesrc location={vp8} ! matroskademux ! vp8dec",
        InPlace,
        "copies from libvpx into the offered pool",
    ),
    row(
        "`vp9dec`",
        &["vp9dec"],
        "filesrc location={vp9} ! matroskademux ! vp9parse ! vp9dec",
        Copied,
        "shows memory of libvpx",
    ),
    row(
        "`openh264dec`",
        &["openh264dec"],
        "filesrc location={baseline} ! matroskademux ! h264parse ! openh264dec",
        InPlace,
        "copies from OpenH264 into the offered pool",
    ),
    row(
        "`decodebin`",
        &["avdec_h264"],
        "filesrc location={h264} ! decodebin",
        InPlaceSoon,
        "as the decoder that it picks",
    ),
    row(
        "`decodebin3`",
        &["avdec_h264"],
        "filesrc location={h264} ! decodebin3",
        InPlaceSoon,
        "as the decoder that it picks",
    ),
    row(
        "`uridecodebin3`",
        &["avdec_h264"],
        "uridecodebin3 uri=file://{h264}",
        InPlaceSoon,
        "as the decoder that it picks",
    ),
    row(
        "`rawvideoparse`",
        &["rawvideoparse"],
        "filesrc location={raw} ! rawvideoparse format=i420 width=322 height=242",
        Copied,
        "shows the bytes of the file that were read",
    ),
];
