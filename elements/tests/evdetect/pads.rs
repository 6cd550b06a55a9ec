//! A detector between two pads of ours: every buffer, event and query that goes in or comes out is seen, and what
//! downstream answers can be chosen.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use gst::prelude::*;
use gstedgevision::detectionmeta::{self, FrameReport};

use super::support::{Module, init};

pub const CAPS: &str = "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1";
const BYTES: usize = 256;
const PATIENCE: Duration = Duration::from_secs(60);

/// What came out of the src pad.
#[derive(Clone, Debug)]
pub enum Out {
    Buffer(gst::Buffer),
    Event(gst::Event),
    Query(gst::QueryType),
}

/// A short name for asserts: the pts in milliseconds, or the kind of event or query.
pub fn name(out: &Out) -> String {
    match out {
        Out::Buffer(buffer) => buffer.pts().map_or("no-pts".into(), |pts| pts.mseconds().to_string()),
        Out::Event(event) => event
            .structure()
            .filter(|_| event.type_().name().starts_with("custom"))
            .map_or_else(|| event.type_().name().to_string(), |fields| fields.name().to_string()),
        Out::Query(kind) => format!("query-{}", kind.name()),
    }
}

#[derive(Default)]
struct Seen {
    out: Mutex<Vec<Out>>,
    upstream: Mutex<Vec<gst::Event>>,
    changed: Condvar,
    answer: Mutex<Option<gst::FlowError>>,
    caps_refused: Mutex<Option<String>>,
    latency: Mutex<(bool, u64, Option<u64>)>,
}

impl Seen {
    fn note(&self, out: Out) {
        self.out.lock().unwrap().push(out);
        self.changed.notify_all();
    }

    fn flow(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.answer.lock().unwrap().map_or(Ok(gst::FlowSuccess::Ok), Err)
    }
}

pub struct Rig {
    pub element: gst::Element,
    /// Upstream of the detector.
    pub src: gst::Pad,
    /// Downstream of the detector.
    pub sink: gst::Pad,
    pub bus: gst::Bus,
    seen: Arc<Seen>,
    _module: Module,
}

impl Rig {
    /// A playing detector with four workers that analyses every frame, which has been told stream and caps.
    pub fn new(module: Module) -> Self {
        Self::with(module, |_| ())
    }

    pub fn with(module: Module, set: impl FnOnce(&gst::Element)) -> Self {
        let rig = Self::silent(module, set);
        rig.begin("first");
        rig
    }

    /// One that has seen no event yet.
    pub fn silent(module: Module, set: impl FnOnce(&gst::Element)) -> Self {
        init();
        let element = gst::ElementFactory::make("evdetect")
            .property("preprocess", module.path().to_str().unwrap())
            .property("workers", 4u32)
            .property("deadline", 30_000_000_000u64)
            .property_from_str("policy", "every")
            .build()
            .unwrap();
        set(&element);
        Self::around(element, module)
    }

    /// The detector with other elements behind it.
    pub fn with_behind(module: Module, behind: &str) -> Self {
        init();
        let detect = format!(
            "evdetect preprocess={} workers=4 deadline=30000000000 policy=every",
            module.path().display()
        );
        let bin = gst::parse::bin_from_description(&format!("{detect} ! {behind}"), true).unwrap();
        let rig = Self::around(bin.upcast(), module);
        rig.begin("first");
        rig
    }

    fn around(element: gst::Element, module: Module) -> Self {
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let seen = Arc::new(Seen::default());
        let (src, sink) = (upstream_pad(&seen), downstream_pad(&seen));
        src.link(&element.static_pad("sink").unwrap()).unwrap();
        element.static_pad("src").unwrap().link(&sink).unwrap();
        let rig = Self { element, src, sink, bus, seen, _module: module };
        rig.start();
        rig
    }

    pub fn start(&self) {
        self.sink.set_active(true).unwrap();
        self.element.set_state(gst::State::Playing).unwrap();
        self.src.set_active(true).unwrap();
    }

    pub fn stop(&self) {
        self.sink.set_active(false).unwrap();
        self.element.set_state(gst::State::Null).unwrap();
        self.src.set_active(false).unwrap();
    }

    /// Stream-start, caps and a segment from 0.
    pub fn begin(&self, stream: &str) {
        assert!(self.event(gst::event::StreamStart::new(stream)));
        assert!(self.caps(CAPS));
        assert!(self.segment());
    }

    pub fn event(&self, event: gst::Event) -> bool {
        self.src.push_event(event)
    }

    pub fn caps(&self, text: &str) -> bool {
        self.event(gst::event::Caps::new(&text.parse::<gst::Caps>().unwrap()))
    }

