//! Which layout is recognised in which shapes.

use edgevision_sdk::{DType, testing::info};

use super::{context, module};
use crate::layout::Layout;

/// Input, output, labels, expected layout and classes.
type Case<'a> = (&'a [i64], &'a [i64], usize, Layout, usize);

#[test]
fn layouts_are_recognised_by_their_shapes() {
    let layout = |input: &[i64], output: &[i64], labels| {
        let head = module("{}", &context(input, output, labels)).unwrap().head;
        (head.layout, head.classes)
    };
    let cases: [Case; 17] = [
        (&[1, 3, 416, 416], &[1, 3549, 85], 0, Layout::Yolox, 80),
        (&[1, 3, 416, 416], &[1, 3549, 85], 80, Layout::Yolox, 80),
        (&[1, 320, 640, 3], &[-1, 4200, 8], 0, Layout::Yolox, 3),
        (&[1, 3, 640, 640], &[1, 8400, 6], 0, Layout::Yolox, 1),
        (&[1, 3, 640, 640], &[1, 25200, 85], 80, Layout::Yolov5, 80),
        (&[1, 3, 416, 416], &[1, 10647, 85], 0, Layout::Yolov5, 80),
        (&[1, 3, 640, 640], &[1, 25200, 6], 1, Layout::Yolov5, 1),
        // With the fourth grid of the large models: 3 x 34000 cells.
        (&[1, 3, 1280, 1280], &[1, 102_000, 85], 0, Layout::Yolov5, 80),
        (&[1, 3, 416, 416], &[1, 84, 3549], 0, Layout::Yolov8, 80),
        (&[1, 3, 640, 640], &[1, 5, 8400], 0, Layout::Yolov8, 1),
        (&[-1, 3, -1, -1], &[1, 84, 100], 0, Layout::Yolov8, 80),
        (&[1, 3, 640, 640], &[1, 5, 8400], 1, Layout::Yolov8, 1),
        // One class and no objectness, or as many labels as columns without it.
        (&[1, 3, 640, 640], &[1, 8400, 5], 0, Layout::Yolov8Rows, 1),
        (&[1, 3, 640, 640], &[1, 8400, 84], 80, Layout::Yolov8Rows, 80),
        (&[1, 3, 640, 640], &[1, 300, 6], 80, Layout::Yolov10, 0),
        (&[1, 3, 640, 640], &[-1, 300, 6], 0, Layout::Yolov10, 0),
        (&[1, 3, -1, -1], &[1, 100, 6], 0, Layout::Yolov10, 0),
    ];
    for (input, output, labels, expected, classes) in cases {
        assert_eq!(layout(input, output, labels), (expected, classes), "{input:?} {output:?} {labels}");
    }
}

#[test]
fn masks_are_no_classes() {
    let mut context = context(&[1, 3, 640, 640], &[1, 116, 8400], 80);
    context.model.as_mut().unwrap().outputs.push(info("output1", DType::F32, &[1, 32, 160, 160]));
    assert_eq!(module("{}", &context).unwrap().head.classes, 80);
    assert_eq!(module(r#"{"classes":70}"#, &context).unwrap().head.classes, 70);
}
