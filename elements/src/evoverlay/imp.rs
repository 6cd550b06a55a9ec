//! GObject glue of `evoverlay`.

use std::sync::{Arc, LazyLock, Mutex};

use gst::{glib, subclass::prelude::*};
use gst_base::{
    prelude::*,
    subclass::{
        base_transform::{BaseTransformMode, GenerateOutputSuccess, InputBuffer, PrepareOutputBufferSuccess},
        prelude::*,
    },
};
use gst_video::prelude::*;

use super::{
    annotate::{self, Frame, Memory},
    color::{self, ColorSpace},
    draw::Plane,
    format::{formats, plane_formats},
    hold::Moment,
    layout::layout,
    own,
    scene::{Badge, Extent, Scene, Stroke},
    settings::{Settings, properties},
    text::Texts,
};
use crate::{
    detectionmeta,
    glue::{self, lock},
};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-evoverlay",
        gst::DebugColorFlags::empty(),
        Some("evoverlay: what is drawn into frames"),
    )
});

type Writable = gst_video::VideoFrame<gst_video::video_frame::Writable>;

/// From the first `set_caps` to `stop`.
struct State {
    info: gst_video::VideoInfo,
    memory: Memory,
    texts: Texts,
}

/// Implementation of `evoverlay`.
#[derive(Default)]
pub struct EvOverlay {
    settings: Mutex<Arc<Settings>>,
    state: Mutex<Option<State>>,
}

impl EvOverlay {
    fn overlay(&self, buffer: gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        let Some((info, strokes)) = self.strokes(&buffer) else {
            gst::element_imp_error!(self, gst::CoreError::Negotiation, ("a frame came before its caps"));
            return Err(gst::FlowError::NotNegotiated);
        };
        // Streams mark time that passed without a picture with empty buffers.
        if strokes.is_empty() || buffer.size() == 0 {
            gst::log!(CAT, imp = self, "{:?}: nothing to draw", buffer.pts());
            return Ok(buffer);
        }
        let mut frame = self.writable(buffer, &info)?;
        draw(&mut frame, &strokes, &info).map_err(|_| self.unmappable(&info))?;
        Ok(frame.into_buffer())
    }

    /// What is drawn on this frame; `None` before the caps.
    fn strokes(&self, buffer: &gst::BufferRef) -> Option<(gst_video::VideoInfo, Vec<Stroke>)> {
        let settings = Arc::clone(&lock(&self.settings));
        let mut state = lock(&self.state);
        let State { info, memory, texts } = state.as_mut()?;
        let scene = scene(buffer, memory, &settings);
        let strokes =
            if scene.is_empty() { Vec::new() } else { layout(&scene, &settings.style, extent(info), texts) };
        Some((info.clone(), strokes))
    }

    /// The frame itself when nobody else can see it, else a copy.
    fn writable(&self, buffer: gst::Buffer, info: &gst_video::VideoInfo) -> Result<Writable, gst::FlowError> {
        if own::is_ours(&buffer) {
            gst::log!(CAT, imp = self, "{:?}: drawn in place", buffer.pts());
            return gst_video::VideoFrame::from_buffer_writable(buffer, info)
                .map_err(|_| self.unmappable(info));
        }
        gst::log!(CAT, imp = self, "{:?}: drawn on a copy", buffer.pts());
        match self.parent_prepare_output_buffer(InputBuffer::Readable(&buffer))? {
            PrepareOutputBufferSuccess::Buffer(copied) => own::copy_picture(&buffer, copied, info),
            PrepareOutputBufferSuccess::InputBuffer => buffer
                .copy_deep()
                .ok()
                .and_then(|copied| gst_video::VideoFrame::from_buffer_writable(copied, info).ok()),
        }
        .ok_or_else(|| self.unmappable(info))
    }

    fn unmappable(&self, info: &gst_video::VideoInfo) -> gst::FlowError {
        let (width, height, format) = (info.width(), info.height(), info.format());
        gst::element_imp_error!(
            self,
            gst::StreamError::Format,
            ("a buffer does not hold the {width}x{height} {format} frame that its caps announce")
        );
        gst::FlowError::Error
    }
}

fn extent(info: &gst_video::VideoInfo) -> Extent {
    let (width, height) = (info.width() as usize, info.height() as usize);
    Extent { width, height, is_interlaced: info.is_interlaced() }
}

