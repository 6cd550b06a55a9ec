//! GObject glue: properties, states, and the base class that asks for each frame.

use std::sync::{Arc, LazyLock, Mutex};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_base::{
    prelude::*,
    subclass::{
        base_transform::{BaseTransformMode, GenerateOutputSuccess},
        prelude::*,
    },
};
use gst_video::VideoCropMeta;

use super::{
    load,
    process::{Processed, Running, Stage},
    settings::{Settings, param_specs},
    stats::Snapshot,
    told::Told,
};
use crate::{
    framepool::{self, FORMATS, Offer, StreamFormat},
    glue::{self, lock},
};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-evmodule",
        gst::DebugColorFlags::empty(),
        Some("evmodule: frames through one WebAssembly module"),
    )
});

/// Implementation of `evmodule`.
#[derive(Default)]
pub struct EvModule {
    settings: Mutex<Settings>,
    running: Mutex<Option<Arc<Running>>>,
    /// What `stats` shows while nothing runs.
    last_stats: Mutex<Snapshot>,
}

#[glib::object_subclass]
impl ObjectSubclass for EvModule {
    const NAME: &'static str = "GstEvModule";
    type Type = super::EvModule;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for EvModule {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(param_specs);
        &SPECS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let setting = lock(&self.settings).get(pspec.name());
        setting.unwrap_or_else(|| self.stats().to_structure().to_value())
    }
}

impl GstObjectImpl for EvModule {}

impl ElementImpl for EvModule {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Sandboxed video filter",
                "Filter/Effect/Video",
                "Runs a WebAssembly module that turns frames into frames: masks, blurs, corrections",
                "The edgevision developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_video::VideoCapsBuilder::new().format_list(FORMATS).build();
            glue::filter_pads(&caps)
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for EvModule {
    const MODE: BaseTransformMode = BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let filter = load::load(&settings, &self.obj().name())
            .map_err(|sentence| gst::error_msg!(gst::ResourceError::Settings, ("{sentence}")))?;
        gst::info!(CAT, imp = self, "module {}", filter.stage().module.info().name);
        *lock(&self.running) = Some(Arc::new(Running::new(filter, settings)));
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let running = lock(&self.running).take();
        if let Some(running) = running {
            *lock(&self.last_stats) = running.snapshot();
        }
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let format = StreamFormat::from_caps(incaps).map_err(|why| {
            gst::element_imp_error!(self, gst::StreamError::Format, ("{why}"));
            gst::loggable_error!(CAT, "{why}")
        })?;
        gst::debug!(CAT, imp = self, "{:?} {:?}", format.format, format.color);
        if let Some(running) = self.running() {
            lock(&running.stage).format = Some(format);
        }
        Ok(())
    }

    fn unit_size(&self, caps: &gst::Caps) -> Option<usize> {
        gst_video::VideoInfo::from_caps(caps).ok().map(|info| info.size())
    }

    /// Decoders pad their frames; what goes on has the size that its caps ask for.
    fn transform_size(
        &self,
        _direction: gst::PadDirection,
        _caps: &gst::Caps,
        _size: usize,
        othercaps: &gst::Caps,
    ) -> Option<usize> {
        self.unit_size(othercaps)
    }

    fn propose_allocation(
        &self,
        _decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let running = self.running().ok_or_else(|| gst::loggable_error!(CAT, "not started"))?;
        match framepool::offer(query, || running.input.clone()) {
            Offer::Pool => gst::debug!(CAT, imp = self, "offered a pool"),
            Offer::NotWanted => gst::debug!(CAT, imp = self, "offered to read video metas"),
            Offer::NoPool(why) => gst::warning!(CAT, imp = self, "frames will be copied: {why}"),
            Offer::Refused(why) => return Err(gst::loggable_error!(CAT, "no memory offered: {why}")),
        }
        Ok(())
    }

    /// Frames go on in the memory that the module writes: pools of others would only lie about.
    fn decide_allocation(&self, query: &mut gst::query::Allocation) -> Result<(), gst::LoggableError> {
        for _ in 0..query.allocation_pools().count() {
            query.remove_nth_allocation_pool(0);
        }
        Ok(())
    }

    /// Same size, same time: all that was said about the frame stays true. But a crop is done: the module has seen
    /// nothing else, and the output holds nothing else.
    fn transform_meta<'a>(
        &self,
        _outbuf: &mut gst::BufferRef,
        meta: gst::MetaRef<'a, gst::Meta>,
        _inbuf: &'a gst::BufferRef,
    ) -> bool {
        meta.downcast_ref::<VideoCropMeta>().is_none()
    }

    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let Some(buffer) = self.take_queued_buffer() else { return Ok(GenerateOutputSuccess::NoOutput) };
        self.filter(buffer)
    }
}

impl EvModule {
    fn filter(&self, buffer: gst::Buffer) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let running = self.running().ok_or(gst::FlowError::Flushing)?;
        let settings = lock(&self.settings).clone();
        let mut stage = lock(&running.stage);
        self.adopt(&mut stage, &settings);
        let processed = running.process(&mut stage, &buffer, self.stream_time(&buffer), settings.on_error);
        drop(stage);
        let Processed { output, is_input, warning } = processed.map_err(|why| self.fail(&why))?;
        if let Some(sentence) = warning {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("{sentence}"));
        }
        match output {
            Some(output) => self.with_metadata(output, &buffer).map(GenerateOutputSuccess::Buffer),
            None if is_input => Ok(GenerateOutputSuccess::Buffer(buffer)),
            None => Ok(GenerateOutputSuccess::Dropped),
        }
    }

    /// Starts the module anew when its properties have changed. One that is refused is not tried again.
    fn adopt(&self, stage: &mut Stage, settings: &Settings) {
        let is_known = |other: &Settings| settings.need_the_same_module_as(other);
        if is_known(&stage.settings) {
            stage.refused = None;
            return;
        }
        if stage.refused.as_ref().is_some_and(is_known) {
            return;
        }
        match load::load(settings, &self.obj().name()) {
            Ok(filter) => {
                gst::info!(CAT, imp = self, "now module {}", filter.stage().module.info().name);
                (stage.filter, stage.settings, stage.refused) = (filter, settings.clone(), None);
                stage.told = Told::default();
            }
            Err(sentence) => {
                stage.refused = Some(settings.clone());
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Settings,
                    ("the change is refused, the module of before goes on: {sentence}")
                );
            }
        }
    }

    fn with_metadata(
        &self,
        mut output: gst::Buffer,
        from: &gst::Buffer,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let copied = output.get_mut().map(|content| self.parent_copy_metadata(from, content));
        match copied {
            Some(Ok(())) => Ok(output),
            Some(Err(error)) => Err(self.fail(&error.to_string())),
            None => Err(self.fail("a new buffer is shared already")),
        }
    }

    fn stream_time(&self, buffer: &gst::Buffer) -> Option<gst::ClockTime> {
        let segment = self.obj().segment();
        segment.downcast_ref::<gst::ClockTime>()?.to_stream_time(buffer.pts()?)
    }

    fn fail(&self, sentence: &str) -> gst::FlowError {
        gst::element_imp_error!(self, gst::CoreError::Failed, ("{sentence}"));
        gst::FlowError::Error
    }

    fn running(&self) -> Option<Arc<Running>> {
        lock(&self.running).clone()
    }

    fn stats(&self) -> Snapshot {
        self.running().map_or_else(|| lock(&self.last_stats).clone(), |running| running.snapshot())
    }
}
