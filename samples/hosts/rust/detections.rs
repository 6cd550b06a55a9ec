//! Detections in a pad probe, in Rust: the elements are part of the program, no plugin file is needed.
//!
//!     cargo build --workspace --examples
//!     target/debug/examples/detections [CLIP]
//!
//! Prints a line for each detection: stream time in seconds, label, confidence, x, y, width and height in pixels.

use std::process::ExitCode;

use gst::{glib, prelude::*};
use gstedgevision::detectionmeta;
use signal_hook::{consts::SIGINT, iterator::Signals};

/// Paths are relative to the repository's root. Modules are found by name.
const DETECTOR: [(&str, &str); 8] = [
    ("preprocess", "letterbox"),
    ("preprocess-params", r#"{"color": "bgr", "align": "top_left"}"#),
    ("detector", "yolo"),
    ("detector-params", r#"{"agnostic": true}"#),
    ("model", "samples/line3.onnx"),
    ("labels", "samples/line3.labels.txt"),
    ("threshold", "0.7"),
    ("class-thresholds", r#"{"tipped_over": 0.6}"#),
];

fn main() -> ExitCode {
    let clip = std::env::args().nth(1).unwrap_or_else(|| "samples/line3.mp4".to_owned());
    match build(&clip).and_then(|pipeline| run(&pipeline)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Error = Box<dyn std::error::Error>;

fn build(clip: &str) -> Result<gst::Pipeline, Error> {
    gst::init()?;
    gstedgevision::plugin_register_static()?;
    let source = gst::ElementFactory::make("filesrc").property("location", clip).build()?;
    let decode = gst::ElementFactory::make("decodebin").build()?;
    let detect = DETECTOR
        .iter()
        .fold(gst::ElementFactory::make("evdetect"), |detect, (name, value)| {
            detect.property_from_str(name, value)
        })
        .build()?;
    let sink = gst::ElementFactory::make("fakesink").build()?;

    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&source, &decode, &detect, &sink])?;
    source.link(&decode)?;
    detect.link(&sink)?;
    link_when_known(&decode, &detect)?;
    let pad = sink.static_pad("sink").ok_or("fakesink has no sink pad")?;
    pad.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
        if let Some(buffer) = info.buffer() {
            show(pad, buffer);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(pipeline)
}

/// A decoder has pads only when it has seen the clip; the first one that fits is taken.
fn link_when_known(decode: &gst::Element, detect: &gst::Element) -> Result<(), Error> {
    let target = detect.static_pad("sink").ok_or("evdetect has no sink pad")?;
    decode.connect_pad_added(move |decode, pad| {
        let is_video = pad.current_caps().is_some_and(|caps| caps.can_intersect(&target.pad_template_caps()));
        if is_video
            && !target.is_linked()
            && let Err(error) = pad.link(&target)
        {
            gst::element_error!(decode, gst::CoreError::Pad, ("evdetect does not take this video: {error}"));
        }
    });
    Ok(())
}

/// Called in the streaming thread: while it runs, the frame waits.
fn show(pad: &gst::Pad, buffer: &gst::BufferRef) {
    // The report tells more than the regions: status, timings, modules, how the frame travelled.
    let Some(report) = detectionmeta::report(buffer) else { return };
    let seconds = stream_time(pad, buffer).map_or(-1.0, gst::ClockTime::seconds_f64);
    for region in detectionmeta::detections(buffer) {
        let (x, y, w, h) = region.rect;
        let confidence = region.confidence.unwrap_or_default();
        println!("{seconds:.3} {} {confidence:.4} {x} {y} {w} {h}", region.label);
    }
    if let Some(message) = &report.analysis.message {
        eprintln!("frame {} was not analysed: {message}", report.seq);
    }
}

fn stream_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    event.segment().downcast_ref::<gst::ClockTime>()?.to_stream_time(buffer.pts())
}

/// Ctrl-C: the end of the stream lets the frames in flight come out. A second one does not wait for it.
fn end_on_interrupt(pipeline: &gst::Pipeline) -> Result<(), Error> {
    let mut signals = Signals::new([SIGINT])?;
    let pipeline = pipeline.downgrade();
    std::thread::spawn(move || {
        for nth in signals.forever().enumerate().map(|(nth, _)| nth) {
            match pipeline.upgrade() {
                Some(pipeline) if nth == 0 => _ = pipeline.send_event(gst::event::Eos::new()),
                _ => std::process::exit(130),
            }
        }
    });
    Ok(())
}

/// Plays to the end, to an error or to Ctrl-C.
fn run(pipeline: &gst::Pipeline) -> Result<(), Error> {
    end_on_interrupt(pipeline)?;
    let main_loop = glib::MainLoop::new(None, false);
    let failure = std::rc::Rc::new(std::cell::RefCell::new(None));
    let (bus_loop, bus_failure) = (main_loop.clone(), failure.clone());
    let bus = pipeline.bus().ok_or("a pipeline has a bus")?;
    let _watch = bus.add_watch_local(move |_, message| {
        match message.view() {
            gst::MessageView::Eos(_) => bus_loop.quit(),
            gst::MessageView::Error(error) => {
                let details = error.debug().unwrap_or_default();
                bus_failure.replace(Some(format!("{} ({details})", error.error())));
                bus_loop.quit();
            }
            gst::MessageView::Warning(warning) => eprintln!("{}", warning.error()),
            _ => {}
        }
        glib::ControlFlow::Continue
    })?;
    // What fails here tells why on the bus.
    let started = pipeline.set_state(gst::State::Playing);
    main_loop.run();
    pipeline.set_state(gst::State::Null)?;
    match failure.take() {
        Some(error) => Err(error.into()),
        None => started.map(|_| ()).map_err(Into::into),
    }
}
