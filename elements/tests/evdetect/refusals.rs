//! What the user reads when a property is wrong: one sentence, and the state change fails.

use gst::prelude::*;

use super::support::{Module, init};

/// The error of a detector with these properties on the way to PAUSED.
#[track_caller]
fn refusal(properties: &[(&str, &str)]) -> String {
    init();
    let pipeline = gst::Pipeline::new();
    let detector = gst::ElementFactory::make("evdetect").build().unwrap();
    for (name, value) in properties {
        detector.set_property_from_str(name, value);
    }
    pipeline.add(&detector).unwrap();
    assert!(pipeline.set_state(gst::State::Paused).is_err(), "the state change must fail");
    let message =
        pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]).expect("an error on the bus");
    let gst::MessageView::Error(error) = message.view() else { unreachable!() };
    assert_eq!(error.src(), Some(detector.upcast_ref::<gst::Object>()));
    pipeline.set_state(gst::State::Null).unwrap();
    error.error().to_string()
}

/// Properties, and what the sentence has to contain.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn one_sentence_each() {
    let module = Module::plain();
    let path = module.path();
    let probe = path.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let garbage = dir.path().join("garbage.wasm");
    std::fs::write(&garbage, b"not a module").unwrap();
    let garbage = garbage.to_str().unwrap();
    let missing = dir.path().join("missing");
    let missing = missing.to_str().unwrap();
    let binary = dir.path().join("binary.txt");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let binary = binary.to_str().unwrap();
    let guests = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/guests");
    let (letterbox, yolo) = (format!("{guests}/letterbox.wasm"), format!("{guests}/yolo.wasm"));
    let table: &[Case] = &[
        (
            &[("preprocess", &letterbox), ("detector", &letterbox)],
            &["letterbox exports preprocess, not `detect`"],
        ),
        (&[("preprocess", &letterbox)], &["property `detector` is empty", "does not export `detect`"]),
        (&[("preprocess", &yolo), ("detector", &yolo)], &["yolo exports detect, not `preprocess`"]),
        (&[("preprocess", &letterbox), ("detector", &yolo)], &["yolo runs a model, but none is configured"]),
        (&[("preprocess", probe), ("model", garbage)], &[garbage]),
        (&[("preprocess", probe), ("model", guests)], &["guests", "the model cannot be read"]),
        (&[("preprocess", guests)], &["guests"]),
        (&[("preprocess", probe), ("labels", binary)], &["labels file", binary, "UTF-8"]),
        (&[("preprocess", probe), ("class-thresholds", "0.5")], &["`class-thresholds` is not a JSON object"]),
        (
            &[("preprocess", probe), ("label-list", "a"), ("class-thresholds", r#"{"a":7}"#)],
            &["the threshold 7; it must be a number from 0 to 1"],
        ),
        (&[("preprocess", probe), ("memory-limit", "65536")], &["memory"]),
        (&[], &["property `preprocess` is empty", "exports `preprocess`"]),
        (&[("preprocess", missing)], &[missing, "No such file"]),
        (&[("preprocess", garbage)], &["garbage"]),
        (&[("preprocess", probe), ("detector", missing)], &[missing, "No such file"]),
        (
            &[("preprocess", probe), ("preprocess-params", "{")],
            &["property `preprocess-params` is not a JSON object"],
        ),
        (
            &[("preprocess", probe), ("detector-params", "[]")],
            &["property `detector-params` is not a JSON object"],
        ),
        (&[("preprocess", probe), ("model", missing)], &[missing]),
        (&[("preprocess", probe), ("model", probe), ("engine", "abacus")], &["abacus"]),
        (&[("preprocess", probe), ("labels", missing)], &["labels file", missing, "No such file"]),
        (&[("preprocess", probe), ("labels", probe), ("label-list", "a")], &["both set"]),
        (
            &[("preprocess", probe), ("label-list", "a\nb"), ("class-thresholds", r#"{"c":0.5}"#)],
            &["names `c`", "the 2 labels"],
        ),
    ];
    for (properties, expected) in table {
        let sentence = refusal(properties);
        println!("{sentence}");
        for part in *expected {
            assert!(sentence.contains(part), "{properties:?}: {sentence}");
        }
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn a_module_that_refuses_its_parameters_is_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("picky.wasm");
    std::fs::write(&path, wat::parse_str(include_str!("picky.wat")).unwrap()).unwrap();
    let sentence = refusal(&[("preprocess", path.to_str().unwrap())]);
    println!("{sentence}");
    assert!(sentence.contains("picky") && sentence.contains("knob goes to 10, not 11"), "{sentence}");
}

#[test]
fn caps_that_modules_do_not_know_are_refused() {
    init();
    let module = Module::plain();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc ! video/x-raw,format=Y42B,width=64,height=48 ! evdetect preprocess={} ! fakesink",
        module.path().display()
    ));
    assert!(
        pipeline.is_err() || {
            let pipeline = pipeline.unwrap();
            let failed = pipeline.set_state(gst::State::Paused).is_err()
                || pipeline
                    .bus()
                    .unwrap()
                    .timed_pop_filtered(super::support::PATIENCE, &[gst::MessageType::Error])
                    .is_some();
            pipeline.set_state(gst::State::Null).unwrap();
            failed
        }
    );
}
