//! The three elements in a row: what holds for a detector alone holds for all of them.

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;

use super::{
    fidelity::{fields, oddities, serialized_events},
    pads::{Out, Rig, name},
    support::Module,
};

struct Chain {
    rig: Rig,
    folder: tempfile::TempDir,
}

impl Chain {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("records.jsonl");
        let behind = format!("evoverlay ! queue ! evpublish location={} skipped=true", location.display());
        Self { rig: Rig::with_behind(Module::uneven(), &behind), folder }
    }

    /// `timestamp` and `status` of each record.
    fn records(&self) -> Vec<(Option<u64>, String)> {
        let text = std::fs::read_to_string(self.folder.path().join("records.jsonl")).unwrap();
        let record = |line: &str| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            (record["timestamp"].as_u64(), record["status"].as_str().unwrap().to_owned())
        };
        text.lines().map(record).collect()
    }
}

#[test]
fn times_offsets_and_flags_leave_as_they_came() {
    let chain = Chain::new();
    let came = oddities();
    let expected: Vec<_> = came.iter().map(fields).collect();
    for buffer in came {
        chain.rig.src.push(buffer).unwrap();
    }
    chain.rig.wait_for_buffers(expected.len());
    let left: Vec<_> = chain.rig.buffers().iter().map(fields).collect();
    assert_eq!(left, expected);
    assert_eq!(chain.records().len(), expected.len(), "a record of each, also of fillers");
}

#[test]
fn events_stay_between_the_frames_between_which_they_came() {
    let chain = Chain::new();
    let mut expected = Vec::new();
    for (n, event) in (0..).zip(serialized_events()) {
        chain.rig.push(n).unwrap();
        expected.push((n * 40).to_string());
        expected.push(name(&Out::Event(event.clone())));
        assert!(chain.rig.event(event));
    }
    chain.rig.event(gst::event::Eos::new());
    chain.rig.wait_for("eos");
    expected.push("eos".into());
    assert_eq!(chain.rig.names()[3..], expected);
}

#[test]
fn a_flush_leaves_nothing_behind_and_records_only_what_left() {
    let chain = Chain::new();
    for round in 1..20 {
        chain.rig.push_all(0..4);
        chain.rig.flush();
        chain.rig.forget();
        chain.rig.push(round * 100).unwrap();
        chain.rig.wait_for(&(round * 4000).to_string());
        assert_eq!(chain.rig.buffers().len(), 1, "{:?}", chain.rig.names());
        assert_eq!(chain.records().last().unwrap().0, Some(round * 4_000_000_000));
    }
}

#[test]
fn the_timestamp_of_a_record_is_stream_time() {
    let chain = Chain::new();
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_rate(2.0);
    segment.set_start(gst::ClockTime::from_mseconds(40));
    segment.set_base(gst::ClockTime::from_seconds(5));
    segment.set_time(gst::ClockTime::from_seconds(100));
    assert!(chain.rig.event(gst::event::Segment::new(&segment)));
    chain.rig.push_all(0..3);
    chain.rig.wait_for_buffers(3);
    let ok = || "ok".to_owned();
    let expected = [(None, ok()), (Some(100_000_000_000), ok()), (Some(100_040_000_000), ok())];
    assert_eq!(chain.records(), expected, "before the segment there is no stream time");
}

#[test]
fn caps_change_between_frames() {
    let chain = Chain::new();
    for (round, (width, height)) in [(16, 16), (64, 48), (320, 200)].iter().cycle().take(12).enumerate() {
        chain.rig.caps(&format!("video/x-raw,format=GRAY8,width={width},height={height},framerate=25/1"));
        for n in 0..3 {
            let mut buffer = gst::Buffer::from_mut_slice(vec![n; width * height]);
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(round as u64));
            chain.rig.src.push(buffer).unwrap();
        }
    }
    chain.rig.wait_for_buffers(36);
    for (seq, report) in chain.rig.reports().iter().enumerate() {
        let width = [16, 64, 320][seq / 3 % 3];
        assert_eq!((report.analysis.status, report.width), (Status::Ok, width), "frame {seq}");
    }
}

#[test]
fn refusals_of_downstream_reach_upstream() {
    for flow in [gst::FlowError::Eos, gst::FlowError::Error, gst::FlowError::NotLinked] {
        let chain = Chain::new();
        chain.rig.refuse(flow);
        chain.rig.answer(None);
        chain.rig.flush();
        chain.rig.forget();
        chain.rig.push(9).unwrap();
        chain.rig.wait_for("360");
    }
}
