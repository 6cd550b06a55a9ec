//! GObject glue of `evoverlay`.

use std::{
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

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
    annotate::{self, Holder},
    draw::{Plane, plane_formats},
    scene::{self, Badge, Scene, Stroke},
    settings::{Settings, properties},
    style::{self, ColorSpace},
};
use crate::detectionmeta;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "edgevision-evoverlay",
        gst::DebugColorFlags::empty(),
        Some("evoverlay: what is drawn into frames"),
    )
});

const FORMATS: [gst_video::VideoFormat; 5] = [
    gst_video::VideoFormat::I420,
    gst_video::VideoFormat::Nv12,
    gst_video::VideoFormat::Gray8,
    gst_video::VideoFormat::Rgb,
    gst_video::VideoFormat::Bgr,
];

/// From `set_caps` to `stop`.
struct State {
    info: gst_video::VideoInfo,
    /// One for each detector, in the order of their reports.
    holders: Vec<Holder>,
}

/// Implementation of `evoverlay`.
#[derive(Default)]
pub struct EvOverlay {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
}

impl EvOverlay {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overlay(&self, buffer: gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        let settings = self.settings().clone();
        let (info, scene) = {
            let mut state = self.state();
            let Some(State { info, holders }) = state.as_mut() else {
                gst::element_imp_error!(self, gst::CoreError::Negotiation, ("a frame came before its caps"));
                return Err(gst::FlowError::NotNegotiated);
            };
            (info.clone(), scene(&buffer, info, holders, &settings))
        };
        if scene.is_empty() {
            return Ok(buffer);
        }
        let strokes = scene::layout(&scene, &settings.style, info.width() as usize, info.height() as usize);
        let mut frame = self.writable(buffer, &info)?;
        draw(&mut frame, &strokes, &info);
        Ok(frame.into_buffer())
    }

    /// The frame itself when nobody else can see it, else a copy. A buffer of our own may still show memory that
    /// a decoder reads as its reference, so each memory counts, too.
    fn writable(
        &self,
        buffer: gst::Buffer,
        info: &gst_video::VideoInfo,
    ) -> Result<gst_video::VideoFrame<gst_video::video_frame::Writable>, gst::FlowError> {
        let buffer = if buffer.is_writable() && buffer.is_all_memory_writable() {
            buffer
        } else {
            self.copy(&buffer, info)?
        };
        gst_video::VideoFrame::from_buffer_writable(buffer, info).map_err(|_| self.unmappable(info))
    }

    fn copy(&self, buffer: &gst::Buffer, info: &gst_video::VideoInfo) -> Result<gst::Buffer, gst::FlowError> {
        let copied = match self.parent_prepare_output_buffer(InputBuffer::Readable(buffer))? {
            PrepareOutputBufferSuccess::Buffer(copied) => copied,
            PrepareOutputBufferSuccess::InputBuffer => {
                buffer.copy_deep().map_err(|_| self.unmappable(info))?
            }
        };
        let source = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
            .map_err(|_| self.unmappable(info))?;
        let mut target =
            gst_video::VideoFrame::from_buffer_writable(copied, info).map_err(|_| self.unmappable(info))?;
        source.copy(&mut target.as_mut_video_frame_ref()).map_err(|_| self.unmappable(info))?;
        Ok(target.into_buffer())
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

/// What all detectors of the frame have reported, and what other people's elements have found.
fn scene(
    buffer: &gst::BufferRef,
    info: &gst_video::VideoInfo,
    holders: &mut Vec<Holder>,
    settings: &Settings,
) -> Scene {
    let reports = detectionmeta::reports(buffer);
    holders.resize_with(reports.len(), Holder::default);
    let mut boxes = annotate::from_regions(&detectionmeta::foreign_detections(buffer));
    let mut state = None;
    for (report, holder) in reports.iter().zip(holders) {
        let shown = holder.shown(report, settings.hold);
        let shown_boxes =
            shown.iter().flat_map(|shown| annotate::from_report(shown, info.width(), info.height()));
        boxes.extend(shown_boxes);
        state = state.or_else(|| annotate::badge(report.analysis.status, shown.is_some()));
    }
    let notice = Some(Badge { text: settings.notice.clone(), color: style::NOTICE });
    Scene {
        boxes,
        banner: banner(settings, reports.first().map(|report| report.system_time_ns)),
        badge: notice.filter(|badge| !badge.text.is_empty()).or(state),
    }
}

fn banner(settings: &Settings, frame_time_ns: Option<u64>) -> Option<String> {
    let time = settings.show_time.then(|| frame_time_ns.unwrap_or_else(now_ns));
    annotate::banner(&settings.camera_name, time)
}

fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}

fn draw(
    frame: &mut gst_video::VideoFrame<gst_video::video_frame::Writable>,
    strokes: &[Stroke],
    info: &gst_video::VideoInfo,
) {
    let space = if info.is_rgb() { ColorSpace::Rgb } else { ColorSpace::yuv(&info.colorimetry()) };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    for (index, &format) in (0_u32..).zip(plane_formats(frame.format())) {
        let stride = usize::try_from(frame.plane_stride()[index as usize]).unwrap_or(0);
        // A plane that cannot be had, or one with its rows upside down (negative stride), is left alone.
        let Ok(data) = frame.plane_data_mut(index) else { continue };
        let (width, height) = (width.div_ceil(format.subsampling), height.div_ceil(format.subsampling));
        if stride >= width * format.step() {
            Plane { data, stride, width, height, format }.draw(strokes, space);
        }
    }
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
        if !self.settings().set(pspec.name(), value) {
            gst::warning!(CAT, imp = self, "no property {} to set", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        self.settings().get(pspec.name()).unwrap_or_else(|| pspec.default_value().clone())
    }
}

impl GstObjectImpl for EvOverlay {}

impl ElementImpl for EvOverlay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Detection overlay",
                "Filter/Effect/Video",
                "Draws what evdetect found into the frame",
                "The edgevision developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_video::VideoCapsBuilder::new().format_list(FORMATS).build();
            [("src", gst::PadDirection::Src), ("sink", gst::PadDirection::Sink)]
                .into_iter()
                .filter_map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
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
        *self.state() = None;
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "no video in these caps: {incaps}"))?;
        *self.state() = Some(State { info, holders: Vec::new() });
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
