//! Builds a camera's pipeline.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gst::prelude::*;
use gstedgevision::detectionmeta;

use super::names;
use crate::{
    config::{Analyze, Camera, Labels, Policy},
    output::{json_lines::JsonLinesOutput, rtsp_mount::Mount},
    source::CameraSource,
    supervise::{Failure, FailureKind},
};

/// What a camera's frames and detections go to; shared by all its pipelines, one after the other.
#[derive(Clone)]
pub struct CameraOutputs {
    /// Detection records.
    pub json_lines: Option<Arc<JsonLinesOutput>>,
    /// The RTSP stream.
    pub mount: Option<Arc<Mount>>,
}

/// What has come in from the source.
#[derive(Debug, Default)]
struct Arrivals {
    frames: AtomicU64,
    /// In nanoseconds, as the source gives it.
    last_pts: AtomicU64,
    /// The last one of the round before, when a clip is looped; 0 before the second round.
    round_end: AtomicU64,
}

/// One camera's pipeline; stopped when dropped.
pub struct CameraGraph {
    /// The pipeline.
    pub pipeline: gst::Pipeline,
    /// Its `evdetect`.
    pub detect: gst::Element,
    convert: gst::Element,
    arrivals: Arc<Arrivals>,
    detections: Arc<AtomicU64>,
}

impl CameraGraph {
    /// Puts the elements together; nothing runs yet.
    ///
    /// # Errors
    /// When an element is missing or a setting is refused.
    pub fn build(camera: &Camera, source: &CameraSource, outputs: &CameraOutputs) -> Result<Self, Failure> {
        let pipeline = gst::Pipeline::with_name(&camera.name);
        let convert = make("videoconvert", names::CONVERT)?;
        let detect = detect(camera)?;
        let mut chain = vec![source.element.clone(), convert.clone(), detect.clone()];
        if let Some(json_lines) = &outputs.json_lines {
            chain.push(json_lines.element(names::PUBLISH, &camera.name)?);
        }
        let detections = Arc::new(AtomicU64::new(0));
        chain.push(tap(source.realtime && !source.live, outputs.mount.clone(), Arc::clone(&detections)));
        pipeline.add_many(&chain).and_then(|()| gst::Element::link_many(&chain)).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("camera {}: {error}", camera.name))
        })?;
        Ok(Self { arrivals: watch_arrivals(&convert), pipeline, detect, convert, detections })
    }

    /// The pad through which the source's frames come in.
    #[must_use]
    pub fn entry(&self) -> Option<gst::Pad> {
        self.convert.static_pad("sink")
    }

    /// Frames that the source has delivered so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.arrivals.frames.load(Ordering::Relaxed)
    }

    /// Where in its clip the last frame was.
    #[must_use]
    pub fn reached(&self) -> Option<gst::ClockTime> {
        self.stream_time(self.arrivals.last_pts.load(Ordering::Relaxed))
    }

    /// Where in its looped clip the last frame of the round before was, from the second round on.
    #[must_use]
    pub fn round_end(&self) -> Option<gst::ClockTime> {
        let pts = self.arrivals.round_end.load(Ordering::Relaxed);
        (pts > 0).then(|| self.stream_time(pts)).flatten()
    }

    fn stream_time(&self, pts: u64) -> Option<gst::ClockTime> {
        let segment = self.entry()?.sticky_event::<gst::event::Segment>(0)?;
        let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
        segment.to_stream_time(gst::ClockTime::from_nseconds(pts))
    }

    /// Detections in all frames so far.
    #[must_use]
    pub fn detections(&self) -> u64 {
        self.detections.load(Ordering::Relaxed)
    }
}

impl Drop for CameraGraph {
    fn drop(&mut self) {
        // Going down cannot fail in a way that anybody could act upon.
        let _result = self.pipeline.set_state(gst::State::Null);
    }
}