    pub fn segment(&self) -> bool {
        self.event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()))
    }

    pub fn flush(&self) {
        assert!(self.event(gst::event::FlushStart::new()));
        assert!(self.event(gst::event::FlushStop::new(true)));
        assert!(self.segment());
    }

    /// Frame `n` of a stream of 25 frames a second.
    pub fn push(&self, n: u64) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.src.push(buffer(n))
    }

    /// Pushes these frames; downstream wants them.
    #[track_caller]
    pub fn push_all(&self, frames: std::ops::Range<u64>) {
        for n in frames {
            self.push(n).unwrap();
        }
    }

    /// Pushes frames until downstream's answer arrives.
    #[track_caller]
    pub fn push_until_refused(&self, from: u64) -> gst::FlowError {
        let begin = Instant::now();
        for n in from.. {
            assert!(begin.elapsed() < PATIENCE, "nothing is refused");
            if let Err(flow) = self.push(n) {
                return flow;
            }
        }
        unreachable!("numbers do not end")
    }

    /// Downstream answers `flow`; pushes frames until upstream is told.
    #[track_caller]
    pub fn refuse(&self, flow: gst::FlowError) {
        self.answer(Some(flow));
        assert_eq!(self.push_until_refused(0), flow);
    }

    pub fn answer(&self, answer: Option<gst::FlowError>) {
        *self.seen.answer.lock().unwrap() = answer;
    }

    /// Downstream refuses caps of this format.
    pub fn refuse_format(&self, format: &str) {
        *self.seen.caps_refused.lock().unwrap() = Some(format.to_owned());
    }

    /// What upstream answers to a LATENCY query, in milliseconds.
    pub fn upstream_latency(&self, live: bool, min: u64, max: Option<u64>) {
        *self.seen.latency.lock().unwrap() = (live, min, max);
    }

    pub fn out(&self) -> Vec<Out> {
        self.seen.out.lock().unwrap().clone()
    }

    pub fn names(&self) -> Vec<String> {
        self.out().iter().map(name).collect()
    }

    pub fn buffers(&self) -> Vec<gst::Buffer> {
        let buffer = |out| if let Out::Buffer(buffer) = out { Some(buffer) } else { None };
        self.out().into_iter().filter_map(buffer).collect()
    }

    pub fn reports(&self) -> Vec<Arc<FrameReport>> {
        self.buffers().iter().map(|buffer| detectionmeta::report(buffer).expect("a report")).collect()
    }

    pub fn forget(&self) {
        self.seen.out.lock().unwrap().clear();
    }

    /// Events that came back upstream.
    pub fn upstream(&self) -> Vec<gst::Event> {
        self.seen.upstream.lock().unwrap().clone()
    }

    /// Waits until what came out is as wanted.
    #[track_caller]
    pub fn wait_until(&self, wanted: impl Fn(&[Out]) -> bool) {
        let out = self.seen.out.lock().unwrap();
        let (out, waited) = self.seen.changed.wait_timeout_while(out, PATIENCE, |out| !wanted(out)).unwrap();
        assert!(!waited.timed_out(), "came out: {:?}", out.iter().map(name).collect::<Vec<_>>());
    }

    #[track_caller]
    pub fn wait_for(&self, last: &str) {
        self.wait_until(|out| out.last().is_some_and(|out| name(out) == last));
    }

    #[track_caller]
    pub fn wait_for_buffers(&self, count: usize) {
        self.wait_until(|out| out.iter().filter(|out| matches!(out, Out::Buffer(_))).count() >= count);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.answer(None);
        self.stop();
        self.element.set_bus(None);
    }
}

/// A grey frame, 40 ms each.
pub fn buffer(n: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![u8::try_from(n % 251).unwrap(); BYTES]);
    let content = buffer.get_mut().unwrap();
    content.set_pts(gst::ClockTime::from_mseconds(n * 40));
    content.set_duration(gst::ClockTime::from_mseconds(40));
    buffer
}

/// A serialized custom event.
pub fn marker(name: &str) -> gst::Event {
    gst::event::CustomDownstream::new(gst::Structure::new_empty(name))
}

/// Without a template, a pad would take no other caps than those it has.
fn any(direction: gst::PadDirection) -> gst::PadTemplate {
    gst::PadTemplate::new("any", direction, gst::PadPresence::Always, &gst::Caps::new_any()).unwrap()
}

fn upstream_pad(seen: &Arc<Seen>) -> gst::Pad {
    let (events, queries) = (seen.clone(), seen.clone());
    gst::Pad::builder_from_template(&any(gst::PadDirection::Src))
        .event_function(move |_, _, event| {
            events.upstream.lock().unwrap().push(event);
            true
        })
        .query_function(move |pad, parent, query| match query.view_mut() {
            gst::QueryViewMut::Latency(query) => {
                let (live, min, max) = *queries.latency.lock().unwrap();
                query.set(live, gst::ClockTime::from_mseconds(min), max.map(gst::ClockTime::from_mseconds));
                true
            }
            gst::QueryViewMut::Position(query) if query.format() == gst::Format::Time => {
                query.set(gst::ClockTime::from_seconds(7));
                true
            }
            gst::QueryViewMut::Duration(query) if query.format() == gst::Format::Time => {
                query.set(gst::ClockTime::from_seconds(70));
                true
            }
            gst::QueryViewMut::Uri(query) => {
                query.set_uri(Some("file:///clip"));
                true
            }
            gst::QueryViewMut::Custom(query) => {
                query.structure_mut().set("answered-by", "upstream");
                true
            }
            _ => gst::Pad::query_default(pad, parent, query),
        })
        .build()
}

fn downstream_pad(seen: &Arc<Seen>) -> gst::Pad {
    let (frames, events, queries) = (seen.clone(), seen.clone(), seen.clone());
    gst::Pad::builder_from_template(&any(gst::PadDirection::Sink))
        .chain_function(move |_, _, buffer| {
            // Before a test sees the buffer and chooses another answer.
            let flow = frames.flow();
            frames.note(Out::Buffer(buffer));
            flow
        })
        .event_function(move |_, _, event| {
            let refused = match event.view() {
                gst::EventView::Caps(caps) => {
                    let format =
                        caps.caps().structure(0).and_then(|fields| fields.get::<String>("format").ok());
                    events.caps_refused.lock().unwrap().as_ref().is_some_and(|no| Some(no) == format.as_ref())
                }
                _ => false,
            };
            events.note(Out::Event(event));
            !refused
        })
        .query_function(move |pad, parent, query| {
            match query.view_mut() {
                gst::QueryViewMut::Custom(query) => query.structure_mut().set("answered-by", "downstream"),
                gst::QueryViewMut::Drain(_) => (),
                _ => return gst::Pad::query_default(pad, parent, query),
            }
            queries.note(Out::Query(query.type_()));
            true
        })
        .build()
}
