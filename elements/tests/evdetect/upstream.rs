//! Events and queries that go against the stream, and queries that go with it.

use gst::prelude::*;

use super::{pads::Rig, support::Module};

fn upstream_events() -> Vec<gst::Event> {
    let navigation =
        gst::Structure::builder("application/x-gst-navigation").field("event", "mouse-move").build();
    let custom = gst::Structure::builder("line3").field("belt", "left").build();
    vec![
        gst::event::Qos::new(gst::QOSType::Underflow, 0.5, 40_000_000, gst::ClockTime::from_seconds(3)),
        gst::event::Qos::new(gst::QOSType::Throttle, 2.0, -7, gst::ClockTime::from_seconds(4)),
        gst::event::Navigation::new(navigation),
        gst::event::Latency::new(gst::ClockTime::from_mseconds(120)),
        gst::event::Reconfigure::new(),
        gst::event::CustomUpstream::new(custom),
        gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build(),
    ]
}

#[test]
fn upstream_events_pass_unchanged_also_with_frames_in_flight() {
    let rig = Rig::new(Module::uneven());
    rig.push_all(0..4);
    for event in upstream_events() {
        assert!(rig.sink.push_event(event.clone()), "{event:?}");
        let came = rig.upstream().pop().unwrap();
        assert_eq!((came.type_(), came.seqnum()), (event.type_(), event.seqnum()));
        let text = |event: &gst::Event| event.structure().map(|fields| fields.to_string());
        assert_eq!(text(&came), text(&event));
    }
    assert_eq!(rig.upstream().len(), upstream_events().len());
}

#[test]
fn questions_of_a_sink_reach_the_source() {
    let rig = Rig::new(Module::plain());
    assert_eq!(rig.sink.peer_query_position::<gst::ClockTime>(), Some(gst::ClockTime::from_seconds(7)));
    assert_eq!(rig.sink.peer_query_duration::<gst::ClockTime>(), Some(gst::ClockTime::from_seconds(70)));
    let mut uri = gst::query::Uri::new();
    assert!(rig.sink.peer_query(uri.query_mut()));
    assert_eq!(uri.uri().as_deref(), Some("file:///clip"));
    let mut custom = gst::query::Custom::new(gst::Structure::new_empty("line3"));
    assert!(rig.sink.peer_query(custom.query_mut()));
    assert_eq!(custom.structure().unwrap().get::<String>("answered-by").unwrap(), "upstream");
}

#[test]
fn a_detector_is_pushed_never_pulled() {
    let rig = Rig::new(Module::plain());
    let mut query = gst::query::Scheduling::new();
    let answered = rig.sink.peer_query(query.query_mut());
    assert!(!answered || !query.has_scheduling_mode(gst::PadMode::Pull));
}

#[test]
fn a_serialized_query_is_answered_downstream_in_its_turn() {
    let rig = Rig::new(Module::uneven());
    let mut expected = Vec::new();
    for n in 0..6 {
        rig.push(n).unwrap();
        expected.push((n * 40).to_string());
        if n % 2 == 0 {
            assert!(rig.src.peer_query(gst::query::Drain::new().query_mut()));
            expected.push("query-drain".into());
            assert_eq!(rig.names()[3..], expected, "it is answered when the frames before it have left");
        }
    }
}

#[test]
fn a_query_of_another_kind_overtakes_frames_in_flight() {
    let rig = Rig::new(Module::with("(call $spin (i32.const 100000000))"));
    rig.push_all(0..3);
    let mut custom = gst::query::Custom::new(gst::Structure::new_empty("line3"));
    assert!(rig.src.peer_query(custom.query_mut()));
    assert_eq!(custom.structure().unwrap().get::<String>("answered-by").unwrap(), "downstream");
    assert!(rig.buffers().len() < 3, "{:?}", rig.names());
    rig.wait_for_buffers(3);
}

#[test]
fn after_a_refusal_a_serialized_query_is_refused_and_does_not_wait() {
    for flow in [gst::FlowError::Eos, gst::FlowError::Error, gst::FlowError::NotLinked] {
        let rig = Rig::new(Module::plain());
        rig.refuse(flow);
        assert!(!rig.src.peer_query(gst::query::Drain::new().query_mut()));
    }
}

#[test]
fn caps_are_those_that_modules_and_downstream_know() {
    let rig = Rig::new(Module::plain());
    let known = rig.src.peer_query_caps(None);
    let formats: Vec<String> = known
        .iter()
        .flat_map(|fields| {
            fields
                .get::<gst::List>("format")
                .unwrap()
                .iter()
                .map(|v| v.get().unwrap())
                .collect::<Vec<String>>()
        })
        .collect();
    assert_eq!(formats, ["I420", "NV12", "RGB", "BGR", "GRAY8"]);
    let small = "video/x-raw,width=[1,100]".parse::<gst::Caps>().unwrap();
    let answer = rig.src.peer_query_caps(Some(&small));
    assert!(answer.is_subset(&small) && !answer.is_empty(), "{answer}");
    for (caps, accepted) in [
        ("video/x-raw,format=I420,width=8,height=8,framerate=25/1", true),
        ("video/x-raw,format=Y42B,width=8,height=8,framerate=25/1", false),
        ("video/x-raw(memory:GLMemory),format=RGB,width=8,height=8,framerate=25/1", false),
        ("audio/x-raw,format=S16LE,rate=8000,channels=1", false),
    ] {
        assert_eq!(rig.src.peer_query_accept_caps(&caps.parse::<gst::Caps>().unwrap()), accepted, "{caps}");
    }
}
