//! The frame report as a custom meta without tags: `tee`, `queue`, copies and converters pass it on.

use std::sync::{Arc, LazyLock, Once};

use edgevision_wasm_host::{analysis::Analysis, frame::Transfer};
use gst::{glib, meta::CustomMeta};

const META_NAME: &str = "EdgevisionFrameReportMeta";
const FIELD: &str = "report";

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-detectionmeta",
        gst::DebugColorFlags::empty(),
        Some("detectionmeta: what rides on buffers"),
    )
});

/// How one frame was analysed and by what. Shared, never changed after it was attached.
#[derive(Clone, Debug)]
pub struct FrameReport {
    /// The camera's name.
    pub camera: Arc<str>,
    /// Number of the frame, counted by its camera from 0.
    pub seq: u64,
    /// Stream time in nanoseconds, if the source gave one.
    pub timestamp_ns: Option<u64>,
    /// Wall clock when the frame reached the detector, in nanoseconds since 1970.
    pub system_time_ns: u64,
    /// Width of the frame in pixels.
    pub width: u32,
    /// Height of the frame in lines.
    pub height: u32,
    /// Status, detections (pixels of this frame) and timings.
    pub analysis: Analysis,
    /// How the bytes reached the worker; none when no worker saw the frame.
    pub transfer: Option<Transfer>,
    /// Names of the classes, by class id.
    pub labels: Arc<[String]>,
    /// The model as `name@` and the first 8 hex digits of its SHA-256.
    pub model: Option<Arc<str>>,
    /// The modules in the order of their use, each as `name@` and the first 8 hex digits of its SHA-256.
    pub modules: Arc<[String]>,
}

impl FrameReport {
    /// Name of a class; its number when the labels do not reach that far.
    pub fn label(&self, class_id: u32) -> String {
        let known = usize::try_from(class_id).ok().and_then(|id| self.labels.get(id));
        known.cloned().unwrap_or_else(|| class_id.to_string())
    }
}

#[derive(Clone, Debug, glib::Boxed)]
#[boxed_type(name = "EdgevisionFrameReport")]
struct Shared(Arc<FrameReport>);

/// Attaches the report; an earlier one (of a detector upstream) is replaced.
pub fn attach_report(buffer: &mut gst::BufferRef, report: Arc<FrameReport>) {
    register();
    if let Ok(mut meta) = CustomMeta::from_mut_buffer(buffer, META_NAME) {
        meta.mut_structure().set(FIELD, Shared(report));
        return;
    }
    match CustomMeta::add(buffer, META_NAME) {
        Ok(mut meta) => meta.mut_structure().set(FIELD, Shared(report)),
        Err(error) => gst::warning!(CAT, "frame report not attached: {error}"),
    }
}

/// The report of a buffer that went through `evdetect`.
pub fn report(buffer: &gst::BufferRef) -> Option<Arc<FrameReport>> {
    register();
    let meta = CustomMeta::from_buffer(buffer, META_NAME).ok()?;
    meta.structure().get::<Shared>(FIELD).ok().map(|shared| shared.0)
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| CustomMeta::register(META_NAME, &[]));
}