/// A GStreamer element, or a failure that names the Debian package it comes with.
pub(crate) fn make(factory: &str, name: &str) -> Result<gst::Element, Failure> {
    gst::ElementFactory::make(factory).name(name).build().map_err(|_| {
        Failure::new(
            FailureKind::NoPlugin,
            format!(
                "the GStreamer element `{factory}` is missing; on Debian install gstreamer1.0-plugins-base"
            ),
        )
    })
}

fn watch_arrivals(convert: &gst::Element) -> Arc<Arrivals> {
    let arrivals = Arc::new(Arrivals::default());
    let watcher = Arc::clone(&arrivals);
    if let Some(pad) = convert.static_pad("sink") {
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            watcher.frames.fetch_add(1, Ordering::Relaxed);
            if let Some(pts) = info.buffer().and_then(|buffer| buffer.pts()) {
                let before = watcher.last_pts.swap(pts.nseconds(), Ordering::Relaxed);
                if pts.nseconds() < before {
                    watcher.round_end.store(before, Ordering::Relaxed);
                }
            }
            gst::PadProbeReturn::Ok
        });
    }
    arrivals
}

/// The `evdetect` of a camera: the same properties that anybody sets in a pipeline of their own.
fn detect(camera: &Camera) -> Result<gst::Element, Failure> {
    let analyze = &camera.analyze;
    let detect = make("evdetect", names::DETECT)?;
    detect.set_property("camera", &camera.name);
    detect.set_property("interval", analyze.every);
    detect.set_property_from_str("policy", policy(analyze.policy));
    detect.set_property("queue-size", analyze.queue);
    detect.set_property("preprocess", path_text(&analyze.preprocess.path));
    detect.set_property("preprocess-params", json(&analyze.preprocess.params));
    detect.set_property("detector", path_text(&analyze.detect.path));
    detect.set_property("detector-params", json(&analyze.detect.params));
    detect.set_property("threshold", analyze.threshold);
    detect.set_property("class-thresholds", json(&analyze.class_thresholds));
    detect.set_property("deadline", u64::try_from(analyze.deadline.get().as_nanos()).unwrap_or(u64::MAX));
    detect.set_property("memory-limit", analyze.memory.get());
    detect.set_property("load-models", analyze.allows_models());
    detect.set_property("max-detections", analyze.max_detections);
    detect.set_property("max-failures", analyze.max_failures);
    set_model(&detect, analyze);
    Ok(detect)
}

fn set_model(detect: &gst::Element, analyze: &Analyze) {
    let Some(model) = &analyze.model else { return };
    detect.set_property("model", path_text(&model.path));
    detect.set_property("engine", model.engine.as_str());
    let threads = model.threads.or(|| 1);
    detect.set_property("model-threads", u32::try_from(threads).unwrap_or(u32::MAX));
    detect.set_property_from_str("performance", model.performance.as_str());
    detect.set_property_from_str("precision", model.precision.as_str());
    detect.set_property("device", model.device.as_deref().unwrap_or_default());
    if !model.options.is_empty() {
        detect.set_property("engine-options", json(&model.options));
    }
    match &model.labels {
        Some(Labels::File(path)) => detect.set_property("labels", path_text(path)),
        Some(Labels::List(names)) => detect.set_property("label-list", names.join("\n")),
        None => {}
    }
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Auto => "auto",
        Policy::Newest => "newest",
        Policy::Every => "every",
    }
}

fn path_text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The end of the pipeline. `realtime` makes it the clock's pace that frames leave at; then everything before it
/// waits. It never keeps a frame: that would keep a slot of the arena.
fn tap(realtime: bool, mount: Option<Arc<Mount>>, detections: Arc<AtomicU64>) -> gst::Element {
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(report) = sample.buffer().and_then(detectionmeta::report) {
                detections.fetch_add(report.analysis.detections.len() as u64, Ordering::Relaxed);
            }
            if let Some(mount) = &mount {
                mount.feed(&sample);
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    let sink = gst_app::AppSink::builder()
        .name(names::TAP)
        .sync(realtime)
        .max_buffers(1)
        .callbacks(callbacks)
        .build();
    sink.set_property("enable-last-sample", false);
    sink.set_property("qos", false);
    sink.upcast()
}
