use std::collections::BTreeMap;

use edgevision_abi as abi;
use proptest::prelude::*;

use super::{reported::*, *};
use crate::detection::{Bounds, Detection, Rejected, Thresholds, accept_with};

const CAPS: Caps = Caps { items: 10, bytes: 100 };

fn boxed(score: f32, class_id: u32) -> abi::Detection {
    abi::Detection { x0: 10.0, y0: 10.0, x1: 20.0, y1: 20.0, score, class_id }
}

fn tensor(name: &str, values: &[f32]) -> Tensor {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { name: name.into(), dtype: DType::F32, dims: [values.len()].into(), data: data.into() }
}

fn raw_attribute(name: &str, label: &str, class_id: u32, confidence: f32) -> RawAttribute {
    RawAttribute { name: name.into(), label: label.into(), class_id, confidence }
}

fn scheme() -> Arc<LandmarkScheme> {
    Arc::new(LandmarkScheme { names: vec!["tip".into()], edges: vec![[0, 1], [1, 7]] })
}

fn accepted(boxes: &[abi::Detection], extras: &mut Reported) -> Result<Vec<Detection>, Rejected> {
    let thresholds = Thresholds { default: 0.5, per_class: BTreeMap::new() };
    let bounds = Bounds { width: 100, height: 50, thresholds: &thresholds, classes: None };
    accept_with(boxes, extras, &scheme(), &bounds)
}

fn points(detection: &Detection) -> &[Landmark] {
    &detection.extras.as_ref().unwrap().landmarks.as_ref().unwrap().points
}

#[test]
fn extras_follow_their_detection_when_others_are_dropped_and_sorted() {
    let mut extras = Reported::default();
    for detection in 0..4_u8 {
        let point = abi::Landmark::at(f32::from(detection), 1.0);
        extras.landmarks(detection.into(), vec![point]).unwrap();
    }
    let empty = abi::Detection { x1: 10.0, ..boxed(0.9, 3) };
    let found = accepted(&[boxed(0.6, 0), boxed(0.1, 1), boxed(0.8, 2), empty], &mut extras).unwrap();
    let seen: Vec<_> = found.iter().map(|d| (d.class_id, points(d)[0].x)).collect();
    assert_eq!(seen, [(2, 2.0), (0, 0.0)]);
}

#[test]
fn a_detection_without_extras_has_none() {
    let mut extras = Reported::default();
    extras.landmarks(0, vec![]).unwrap();
    let found = accepted(&[boxed(0.6, 0), boxed(0.6, 1)], &mut extras).unwrap();
    assert!(found.iter().all(|d| d.extras.is_none()));
}

#[test]
fn points_are_clipped_and_confidences_too() {
    let mut extras = Reported::default();
    let point = |x, y, confidence| abi::Landmark { x, y, confidence };
    let reported = vec![
        point(-3.0, 70.0, 2.0),
        point(30.0, 40.0, f32::NAN),
        point(1e9, -1e9, -0.5),
        point(0.5, 0.5, 0.25),
    ];
    extras.landmarks(0, reported).unwrap();
    extras.attribute(0, raw_attribute("colour", "red", 4, 1.5)).unwrap();
    extras.attribute(0, raw_attribute("make", "", 7, f32::NAN)).unwrap();
    let found = accepted(&[boxed(0.6, 0)], &mut extras).unwrap();
    let at = |x, y, confidence| Landmark { x, y, confidence };
    let expected =
        [at(0.0, 50.0, Some(1.0)), at(30.0, 40.0, None), at(100.0, 0.0, Some(0.0)), at(0.5, 0.5, Some(0.25))];
    assert_eq!(points(&found[0]), expected);
    let attribute = |name: &str, label: &str, label_id, confidence| Attribute {
        name: name.into(),
        label: label.into(),
        label_id: Some(label_id),
        confidence,
    };
    let extras = found[0].extras.as_ref().unwrap();
    assert_eq!(
        extras.attributes,
        [attribute("colour", "red", 4, Some(1.0)), attribute("make", "7", 7, None)]
    );
    assert_eq!(extras.landmarks.as_ref().unwrap().scheme.name(0), Some("tip"));
    assert_eq!(extras.landmarks.as_ref().unwrap().lines().count(), 1, "there is no point 7");
}

