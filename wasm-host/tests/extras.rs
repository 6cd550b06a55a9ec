//! Landmarks, attributes and tensors on their way from a module to the analysis, and attacks through them
//! (`tests/wat`): each is a counted event, and the next frame is analysed as if nothing had happened.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use edgevision_wasm_host::{
    analysis::{Analysis, Status},
    extras::{Attribute, Landmark, Numbers, Tensor},
};
use support::{ATTACK, Camera, analyzer, assert_ok, spec};

/// Class of the box that attackers report when they do not attack.
const WELL: u32 = 7;

fn attack(name: &str) -> Analysis {
    let mut attacker = analyzer(spec("copy_plane", name, None));
    let mut camera = Camera::new();
    assert_ok(&attacker.analyze(&camera.shoot(1).0), WELL);
    let attacked = attacker.analyze(&camera.shoot(ATTACK).0);
    assert_ok(&attacker.analyze(&camera.shoot(1).0), WELL);
    attacked
}

#[test]
fn extras_reach_the_analysis_with_their_detection() {
    let mut analyzer = analyzer(spec("copy_plane", "extras", None));
    let mut camera = Camera::new();
    for _ in 0..2 {
        let analysis = analyzer.analyze(&camera.shoot(1).0);
        assert_eq!((analysis.status, analysis.message.as_deref()), (Status::Ok, None));
        let [first, second] = &analysis.detections[..] else { panic!("{:?}", analysis.detections) };
        assert_eq!((first.class_id, second.class_id, &second.extras), (8, 7, &None));
        let extras = first.extras.as_ref().unwrap();
        let landmarks = extras.landmarks.as_ref().unwrap();
        assert_eq!(landmarks.points, [Landmark { x: 3.0, y: 0.0, confidence: None }], "clipped");
        assert_eq!(landmarks.scheme.name(0), Some("tip"));
        let [Attribute { name, label, label_id, confidence }] = &extras.attributes[..] else { panic!("one") };
        assert_eq!(
            (name.as_str(), label.as_str(), *label_id, *confidence),
            ("colour", "red", Some(4), Some(0.5))
        );
        let seen = |tensors: &[Tensor]| -> Vec<(String, Numbers)> {
            tensors.iter().map(|tensor| (tensor.name.to_string(), tensor.numbers())).collect()
        };
        let numbers = Numbers::Integers(vec![114, 101]);
        assert_eq!(seen(&extras.tensors), [("colour".to_owned(), numbers.clone())]);
        assert_eq!(seen(&analysis.tensors), [(String::new(), numbers)]);
        assert_eq!(analysis.bytes_copied, 4, "tensors outlive the call");
    }
}

#[test]
fn attacks_cost_their_frame() {
    for (name, sentence) in [
        ("landmarks_too_early", "reported something of detection 0, but has emitted 0 detections"),
        (
            "landmarks_bad_pointer",
            "reported landmarks at address 0xfffffff0, which reaches beyond the end of the linear memory",
        ),
        ("landmarks_billion", "reported more than 20000 landmarks, attributes and tensors"),
        (
            "landmarks_nowhere",
            "was wrong: detection 0: its landmark 0 has a value that is not a finite number",
        ),
        ("attribute_takes_a_key", "reported an attribute called `x`, which the record needs itself"),
        (
            "attribute_bad_pointer",
            "reported a name at address 0x7fffffff, which reaches beyond the end of the linear memory",
        ),
        ("tensor_flood", "reported attributes and tensors of more than 1048576 bytes"),
        ("tensor_lies", "reported tensor `colour` with 2 bytes, u8 [3] needs others"),
    ] {
        let analysis = attack(name);
        let message = format!("module {name}: `detect` of frame 1 {sentence}");
        assert_eq!((analysis.status, analysis.message), (Status::Trapped, Some(message)), "{name}");
        assert!(analysis.detections.is_empty() && analysis.tensors.is_empty(), "{name}");
    }
}

#[test]
fn only_detecting_has_something_to_report() {
    let mut analyzer = analyzer(spec("extras_while_preprocessing", "checksum", None));
    let analysis = analyzer.analyze(&Camera::new().shoot(ATTACK).0);
    let message = analysis.message.unwrap();
    assert!(message.contains("returned DENIED (-6)"), "{message}");
}
