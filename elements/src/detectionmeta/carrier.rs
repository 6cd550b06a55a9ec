//! The custom meta that carries a report. When a buffer's picture is copied or scaled, the report is too, and the
//! regions get back what GStreamer 1.22 lets fall.

use std::sync::{Arc, LazyLock, Once};

use gst::{BufferRef, glib, meta::CustomMeta};

use super::{
    FrameReport,
    raw::{self, Transformation},
    regions,
    scaling::Mapping,
};

const META_NAME: &str = "EdgevisionFrameReportMeta";
const META_NAME_C: &std::ffi::CStr = c"EdgevisionFrameReportMeta";
const FIELD: &str = "report";

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-detectionmeta",
        gst::DebugColorFlags::empty(),
        Some("detectionmeta: what rides on buffers"),
    )
});

/// A report and its regions on the same buffer.
#[derive(Clone, Debug, glib::Boxed)]
#[boxed_type(name = "EdgevisionFrameReport")]
pub struct Carried {
    pub report: Arc<FrameReport>,
    /// Of each detection, in their order; empty when none were attached.
    pub region_ids: Arc<[i32]>,
}

/// Adds a report to those that are there.
pub fn attach(buffer: &mut BufferRef, carried: Carried) {
    register();
    match CustomMeta::add(buffer, META_NAME) {
        Ok(mut meta) => meta.mut_structure().set(FIELD, carried),
        Err(error) => gst::warning!(CAT, "frame report not attached: {error}"),
    }
}

/// What is on the buffer, first attached first.
pub fn all(buffer: &BufferRef) -> Vec<Carried> {
    let mut found = Vec::new();
    buffer.foreach_meta(|meta| {
        found.extend(meta.try_as_custom_meta().and_then(|meta| read(meta)));
        std::ops::ControlFlow::Continue(())
    });
    found
}

fn read(meta: &CustomMeta) -> Option<Carried> {
    meta.has_name(META_NAME).then(|| meta.structure().get(FIELD).ok()).flatten()
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| raw::register(META_NAME_C, transform));
}

fn transform(target: &mut BufferRef, meta: &CustomMeta, source: &BufferRef, how: &Transformation) -> bool {
    let Some(mut carried) = read(meta) else { return false };
    if let Transformation::Scale(before, after) = how {
        carried.report = Arc::new(Mapping::between(*before, *after).report(&carried.report));
        regions::renew(target, source, &carried.report, &carried.region_ids);
    }
    attach(target, carried);
    true
}
