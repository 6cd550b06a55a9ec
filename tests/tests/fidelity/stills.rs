//! Pictures: the whole command over the stills against the reference's detections, or its best class.

use std::path::Path;

use edgevision_tests::{
    command::{Job, stderr},
    compare::{Found, Share, found_again},
    media::media,
    records::{self, Record},
};
use gst::prelude::*;
use serde_json::{Value, json};

use crate::{
    catalog::Model,
    cell::{Bound, Cell, Outcome, with_engine},
};

const LEAST_IOU: f64 = 0.75;

pub fn cell(model: &Model, engine: &'static str) -> Cell {
    let run = {
        let model = model.clone();
        move || with_engine(&model, engine, || measure(&model, engine))
    };
    Cell {
        model: model.name.clone(),
        what: "stills".into(),
        engine: Some(engine),
        slow: false,
        run: Box::new(run),
    }
}

fn measure(model: &Model, engine: &str) -> Outcome {
    let reference = media(&format!("reference/images__{}.json", model.name)).unwrap();
    let reference: Value = serde_json::from_slice(&std::fs::read(reference).unwrap()).unwrap();
    let reference = reference.as_array().unwrap();
    let ours = match analyse(model, engine) {
        Ok(ours) => ours,
        Err(error) => return Outcome::Failed(error),
    };
    assert_eq!(ours.len(), reference.len(), "every picture is analysed");
    if model.is_classifier() {
        best_classes(&ours, reference)
    } else {
        boxes(&Bound::of(model, engine, 0.99), &ours, reference)
    }
}

fn analyse(model: &Model, engine: &str) -> Result<Vec<Record>, String> {
    let pictures = tempfile::tempdir().unwrap();
    decode_as_the_reference(pictures.path());
    let job = Job::new(
        &serde_json::to_string(&json!({
            "cameras": [{ "name": "stills", "source": pictures.path(), "analyze": model.analyze(engine) }],
            "outputs": { "json_lines": "$OUT/found.jsonl" },
        }))
        .unwrap(),
    );
    let output = job.run(&[]);
    if output.status.success() { Ok(records::ours(&job.file("found.jsonl"))) } else { Err(stderr(&output)) }
}

/// The pictures as PNG with the pixels of libjpeg, which the reference used: the decoder of our own image source differs
/// by up to 6 grey levels, which tips NMS between cells that are nearly equal.
fn decode_as_the_reference(folder: &Path) {
    gst::init().unwrap();
    for picture in std::fs::read_dir(media("images").unwrap()).unwrap() {
        let picture = picture.unwrap().path();
        let png = folder.join(picture.file_stem().unwrap()).with_extension("png");
        let description = format!(
            "filesrc location={} ! gdkpixbufdec ! videoconvert ! video/x-raw,format=RGB ! pngenc snapshot=true ! \
             filesink location={}",
            picture.display(),
            png.display()
        );
        let pipeline = gst::parse::launch(&description).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let bus = pipeline.bus().unwrap();
        let end = bus.timed_pop_filtered(
            gst::ClockTime::from_seconds(60),
            &[gst::MessageType::Eos, gst::MessageType::Error],
        );
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(end.is_some_and(|end| end.type_() == gst::MessageType::Eos), "{description}");
    }
}

/// The reference lists the pictures by name, as the source does.
fn best_classes(ours: &[Record], reference: &[Value]) -> Outcome {
    let mut share = Share::default();
    for (record, picture) in ours.iter().zip(reference) {
        let best = record.found().into_iter().max_by(|a, b| a.score.total_cmp(&b.score));
        let same = best.map(|found| found.class_id) == picture["top5"][0]["class_id"].as_u64();
        share.add(Share { found: usize::from(same), of: 1 });
    }
    Outcome::Measured {
        text: format!("top-1 {} of {}", share.found, share.of),
        holds: share.found == share.of,
    }
}

fn boxes(bound: &Bound, ours: &[Record], reference: &[Value]) -> Outcome {
    let (mut recall, mut precision) = (Share::default(), Share::default());
    for (record, picture) in ours.iter().zip(reference) {
        let (found, theirs) = (record.found(), detections(picture));
        recall.add(found_again(&theirs, &found, bound.score, LEAST_IOU));
        precision.add(found_again(&found, &theirs, bound.score, LEAST_IOU));
    }
    let (found, confirmed) = (recall.ratio(), precision.ratio());
    let text = format!("{}/{} {}/{}{}", recall.found, recall.of, precision.found, precision.of, bound.mark());
    Outcome::Measured { text, holds: recall.of > 0 && found >= bound.least && confirmed >= bound.least }
}

fn detections(picture: &Value) -> Vec<Found> {
    let found = |detection: &Value| Found {
        class_id: detection["class_id"].as_u64().unwrap(),
        score: detection["score"].as_f64().unwrap(),
        corners: [0, 1, 2, 3].map(|index: usize| detection["box"][index].as_f64().unwrap()),
    };
    picture["detections"].as_array().unwrap().iter().map(found).collect()
}
