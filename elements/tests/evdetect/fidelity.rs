//! Buffers and events leave exactly as they came in, whatever becomes of their analysis.

use edgevision_wasm_host::analysis::Status;
use gst::{BufferFlags, prelude::*};

use super::{
    pads::{Out, Rig, buffer, marker, name},
    support::Module,
};

/// Everything of a buffer but its pixels and what was attached.
pub fn fields(buffer: &gst::Buffer) -> impl PartialEq + std::fmt::Debug + use<> {
    let (times, offsets) =
        ((buffer.pts(), buffer.dts(), buffer.duration()), (buffer.offset(), buffer.offset_end()));
    (times, offsets, buffer.flags() & !BufferFlags::TAG_MEMORY)
}

/// Buffers with every flag that travels, alone and together, and with odd or missing times.
pub fn oddities() -> Vec<gst::Buffer> {
    let flags = [
        BufferFlags::DISCONT,
        BufferFlags::DELTA_UNIT,
        BufferFlags::MARKER,
        BufferFlags::CORRUPTED,
        BufferFlags::GAP,
        BufferFlags::DROPPABLE,
        BufferFlags::RESYNC,
        BufferFlags::HEADER,
        BufferFlags::LIVE,
        BufferFlags::DECODE_ONLY,
        BufferFlags::NON_DROPPABLE,
        BufferFlags::DISCONT | BufferFlags::MARKER | BufferFlags::DELTA_UNIT,
        BufferFlags::empty(),
    ];
    let mut buffers: Vec<gst::Buffer> =
        (0..).zip(flags).map(|(n, flags)| with(n, |b| b.set_flags(flags))).collect();
    buffers.push(with(20, |b| b.set_pts(None)));
    buffers.push(with(21, |b| b.set_duration(None)));
    buffers.push(with(22, |b| b.set_dts(gst::ClockTime::from_mseconds(3))));
    buffers.push(with(23, |b| {
        b.set_offset(41);
        b.set_offset_end(42);
    }));
    buffers.push(with(5, |_| ()));
    let empty = gst::Buffer::new();
    buffers.push(empty);
    buffers
}

pub fn with(n: u64, change: impl FnOnce(&mut gst::BufferRef)) -> gst::Buffer {
    let mut buffer = buffer(n);
    change(buffer.get_mut().unwrap());
    buffer
}

#[track_caller]
fn assert_unchanged(set: impl FnOnce(&gst::Element), module: Module) -> Rig {
    let rig = Rig::with(module, set);
    let came: Vec<_> = oddities();
    let expected: Vec<_> = came.iter().map(fields).collect();
    for buffer in came {
        rig.src.push(buffer).unwrap();
    }
    rig.wait_for_buffers(expected.len());
    let left: Vec<_> = rig.buffers().iter().map(fields).collect();
    assert_eq!(left, expected);
    rig
}

#[test]
fn times_offsets_and_flags_leave_as_they_came() {
    assert_unchanged(|_| (), Module::uneven());
}

#[test]
fn also_when_newer_frames_take_the_place_of_older_ones() {
    let rig = assert_unchanged(
        |element| {
            element.set_property_from_str("policy", "newest");
            element.set_property("workers", 1u32);
            element.set_property("queue-size", 1u32);
        },
        Module::with("(call $spin (i32.const 30000000))"),
    );
    let skipped = rig.reports().iter().filter(|report| report.analysis.status == Status::Skipped).count();
    assert!(
        skipped > 2,
        "beside the filler and the empty buffer, frames must have been passed over: {skipped}"
    );
}

#[test]
fn also_when_only_every_third_frame_is_analysed() {
    assert_unchanged(|element| element.set_property("interval", 3u32), Module::uneven());
}

#[test]
fn fillers_and_empty_buffers_pass_without_analysis() {
    let rig = Rig::new(Module::plain());
    rig.src.push(with(0, |b| b.set_flags(BufferFlags::GAP))).unwrap();
    rig.src.push(gst::Buffer::new()).unwrap();
    rig.push(2).unwrap();
    rig.wait_for_buffers(3);
    let statuses: Vec<_> = rig.reports().iter().map(|report| report.analysis.status).collect();
    assert_eq!(statuses, [Status::Skipped, Status::Skipped, Status::Ok]);
    assert!(rig.reports()[0].analysis.message.as_deref().unwrap().contains("GAP"));
}

