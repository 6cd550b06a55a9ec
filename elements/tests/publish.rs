//! `evpublish` in a harness: which records are written, and that the frames pass as they are.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::{fs, path::Path};

use common::{buffer, detection, report};
use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;
use gst_check::Harness;
use gstedgevision::detectionmeta;

fn harness(location: &Path, properties: &str) -> Harness {
    common::evpublish(&format!("location={} {properties}", location.display()))
}

fn statuses(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let status = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["status"].as_str().unwrap().to_owned()
    };
    text.lines().map(status).collect()
}

const ALL: [Status; 5] = [Status::Ok, Status::Skipped, Status::Timeout, Status::Trapped, Status::Quarantined];

#[test]
fn every_analysed_frame_is_a_line_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, properties, expected) in [
        ("a", "", vec!["ok", "timeout", "trapped", "quarantined"]),
        ("b", "skipped=true", vec!["ok", "skipped", "timeout", "trapped", "quarantined"]),
    ] {
        let path = folder.path().join(name);
        let mut harness = harness(&path, properties);
        for status in ALL {
            harness.push(buffer(16, 0, &report(status, 0, vec![]))).unwrap();
        }
        // Read while the element runs: whoever follows the file sees each line as it comes.
        assert_eq!(statuses(&path), expected);
        let stats = harness.element().unwrap().property::<gst::Structure>("stats");
        assert_eq!(stats.get::<u64>("written").unwrap(), expected.len() as u64);
    }
}

#[test]
fn a_flush_does_not_wait_for_a_reader_that_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
    let _reader = rustix::fs::open(&path, flags, rustix::fs::Mode::empty()).unwrap();
    let mut harness = harness(&path, "");
    harness.set_live(false);
    let sink = harness.element().unwrap().static_pad("sink").unwrap();
    let begin = std::time::Instant::now();
    let (streaming, pad) = (std::sync::mpsc::channel(), sink.clone());
    let thread = std::thread::spawn(move || {
        // A pipe takes 64 KiB, which are some hundred records; then one waits, for 30 s if nothing else happens.
        (0..1000)
            .take_while(|_| {
                streaming.0.send(()).unwrap();
                pad.chain(buffer(16, 0, &report(Status::Ok, 0, vec![]))).is_ok()
            })
            .count()
    });
    while streaming.1.recv_timeout(std::time::Duration::from_secs(1)).is_ok() {}
    assert!(sink.send_event(gst::event::FlushStart::new()));
    assert!(thread.join().unwrap() < 1000, "the flush came while a record was waiting");
    assert!(begin.elapsed() < std::time::Duration::from_secs(20));
    assert!(sink.send_event(gst::event::FlushStop::new(true)));
}

#[test]
fn frames_pass_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = harness(&folder.path().join("a"), "");
    let frame = buffer(16, 7, &report(Status::Ok, 40, vec![detection([0.0, 0.0, 2.0, 2.0], 0)]));
    let bare = gst::Buffer::from_mut_slice(vec![1; 16]);
    for sent in [frame, bare] {
        let out = harness.push_and_pull(sent.clone()).unwrap();
        assert_eq!(out.as_ptr(), sent.as_ptr());
    }
    assert_eq!(statuses(&folder.path().join("a")), ["ok"], "no report, no record");
}

#[test]
fn each_detector_in_a_row_has_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut harness = harness(&path, "");
    let mut frame = buffer(16, 7, &report(Status::Ok, 40, vec![detection([0.0, 0.0, 2.0, 2.0], 0)]));
    detectionmeta::attach(frame.get_mut().unwrap(), report(Status::Trapped, 40, vec![]));
    harness.push(frame).unwrap();
    assert_eq!(statuses(&path), ["ok", "trapped"]);
}

#[test]
fn several_cameras_share_a_file_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.jsonl");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut harness = harness(&path, "");
                for ms in 0..200 {
                    harness
                        .push(buffer(16, 0, &report(Status::Ok, ms, vec![detection([0.0; 4], 1); 9])))
                        .unwrap();
                    harness.pull().unwrap();
                }
            });
        }
    });
    assert_eq!(statuses(&path).len(), 800);
}

#[test]
fn files_rotate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let mut harness = harness(&path, "max-size=1000 max-files=2");
    for ms in 0..40 {
        harness.push(buffer(16, 0, &report(Status::Ok, ms, vec![]))).unwrap();
    }
    for name in ["r.jsonl", "r.1.jsonl", "r.2.jsonl"] {
        let file = folder.path().join(name);
        assert!(fs::metadata(&file).unwrap().len() <= 1000);
        assert!(!statuses(&file).is_empty(), "{name} holds whole records");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_place_that_cannot_be_written_is_a_sentence_on_the_bus() {
    gst::init().unwrap();
    gstedgevision::evpublish::register(None).unwrap();
    let element = gst::ElementFactory::make("evpublish")
        .property("location", "no-such-folder/a.jsonl")
        .build()
        .unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Paused).is_err());
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else { panic!("an error") };
    let expected = "cannot write records to no-such-folder/a.jsonl: the folder no-such-folder does not exist, \
                    create it first";
    assert_eq!(error.error().message(), expected, "where applications look, not in the debug text");
    element.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_full_disk_does_not_stop_the_pipeline() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        eprintln!("skipped: no /dev/full here");
        return;
    }
    let mut harness = harness(full, "");
    let bus = gst::Bus::new();
    harness.element().unwrap().set_bus(Some(&bus));
    for ms in 0..3 {
        harness.push(buffer(16, 0, &report(Status::Ok, ms, vec![]))).unwrap();
    }
    let warnings = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning]));
    let sentences: Vec<String> = warnings.filter_map(|message| sentence(&message)).collect();
    let expected = "cannot write to /dev/full: the disk is full, lines are lost until there is room";
    assert_eq!(sentences, [expected], "reported once");
    let stats = harness.element().unwrap().property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u64>("lost").unwrap(), 3);
}

/// The text that an application shows, without the debug text.
fn sentence(message: &gst::Message) -> Option<String> {
    let gst::MessageView::Warning(warning) = message.view() else { return None };
    Some(warning.error().message().to_owned())
}
