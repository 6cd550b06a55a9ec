//! Clips: the whole way of every frame against the reference's detections, both ways.

use std::collections::BTreeMap;

use edgevision_tests::{
    command::{Job, stderr},
    compare::{Found, Share, found_again},
    media::media,
    records::{self, Record},
};
use serde_json::json;

use crate::{
    catalog::{Model, reference},
    cell::{Bound, Cell, Outcome, with_engine},
};

const LEAST_IOU: f64 = 0.75;
/// Stream times of references are rounded; frames are tens of milliseconds apart.
const SAME_FRAME_NS: u64 = 2_000_000;

pub fn cell(model: &Model, clip: &str, engine: &'static str) -> Cell {
    let run = {
        let (model, clip) = (model.clone(), clip.to_owned());
        move || with_engine(&model, engine, || measure(&model, &clip, engine))
    };
    let what = clip.split('-').next().unwrap().to_owned();
    Cell {
        model: model.name.clone(),
        what,
        engine: Some(engine),
        slow: is_slow(model, clip, engine),
        run: Box::new(run),
    }
}

/// A thousand frames of the largest models, but on the engine that `auto` prefers.
fn is_slow(model: &Model, clip: &str, engine: &str) -> bool {
    model.name.starts_with("yolox") && clip.starts_with("bottles") && engine != "onnxruntime"
}

fn measure(model: &Model, clip: &str, engine: &str) -> Outcome {
    let ours = match analyse(model, clip, engine) {
        Ok(ours) => ours,
        Err(error) => return Outcome::Failed(error),
    };
    let reference = records::reference(&reference(&model.name, clip).unwrap());
    assert_eq!(ours.len(), reference.len(), "every frame is analysed");
    assert!(ours.iter().all(|record| record.status == "ok"));
    let bound = Bound::of(model, engine, if clip.starts_with("traffic") { 0.97 } else { 0.99 });
    let (recall, precision) = agreement(&ours, &reference, bound.score);
    assert!(recall.of > 0, "the reference has boxes to find");
    let counted = if clip.starts_with("bottles") && model.name == "yolox_nano_416" {
        count_bottles(&ours)
    } else {
        Share::default()
    };
    Outcome::Measured {
        text: format!("{:.4}/{:.4}{}", recall.ratio(), precision.ratio(), bound.mark()),
        holds: recall.ratio() >= bound.least && precision.ratio() >= bound.least && counted.ratio() >= 1.0,
    }
}

fn analyse(model: &Model, clip: &str, engine: &str) -> Result<Vec<Record>, String> {
    let job = Job::new(&serde_json::to_string(&json!({
        "cameras": [{ "name": "clip", "source": media(&format!("clips/{clip}")), "analyze": model.analyze(engine) }],
        "outputs": { "json_lines": "$OUT/found.jsonl" },
    })).unwrap());
    let output = job.run(&[]);
    if output.status.success() { Ok(records::ours(&job.file("found.jsonl"))) } else { Err(stderr(&output)) }
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

/// Frames in which as many bottles are found as a person has counted.
fn count_bottles(ours: &[Record]) -> Share {
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
    share
}
