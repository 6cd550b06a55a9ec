//! Hiding what was found.

use edgevision_wasm_host::analysis::Status;
use gst::prelude::*;
use gst_video::VideoFormat;

use super::{
    common::{buffer, detection, report},
    support::{BOX, expected, harness, samples},
};

const HIDING: [&str; 3] = ["blur", "pixelate", "fill"];

/// A frame whose luma alternates between 0 and 200 in both directions.
fn checked(size: usize, status: Status, ms: u64, found: bool) -> gst::Buffer {
    let found = if found { vec![detection(BOX, 1)] } else { vec![] };
    let mut frame = buffer(size, 128, &report(status, ms, found));
    let mut map = frame.get_mut().unwrap().map_writable().unwrap();
    for (at, byte) in map.iter_mut().take(320 * 240).enumerate() {
        *byte = if (at % 320 + at / 320) % 2 == 0 { 0 } else { 200 };
    }
    drop(map);
    frame
}

/// True when no difference between neighbours is left in the whole box, true when all is left right beside it.
fn is_hidden(out: &gst::Buffer, info: &gst_video::VideoInfo) -> (bool, bool) {
    let luma = |x, y| samples(out, info, x, y)[0];
    let is_flat = |x: usize, y: usize| luma(x, y).abs_diff(luma(x + 1, y)) < 20;
    let inside = (100..180).all(|y| (40..199).all(|x| is_flat(x, y)));
    let outside = (100..180).any(|y| is_flat(30, y) || is_flat(208, y));
    (inside, !outside)
}

#[test]
fn objects_are_unrecognisable_and_their_surroundings_are_not() {
    for effect in HIDING {
        let (mut harness, info) = harness(VideoFormat::I420, &format!("effect={effect}"));
        let out = harness.push_and_pull(checked(info.size(), Status::Ok, 0, true)).unwrap();
        assert_eq!(is_hidden(&out, &info), (true, true), "{effect}");
        let none = harness.push_and_pull(checked(info.size(), Status::Ok, 40, false)).unwrap();
        assert_eq!(is_hidden(&none, &info), (false, true), "{effect}");
    }
}

#[test]
fn a_hidden_object_stays_hidden_while_the_analysis_fails_or_skips() {
    for effect in HIDING {
        let (mut harness, info) = harness(VideoFormat::Nv12, &format!("effect={effect} show-status=false"));
        let mut hidden_after = |status, ms, found| {
            let out = harness.push_and_pull(checked(info.size(), status, ms, found)).unwrap();
            is_hidden(&out, &info).0
        };
        assert!(hidden_after(Status::Ok, 0, true));
        assert!(hidden_after(Status::Skipped, 40, false), "{effect}");
        assert!(hidden_after(Status::Timeout, 80, false), "{effect}");
        assert!(hidden_after(Status::Skipped, 500, false), "{effect}");
        assert!(!hidden_after(Status::Trapped, 540, false), "{effect}: longer than hold");
    }
}

#[test]
fn frames_of_which_nothing_is_known_are_hidden_on_request() {
    let (mut harness, info) =
        harness(VideoFormat::I420, "effect=blur cover-unanalysed=true show-status=false");
    let mut corner_after = |status, ms| {
        let out = harness.push_and_pull(checked(info.size(), status, ms, false)).unwrap();
        samples(&out, &info, 0, 0)[0].abs_diff(samples(&out, &info, 1, 0)[0])
    };
    assert!(corner_after(Status::Skipped, 0) < 20, "nothing was ever analysed");
    assert_eq!(corner_after(Status::Ok, 40), 200);
    assert_eq!(corner_after(Status::Trapped, 80), 200, "within hold");
    assert!(corner_after(Status::Trapped, 600) < 20);
}

#[test]
fn classes_choose_between_effect_and_box_and_can_be_changed_while_playing() {
    let (mut harness, info) = harness(VideoFormat::I420, "");
    let element = harness.element().unwrap();
    let mut frame = |properties: &[(&str, &str)]| {
        for (name, value) in properties {
            element.set_property_from_str(name, value);
        }
        let out = harness.push_and_pull(checked(info.size(), Status::Ok, 0, true)).unwrap();
        (samples(&out, &info, 40, 140) == expected(&info, 1), is_hidden(&out, &info).0)
    };
    // The class of the box is "missing cap".
    assert_eq!(frame(&[]), (true, false));
    assert_eq!(frame(&[("effect", "fill")]), (false, true));
    assert_eq!(frame(&[("effect-labels", "good")]), (true, false));
    assert_eq!(frame(&[("effect-labels", "-good")]), (false, true));
    assert_eq!(frame(&[("labels", "good"), ("min-confidence", "0.99")]), (false, true), "no way around it");
    assert_eq!(frame(&[("effect", "none")]), (false, false));
    assert_eq!(frame(&[("effect", "box")]), (false, false), "not among the labels");
    assert_eq!(frame(&[("labels", "missing cap")]), (false, false), "not sure enough");
    assert_eq!(frame(&[("min-confidence", "0.5")]), (true, false));
}
