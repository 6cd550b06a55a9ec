use edgevision_sdk::{DType, Quantization, testing::golden::Golden};
use proptest::prelude::*;

use super::{Answer, classes, context, module};

const MEDIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/media");

#[test]
fn mobilenet_has_the_five_classes_of_the_reference() {
    let Some(golden) = Golden::open("mobilenet_v2_224_int8", MEDIA) else { return };
    let mut classify = module(r#"{"top_k":5}"#, &golden.context(1001, 0.0)).unwrap();
    golden.holds(&mut classify, (1280, 720));
}

fn three(json: &str, dtype: DType) -> crate::Classify {
    module(json, &context(dtype, &[("output", &[1, 3])], 0)).unwrap()
}

#[test]
fn the_best_class_is_reported_and_more_if_asked_for() {
    let answer = Answer::f32(&[0.3, 0.6, 0.1]);
    assert_eq!(classes(&mut three("{}", DType::F32), &answer), [(1, 0.6)]);
    assert_eq!(
        classes(&mut three(r#"{"top_k":5}"#, DType::F32), &answer),
        [(1, 0.6), (0, 0.3)],
        "0.25 or more"
    );
    assert_eq!(classes(&mut three(r#"{"top_k":2,"background":1}"#, DType::F32), &answer), [(0, 0.3)]);
    assert_eq!(classes(&mut three(r#"{"top_k":2,"offset":-1}"#, DType::F32), &answer), [(0, 0.6)]);
    let equal = Answer::f32(&[0.4, 0.4, 0.2]);
    assert_eq!(classes(&mut three("{}", DType::F32), &equal), [(0, 0.4)]);
}

#[test]
fn logits_become_probabilities_and_stay_logits() {
    let mut auto = three("{}", DType::F32);
    let sure = Answer::f32(&[0.2, 0.7, 0.1]);
    assert_eq!(classes(&mut auto, &sure), [(1, 0.7)]);
    let [(class, score)] = classes(&mut auto, &Answer::f32(&[-1.0, 0.0, 3.0]))[..] else { panic!("one") };
    let expected = 1.0 / (1.0 + (-3_f32).exp() + (-4_f32).exp());
    assert!(class == 2 && (score - expected).abs() < 1e-6, "{score}");
    let [(_, score)] = classes(&mut auto, &sure)[..] else { panic!("one") };
    assert!(
        (score - 1.0 / (1.0 + (-0.5_f32).exp() + (-0.6_f32).exp())).abs() < 1e-6,
        "it has learned: {score}"
    );
    assert_eq!(
        classes(&mut three(r#"{"activation":"none"}"#, DType::F32), &Answer::f32(&[0.9, 0.8, 0.1])),
        [(0, 0.9)]
    );
    assert!(classes(&mut three(r#"{"activation":"softmax"}"#, DType::F32), &sure)[0].1 < 0.5);
}

#[test]
fn quantised_outputs_are_read_by_their_scale() {
    let bytes = Answer(DType::U8, vec![0, 192, 64]);
    assert_eq!(classes(&mut three("{}", DType::U8), &bytes), [(1, 0.75)]);
    let signed = Answer(DType::I8, vec![0x80, 0x40, 0xC0]);
    assert_eq!(classes(&mut three("{}", DType::I8), &signed), [(1, 0.75)]);
    let scaled = r#"{"scale":0.5,"zero_point":100,"activation":"softmax"}"#;
    let [(class, score)] = classes(&mut three(scaled, DType::U8), &Answer(DType::U8, vec![100, 104, 98]))[..]
    else {
        panic!("one")
    };
    let expected = 1.0 / (1.0 + (-2_f32).exp() + (-3_f32).exp());
    assert!(class == 1 && (score - expected).abs() < 1e-6, "{score}");
    let mut told = context(DType::U8, &[("output", &[1, 3])], 0);
    told.model.as_mut().unwrap().outputs[0].quantization = Some(Quantization { scale: 0.01, zero_point: 50 });
    let sure = classes(&mut module("{}", &told).unwrap(), &Answer(DType::U8, vec![50, 130, 70]))[0];
    assert!(sure.0 == 1 && (sure.1 - 0.8).abs() < 1e-6, "the model says what its numbers mean: {sure:?}");
    let half = Answer(DType::F16, vec![0x00, 0x3A, 0x00, 0x34, 0, 0]);
    assert_eq!(classes(&mut three("{}", DType::F16), &half), [(0, 0.75)]);
}

#[test]
fn numbers_that_are_none_are_no_classes() {
    let mut none = three(r#"{"activation":"none","top_k":3}"#, DType::F32);
    assert_eq!(classes(&mut none, &Answer::f32(&[f32::NAN, 0.5, f32::NAN])), [(1, 0.5)]);
    assert_eq!(
        classes(&mut none, &Answer::f32(&[f32::INFINITY, 0.5, f32::NEG_INFINITY])),
        [(0, 1.0), (1, 0.5)]
    );
    let mut soft = three(r#"{"activation":"softmax","top_k":3}"#, DType::F32);
    assert_eq!(classes(&mut soft, &Answer::f32(&[f32::NAN, 0.0, f32::NEG_INFINITY])), [(1, 1.0)]);
    assert_eq!(classes(&mut soft, &Answer::f32(&[f32::INFINITY, 5.0, 1.0])), [(0, 1.0)]);
    assert_eq!(classes(&mut soft, &Answer::f32(&[f32::NAN; 3])), []);
}

proptest! {
    #[test]
    fn the_best_are_those_of_a_sort(values in prop::collection::vec(0_u8..20, 2..60), top_k in 1_usize..10) {
        let shape = [1, i64::try_from(values.len()).unwrap()];
        let context = context(DType::F32, &[("output", &shape)], 0);
        let json = format!(r#"{{"top_k":{top_k},"activation":"none","score_threshold":0.3}}"#);
        let values: Vec<f32> = values.into_iter().map(|v| f32::from(v) / 20.0).collect();
        let mut sorted: Vec<(u32, f32)> = (0..).zip(values.iter().copied()).filter(|(_, v)| *v >= 0.3).collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        sorted.truncate(top_k);
        prop_assert_eq!(classes(&mut module(&json, &context).unwrap(), &Answer::f32(&values)), sorted);
    }
}
