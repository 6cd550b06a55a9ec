//! The whole way of a frame against independent references: decoder, letterbox, model, decode, NMS, record.
//!
//! The references come from another decoder, another resize and another engine (`media/README.md`). All boxes down to
//! the threshold of 0.25 are looked for, both ways. On two clips something stands in every frame at a score of just
//! 0.25, on either side of which it may fall: there, boxes of at least 0.5 are looked for among all.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;

use edgevision_tests::{
    command::{Job, stderr, yaml},
    compare::{Found, Share, found_again},
    media::media,
    records::{self, Record},
};

/// Every box counts.
const ALL: f64 = 0.0;
/// Boxes that are clear of the threshold count.
const CLEAR: f64 = 0.5;
const LEAST_IOU: f64 = 0.75;
/// Stream times of references are rounded; frames are tens of milliseconds apart.
const SAME_FRAME_NS: u64 = 2_000_000;

struct Kind {
    model: &'static str,
    preprocess: &'static str,
}

const YOLOX: Kind = Kind { model: "yolox_nano_416", preprocess: "{color: bgr, align: top_left}" };
const V8: Kind = Kind {
    model: "yolox_nano_416_v8layout",
    preprocess: "{color: rgb, align: center, std: [255, 255, 255]}",
};

/// Runs the command over a clip; `None` without media.
fn analyse(kind: &Kind, clip: &str) -> Option<Vec<Record>> {
    let clip = media(&format!("clips/{clip}"))?;
    let model = media(&format!("models/{}.onnx", kind.model))?;
    let labels = media("labels/coco80.txt")?;
    let job = Job::new(&format!(
        "cameras:
  - name: clip
    source: {clip}
    analyze:
      preprocess: {{module: letterbox, params: {params}}}
      detect: yolo
      model: {{path: {model}, labels: {labels}}}
      threshold: 0.25
      deadline: 60s
outputs:
  json_lines: $OUT/found.jsonl
",
        clip = yaml(&clip),
        params = kind.preprocess,
        model = yaml(&model),
        labels = yaml(&labels),
    ));
    let output = job.run(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    Some(records::ours(&job.file("found.jsonl")))
}

/// Both ways: reference boxes in ours, ours in the reference.
fn agreement(ours: &[Record], reference: &BTreeMap<u64, Vec<Found>>, score: f64) -> (Share, Share) {
    let (mut recall, mut precision) = (Share::default(), Share::default());
    // Stream time starts at 0; the references of Matroska clips start with the file's own first timestamp.
    let (first, theirs) = (ours[0].timestamp.unwrap(), *reference.keys().next().unwrap());
    for record in ours {
        let time = record.timestamp.expect("every frame of these clips has a time") - first + theirs;
        let near = reference.range(time.saturating_sub(SAME_FRAME_NS)..=time + SAME_FRAME_NS).next();
        let (_, theirs) =
            near.unwrap_or_else(|| panic!("frame {} at {time} ns is not in the reference", record.seq));
        let found = record.found();
        recall.add(found_again(theirs, &found, score, LEAST_IOU));
        precision.add(found_again(&found, theirs, score, LEAST_IOU));
    }
    (recall, precision)
}

fn holds(kind: &Kind, clip: &str, score: f64, least: f64) -> Option<Vec<Record>> {
    let ours = analyse(kind, clip)?;
    let stem = clip.rsplit_once('.').unwrap().0;
    let reference = records::reference(&media(&format!("reference/{}__{stem}.jsonl", kind.model))?);
    assert_eq!(ours.len(), reference.len(), "every frame is analysed");
    assert!(ours.iter().all(|record| record.status == "ok"));
    let (recall, precision) = agreement(&ours, &reference, score);
    println!(
        "{} {clip}, scores from {score}: found again {:.4} ({}/{}), ours in reference {:.4} ({}/{})",
        kind.model,
        recall.ratio(),
        recall.found,
        recall.of,
        precision.ratio(),
        precision.found,
        precision.of
    );
    assert!(recall.of > 0, "the reference has boxes to find");
    assert!(recall.ratio() >= least && precision.ratio() >= least, "{recall:?} {precision:?} below {least}");
    Some(ours)
}

#[test]
fn yolox_on_bottles_and_the_count_is_right_in_every_frame() {
    let Some(ours) = holds(&YOLOX, "bottles-640x360.mp4", ALL, 0.99) else { return };
    let truth = media("truth/bottles-640x360.json").unwrap();
    let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
    let mut share = Share::default();
    for interval in truth["intervals"].as_array().unwrap() {
        let (from, to) = (interval["from"].as_u64().unwrap(), interval["to"].as_u64().unwrap());
        for record in ours.iter().filter(|record| (from..=to).contains(&record.seq)) {
            let bottles = record.objects.iter().filter(|o| o.detection.label == "bottle");
            let count = bottles.filter(|o| o.detection.confidence >= 0.5).count() as u64;
            share.add(Share { found: usize::from(count == interval["count"].as_u64().unwrap()), of: 1 });
        }
    }
    println!("bottle count right in {} of {} frames", share.found, share.of);
    assert_eq!(share, Share { found: 936, of: 936 });
}

#[test]
fn yolox_on_people() {
    holds(&YOLOX, "people-768x432-10fps.mp4", ALL, 0.99);
}

#[test]
fn yolox_on_traffic_where_wrong_colours_or_geometry_would_show() {
    holds(&YOLOX, "traffic-640x360.mp4", ALL, 0.97);
}

#[test]
fn yolox_on_full_range_video_in_matroska() {
    holds(&YOLOX, "sign-640x480-fullrange.mkv", CLEAR, 0.99);
}

#[test]
fn yolox_on_a_clip_with_sound_and_a_late_start() {
    holds(&YOLOX, "carpark-768x432-audio.mp4", ALL, 0.99);
}

#[test]
fn v8_layout_on_bottles() {
    holds(&V8, "bottles-640x360.mp4", ALL, 0.99);
}

#[test]
fn v8_layout_on_people() {
    holds(&V8, "people-768x432-10fps.mp4", CLEAR, 0.99);
}

#[test]
fn v8_layout_on_traffic() {
    holds(&V8, "traffic-640x360.mp4", ALL, 0.97);
}