/// An error, and a report that causes it.
type Spoilt = (&'static str, fn(&mut Reported));

#[test]
fn values_that_are_no_numbers_spoil_the_frame_if_their_detection_counts() {
    let spoil: [Spoilt; 4] = [
        ("detection 0: its landmark 1 has a value that is not a finite number", |extras| {
            let point = abi::Landmark::at(1.0, f32::NAN);
            extras.landmarks(0, vec![abi::Landmark::at(1.0, 1.0), point]).unwrap();
        }),
        ("detection 0: its landmark 0 has a value that is not a finite number", |extras| {
            let point = abi::Landmark { x: 1.0, y: 1.0, confidence: f32::INFINITY };
            extras.landmarks(0, vec![point]).unwrap();
        }),
        ("detection 0: its attribute `age` has a confidence that is not a finite number", |extras| {
            extras.attribute(0, raw_attribute("age", "7", 7, f32::NEG_INFINITY)).unwrap();
        }),
        ("detection 0: its tensor `embedding` has elements that are not finite numbers", |extras| {
            extras.tensor(Some(0), tensor("embedding", &[1.0, f32::INFINITY])).unwrap();
        }),
    ];
    for (sentence, spoil) in spoil {
        let mut extras = Reported::default();
        spoil(&mut extras);
        assert_eq!(accepted(&[boxed(0.6, 0)], &mut extras).unwrap_err().to_string(), sentence);
        let mut extras = Reported::default();
        spoil(&mut extras);
        assert_eq!(accepted(&[boxed(0.4, 0)], &mut extras), Ok(vec![]), "nobody looks at what is dropped");
    }
    let mut extras = Reported::default();
    extras.tensor(None, tensor("mask", &[f32::NAN])).unwrap();
    assert!(extras.take_frame().is_err());
}

#[test]
fn caps_and_repetitions() {
    let mut extras = Reported::default();
    let text = |result: Result<(), Refused>| result.unwrap_err().text;
    extras.claim(10, 100, CAPS).unwrap();
    assert_eq!(text(extras.claim(1, 0, CAPS)), "reported more than 10 landmarks, attributes and tensors");
    assert_eq!(text(extras.claim(0, 1, CAPS)), "reported attributes and tensors of more than 100 bytes");
    assert_eq!(extras.claim(usize::MAX, usize::MAX, CAPS).unwrap_err().status, abi::status::LIMIT);
    extras.landmarks(3, vec![abi::Landmark::at(0.0, 0.0)]).unwrap();
    assert_eq!(text(extras.landmarks(3, vec![])), "reported landmarks of detection 3 twice");
    extras.attribute(3, raw_attribute("a", "", 1, 1.0)).unwrap();
    assert_eq!(
        text(extras.attribute(3, raw_attribute("a", "", 2, 1.0))),
        "reported attribute `a` of detection 3 twice"
    );
    for _ in 0..32 {
        extras.tensor(None, tensor("t", &[])).unwrap();
    }
    assert!(text(extras.tensor(None, tensor("t", &[]))).contains("more than 32 tensors"));
}

#[test]
fn names_are_keys_of_the_record() {
    assert_eq!(attribute_name(b"upper_body_2").unwrap(), "upper_body_2");
    for bad in [&b""[..], b"2nd", b"Colour", b"a b", b"a\"", b"\xff", &[b'a'; 65]] {
        assert!(attribute_name(bad).unwrap_err().text.contains("allowed are a letter a-z"));
    }
    for reserved in abi::RESERVED_NAMES {
        assert!(attribute_name(reserved.as_bytes()).unwrap_err().text.contains("needs itself"));
    }
    assert_eq!(attribute_label("größe\n".as_bytes(), 0).unwrap(), "größe");
    assert!(attribute_label(b"\0", abi::NO_CLASS).unwrap_err().text.contains("neither a label nor a number"));
    assert!(attribute_label(&[b'a'; 257], 0).is_err() && tensor_name(&[b'a'; 65]).is_err());
}

#[test]
fn elements_become_numbers() {
    let of = |dtype, data: &[u8]| {
        Tensor { name: "t".into(), dtype, dims: [data.len()].into(), data: data.into() }.numbers()
    };
    assert_eq!(tensor("t", &[1.5, -2.0]).numbers(), Numbers::Floats(vec![1.5, -2.0]));
    assert_eq!(of(DType::F16, &[0, 0x3c, 0, 0xc0]), Numbers::Floats(vec![1.0, -2.0]));
    assert_eq!(of(DType::U8, &[0, 255]), Numbers::Integers(vec![0, 255]));
    assert_eq!(of(DType::I8, &[0, 255]), Numbers::Integers(vec![0, -1]));
    assert_eq!(of(DType::I32, &(-7_i32).to_le_bytes()), Numbers::Integers(vec![-7]));
    assert_eq!(of(DType::I64, &i64::MIN.to_le_bytes()), Numbers::Integers(vec![i64::MIN]));
}

proptest! {
    /// Whatever bits a module reports, what is accepted is finite and inside the frame.
    #[test]
    fn what_is_accepted_keeps_its_promises(bits in prop::collection::vec(any::<[u32; 3]>(), 1..20)) {
        let mut extras = Reported::default();
        let point = |b: &[u32; 3]| {
            let [x, y, confidence] = b.map(f32::from_bits);
            abi::Landmark { x, y, confidence }
        };
        extras.landmarks(0, bits.iter().map(point).collect()).unwrap();
        for detection in accepted(&[boxed(0.6, 0)], &mut extras).unwrap_or_default() {
            for point in points(&detection) {
                prop_assert!((0.0..=100.0).contains(&point.x) && (0.0..=50.0).contains(&point.y));
                prop_assert!(point.confidence.is_none_or(|c| (0.0..=1.0).contains(&c)));
            }
        }
    }
}