#[test]
fn a_frame_without_pts_has_no_timestamp() {
    let rig = Rig::new(Module::plain());
    rig.src.push(with(3, |b| b.set_pts(None))).unwrap();
    rig.wait_for_buffers(1);
    assert_eq!(rig.reports()[0].timestamp_ns, None);
    assert_eq!(rig.reports()[0].analysis.status, Status::Ok);
}

#[test]
fn a_buffer_that_upstream_keeps_is_not_changed() {
    let rig = Rig::new(Module::plain());
    let kept = buffer(1);
    rig.src.push(kept.clone()).unwrap();
    rig.wait_for_buffers(1);
    assert!(kept.iter_meta::<gst::Meta>().next().is_none(), "metas belong to the copy that left");
    let left = &rig.buffers()[0];
    assert_eq!(left.peek_memory(0).as_ptr(), kept.peek_memory(0).as_ptr(), "the pixels are shared");
}

#[test]
fn the_frames_of_a_buffer_list_leave_in_order_each_analysed() {
    let rig = Rig::new(Module::uneven());
    let mut list = gst::BufferList::new();
    (0..12).for_each(|n| list.get_mut().unwrap().add(buffer(n)));
    rig.push(40).unwrap();
    rig.src.push_list(list).unwrap();
    rig.event(marker("after-the-list"));
    rig.wait_for("after-the-list");
    let reports = rig.reports();
    assert_eq!(reports.len(), 13);
    assert!(reports.iter().all(|report| report.analysis.status == Status::Ok));
    let times: Vec<_> = rig.buffers()[1..].iter().map(|buffer| buffer.pts().unwrap().mseconds()).collect();
    assert_eq!(times, (0..12).map(|n| n * 40).collect::<Vec<_>>());
}

/// Each kind of serialized event, twice, each between two frames.
pub fn serialized_events() -> Vec<gst::Event> {
    let mut tags = gst::TagList::new();
    tags.get_mut().unwrap().add::<gst::tags::Title>(&"line 3", gst::TagMergeMode::Replace);
    let sticky = gst::event::CustomDownstreamSticky::new(gst::Structure::new_empty("custom-sticky"));
    let gap =
        gst::event::Gap::builder(gst::ClockTime::from_seconds(1)).duration(gst::ClockTime::from_mseconds(40));
    let time = gst::GenericFormattedValue::Time(Some(gst::ClockTime::from_seconds(9)));
    vec![
        gst::event::Tag::new(tags),
        gap.build(),
        marker("custom-serialized"),
        sticky,
        gst::event::SegmentDone::new(time),
        gst::event::CustomBoth::new(gst::Structure::new_empty("custom-both")),
    ]
}

#[test]
fn every_serialized_event_stays_in_its_place_with_its_content() {
    let rig = Rig::new(Module::uneven());
    rig.push(0).unwrap();
    let mut expected = vec!["0".to_owned()];
    let events: Vec<_> = serialized_events().into_iter().chain(serialized_events()).collect();
    for (n, event) in (1..).zip(&events) {
        assert!(rig.event(event.clone()));
        rig.push(n).unwrap();
        expected.push(name(&Out::Event(event.clone())));
        expected.push((n * 40).to_string());
    }
    rig.event(gst::event::Eos::new());
    rig.wait_for("eos");
    expected.push("eos".into());
    assert_eq!(rig.names()[3..], expected);
    let left: Vec<_> = rig.out()[3..]
        .iter()
        .filter_map(|out| match out {
            Out::Event(event) if event.type_() != gst::EventType::Eos => Some(event.clone()),
            _ => None,
        })
        .collect();
    for (came, left) in events.iter().zip(&left) {
        assert_eq!(came.seqnum(), left.seqnum());
        assert_eq!(came.structure().map(|s| s.to_string()), left.structure().map(|s| s.to_string()));
    }
}

#[test]
fn events_that_are_not_serialized_overtake_frames_in_flight() {
    let rig = Rig::new(Module::with("(call $spin (i32.const 100000000))"));
    rig.push(0).unwrap();
    let fast = gst::event::CustomDownstreamOob::new(gst::Structure::new_empty("custom-fast"));
    assert!(rig.event(fast));
    assert_eq!(rig.names().last().unwrap(), "custom-fast", "it is there when the call returns");
    rig.wait_for_buffers(1);
}