fn scene(buffer: &gst::BufferRef, memory: &mut Memory, settings: &Settings) -> Scene {
    let reports = detectionmeta::reports(buffer);
    let regions = detectionmeta::detections(buffer);
    let moment =
        Moment { stream_ns: buffer.pts().map(gst::ClockTime::nseconds), system_ns: glue::unix_time_ns() };
    let view = memory.view(&Frame { reports: &reports, regions: &regions, moment }, settings.hold);
    let notice = Badge { text: settings.notice.clone(), color: color::NOTICE };
    let notice = Some(notice).filter(|badge| !badge.text.is_empty());
    let status = settings.show_status.then(|| annotate::badge(&reports, view.is_known)).flatten();
    let time = reports.first().map_or(moment.system_ns, |report| report.system_time_ns);
    Scene {
        banner: annotate::banner(&settings.camera_name, settings.show_time.then_some(time)),
        badge: notice.or(status),
        ..settings.choice.scene(view)
    }
}

/// All of it or an error: an object that is to be hidden must not shine through on one plane.
fn draw(
    frame: &mut Writable,
    strokes: &[Stroke],
    info: &gst_video::VideoInfo,
) -> Result<(), glib::BoolError> {
    let space = ColorSpace::of(info);
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    for (index, &format) in (0_u32..).zip(plane_formats(frame.format())) {
        let stride = usize::try_from(frame.plane_stride()[index as usize]).unwrap_or(0);
        let data = frame.plane_data_mut(index)?;
        let (width, height) = format.units(width, height);
        let last_row = stride.saturating_mul(height.saturating_sub(1));
        if stride < width * format.step() || data.len() < last_row.saturating_add(width * format.step()) {
            return Err(glib::bool_error!("plane {index} is too short"));
        }
        Plane { data, stride, width, height, format }.draw(strokes, space);
    }
    Ok(())
}

#[glib::object_subclass]
impl ObjectSubclass for EvOverlay {
    const NAME: &'static str = "GstEvOverlay";
    type Type = super::EvOverlay;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for EvOverlay {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if !Arc::make_mut(&mut lock(&self.settings)).set(pspec.name(), value) {
            gst::warning!(CAT, imp = self, "no property {} to set", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        lock(&self.settings).get(pspec.name()).unwrap_or_else(|| pspec.default_value().clone())
    }
}

impl GstObjectImpl for EvOverlay {}

impl ElementImpl for EvOverlay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Detection overlay",
                "Filter/Effect/Video",
                "Draws boxes and labels of detections, or hides what was detected",
                "The edgevision developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_video::VideoCapsBuilder::new().format_list(formats()).build();
            glue::filter_pads(&caps)
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for EvOverlay {
    // The base class then provides output buffers (downstream's pool); whether one is needed is decided here.
    const MODE: BaseTransformMode = BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "no video in these caps: {incaps}"))?;
        gst::debug!(CAT, imp = self, "frames: {incaps}");
        let mut state = lock(&self.state);
        let mut next = state.take().unwrap_or_else(|| State {
            info: info.clone(),
            memory: Memory::default(),
            texts: Texts::default(),
        });
        next.memory.rescale(ratio(info.width(), next.info.width()), ratio(info.height(), next.info.height()));
        next.info = info;
        *state = Some(next);
        Ok(())
    }

    fn unit_size(&self, caps: &gst::Caps) -> Option<usize> {
        gst_video::VideoInfo::from_caps(caps).ok().map(|info| info.size())
    }

    /// Decoders pad their frames; a copy has the size that its caps ask for.
    fn transform_size(
        &self,
        _direction: gst::PadDirection,
        _caps: &gst::Caps,
        _size: usize,
        othercaps: &gst::Caps,
    ) -> Option<usize> {
        self.unit_size(othercaps)
    }

    /// Frames with nothing to draw pass as they are, so upstream must hear what downstream can take.
    fn propose_allocation(
        &self,
        _decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let answered = self.obj().src_pad().peer_query(query);
        answered.then_some(()).ok_or_else(|| gst::loggable_error!(CAT, "downstream proposes nothing"))
    }

    fn decide_allocation(&self, query: &mut gst::query::Allocation) -> Result<(), gst::LoggableError> {
        own::prepare_pool(query).map_err(|error| gst::loggable_error!(CAT, "no pool for copies: {error}"))?;
        self.parent_decide_allocation(query)
    }

    fn transform_meta<'a>(
        &self,
        _outbuf: &mut gst::BufferRef,
        _meta: gst::MetaRef<'a, gst::Meta>,
        _inbuf: &'a gst::BufferRef,
    ) -> bool {
        // Same picture, same size: all that was said about it stays true.
        true
    }

    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let Some(buffer) = self.take_queued_buffer() else { return Ok(GenerateOutputSuccess::NoOutput) };
        self.overlay(buffer).map(GenerateOutputSuccess::Buffer)
    }
}

#[allow(clippy::cast_precision_loss, reason = "frames are far below 2^24 pixels wide")]
fn ratio(now: u32, before: u32) -> f32 {
    now as f32 / before.max(1) as f32
}
