//! Exports whose sizes are open until a frame comes.

use edgevision_sdk::testing::whole;

use super::{context, detect, module, plain, refused};

#[test]
fn boxes_may_be_open_where_the_layout_is_clear() {
    let context = context(&[-1, 3, -1, -1], &[-1, 6, -1], 2);
    let mut yolo = module("{}", &context).unwrap();
    for n in [7usize, 3] {
        let mut values = vec![0.0; 6 * n];
        [10.0, 20.0, 4.0, 8.0, 0.3, 0.75].iter().enumerate().for_each(|(k, v)| values[k * n + 2] = *v);
        let dims = vec![1, 6, u32::try_from(n).unwrap()];
        let found = detect(&mut yolo, (dims, values), whole(64, 64), (64, 64)).unwrap();
        assert_eq!(found.iter().map(plain).collect::<Vec<_>>(), [([8.0, 16.0, 12.0, 24.0], 0.75, 1)]);
    }
    assert_eq!(detect(&mut yolo, (vec![1, 6, 0], vec![]), whole(64, 64), (64, 64)), Ok(vec![]));
    let two = detect(&mut yolo, (vec![2, 6, 3], vec![0.0; 36]), whole(64, 64), (64, 64)).unwrap_err();
    assert_eq!(two, "the model's output is [2, 6, 3]: yolo reads one picture at a time");
}

#[test]
fn rows_may_be_open_where_the_layout_is_set() {
    let context = context(&[1, 3, -1, -1], &[1, -1, 7], 2);
    let unclear = refused("{}", &context);
    assert!(
        unclear.contains("[1, -1, 7] of the model's output `output` is not fixed: set `layout`"),
        "{unclear}"
    );
    let mut yolo = module(r#"{"layout":"yolox"}"#, &context).unwrap();
    let mut values = vec![0.0; 21 * 7];
    values[6 * 7..][..7].copy_from_slice(&[0.5, 0.5, 0.0, 0.0, 0.5, 0.2, 1.0]);
    let found = detect(&mut yolo, (vec![1, 21, 7], values), whole(32, 32), (32, 32)).unwrap();
    assert_eq!(found.iter().map(plain).collect::<Vec<_>>(), [([16.0, 8.0, 24.0, 16.0], 0.5, 1)]);
}

#[test]
fn classes_may_not_be_open() {
    let sentence = refused(r#"{"layout":"yolov5"}"#, &context(&[1, 3, 32, 32], &[1, 63, -1], 0));
    assert!(sentence.contains("does not say how many classes there are"), "{sentence}");
}
