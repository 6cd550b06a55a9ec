//! GObject glue of `evpublish`.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use edgevision_wasm_host::analysis::Status;
use gst::{glib, prelude::*, subclass::prelude::*};
use gst_base::{prelude::BaseTransformExt, subclass::prelude::*};

use super::record;
use crate::{
    detectionmeta::{self, FrameReport},
    publish::{self, Rotation, Writer},
};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-evpublish",
        gst::DebugColorFlags::empty(),
        Some("evpublish: detection records"),
    )
});

#[derive(Clone, Debug)]
struct Settings {
    location: String,
    rotation: Rotation,
    skipped: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { location: publish::STDOUT.to_owned(), rotation: Rotation::default(), skipped: false }
    }
}

/// Implementation of `evpublish`.
#[derive(Default)]
pub struct EvPublish {
    settings: Mutex<Settings>,
    /// From `start` to `stop`.
    writer: Mutex<Option<Arc<Writer>>>,
}

impl EvPublish {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Option<Arc<Writer>>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One record for each detector that the frame went through.
    fn publish(&self, buffer: &gst::BufferRef) {
        for report in detectionmeta::reports(buffer) {
            self.write(&report);
        }
    }

    fn write(&self, report: &FrameReport) {
        if report.analysis.status == Status::Skipped && !self.settings().skipped {
            return;
        }
        let Some(writer) = self.writer().clone() else { return };
        if let Err(lost) = writer.write_line(&record::record(report), publish::PATIENCE) {
            gst::debug!(CAT, imp = self, "{lost}");
            if lost.first {
                gst::element_imp_warning!(self, gst::ResourceError::Write, ("{lost}"));
            }
        }
    }

    fn stats(&self) -> gst::Structure {
        let (written, lost) =
            self.writer().as_ref().map_or((0, 0), |writer| (writer.written(), writer.lost()));
        gst::Structure::builder("evpublish-stats").field("written", written).field("lost", lost).build()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for EvPublish {
    const NAME: &'static str = "GstEvPublish";
    type Type = super::EvPublish;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for EvPublish {
    fn constructed(&self) {
        self.parent_constructed();
        // Fillers have a report too; the base class would not show them.
        self.obj().set_gap_aware(true);
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings();
        // GObject has checked the type against the ParamSpec: `get` cannot fail.
        match pspec.name() {
            "location" => {
                settings.location = value
                    .get::<Option<String>>()
                    .ok()
                    .flatten()
                    .unwrap_or_else(|| publish::STDOUT.to_owned());
            }
            "max-size" => settings.rotation.max_size = value.get().unwrap_or_default(),
            "max-files" => settings.rotation.max_files = value.get().unwrap_or_default(),
            "skipped" => settings.skipped = value.get().unwrap_or_default(),
            other => gst::warning!(CAT, imp = self, "no property {other} to set"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "location" => self.settings().location.to_value(),
            "max-size" => self.settings().rotation.max_size.to_value(),
            "max-files" => self.settings().rotation.max_files.to_value(),
            "skipped" => self.settings().skipped.to_value(),
            "stats" => self.stats().to_value(),
            _ => pspec.default_value().clone(),
        }
    }
}

fn properties() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    vec![
        glib::ParamSpecString::builder("location")
            .nick("Location")
            .blurb(
                "File for the records; - is standard output. Elements with the same location share the file",
            )
            .default_value(Some(defaults.location.as_str()))
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt64::builder("max-size")
            .nick("Most bytes of a file")
            .blurb("Begin a new file before this many bytes are passed; 0 never does")
            .default_value(defaults.rotation.max_size)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("max-files")
            .nick("Old files kept")
            .blurb("Old files kept beside the present one (name.1.jsonl is the newest)")
            .default_value(defaults.rotation.max_files)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("skipped")
            .nick("Records of skipped frames")
            .blurb("Write a record for frames that were passed on without analysis, too")
            .default_value(defaults.skipped)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Lines written and lost at this location, by all its writers")
            .read_only()
            .build(),
    ]
}

impl GstObjectImpl for EvPublish {}

impl ElementImpl for EvPublish {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Detection records",
                "Filter/Analyzer/Video",
                "Writes what evdetect found as JSON Lines",
                "The edgevision developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let any = gst::Caps::new_any();
            [("src", gst::PadDirection::Src), ("sink", gst::PadDirection::Sink)]
                .into_iter()
                .filter_map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &any).ok()
                })
                .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for EvPublish {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let Settings { location, rotation, .. } = self.settings().clone();
        let writer = publish::writer(&location, rotation)
            .map_err(|error| gst::error_msg!(gst::ResourceError::OpenWrite, ("{error}")))?;
        *self.writer() = Some(writer);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let writer = self.writer().take();
        if let Some(Err(error)) = writer.map(|writer| writer.flush()) {
            gst::warning!(CAT, imp = self, "the last records may not be on the disk yet: {error}");
        }
        Ok(())
    }

    fn transform_ip_passthrough(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.publish(buffer);
        Ok(gst::FlowSuccess::Ok)
    }
}
