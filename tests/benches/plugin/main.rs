//! What our element costs a pipeline that is there already: frames a second of one 1080p clip with nothing behind the
//! decoder, with a module that does nothing, and with what people do instead. Prints one JSON object a figure, for
//! `cargo xtask bench` to put into its table.
//!
//! Each run is a process of its own (this program again, or Python). Runs of all ways take turns, and what counts is
//! the median over the turns of the ratio within a turn: whatever else the machine does disturbs neighbours alike.
#![allow(clippy::unwrap_used, reason = "a benchmark may fail by panicking")]

mod ways;
mod work;

use std::path::Path;

use edgevision_tests::{
    clips,
    media::{media, shipped},
};
use ways::Way;
use work::Work;

/// More turns make the median steadier.
const TURNS: usize = 5;

/// Ten seconds of a camera.
const FRAMES: u32 = 250;

/// 8 Mbit/s is what a camera sends at this size.
const ENCODE: &str = "x264enc speed-preset=veryfast bitrate=8000 key-int-max=50 ! h264parse ! mp4mux";

fn main() {
    if let Some(pipeline) = std::env::args().skip_while(|argument| argument != "--run").nth(1) {
        println!("{}", serde_json::to_string(&work::measure(&pipeline)).unwrap());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("full-hd.mp4");
    let source = media("clips/traffic-640x360.mp4").unwrap_or_else(|| shipped("samples/line3.mp4"));
    clips::scale(&source, &clip, (1920, 1080), FRAMES, ENCODE);
    report(&ways::all(&clip, folder.path()));
}

fn report(ways: &[Way]) {
    let turns: Vec<Vec<Work>> = (0..TURNS).map(|_| ways.iter().map(Way::run).collect()).collect();
    for turn in &turns {
        assert!(turn.iter().all(|work| work.frames == turn[0].frames), "frames were lost: {turn:?}");
    }
    let median = |of: &dyn Fn(&[Work]) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(|turn| of(turn)).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    for (i, way) in ways.iter().enumerate() {
        figure(way.name, median(&|turn| turn[i].rate()), "frames/s", None);
    }
    let slower = median(&|turn| 100.0 * (1.0 - turn[1].rate() / turn[0].rate()));
    figure(
        "frames/s lost by evdetect with a module that does nothing",
        slower,
        "% of decode only",
        Some(3.0),
    );
    // Below zero: the decoder's copy of each frame, which it makes before a sink, costs more than the element.
    let more = |way: usize, than: usize| {
        median(&|turn| 1e6 * (turn[way].cpu_per_frame() - turn[than].cpu_per_frame()))
    };
    figure("processor time of evdetect and module, decode subtracted", more(1, 0), "µs/frame", None);
    figure("processor time of hand-over and module alone", more(1, 2), "µs/frame", None);
}

fn figure(name: &str, value: f64, unit: &str, limit: Option<f64>) {
    println!("{}", serde_json::json!({ "figure": name, "value": value, "unit": unit, "limit": limit }));
}

/// A module of the bench, compiled into `folder`.
fn module(name: &str, text: &str, folder: &Path) -> String {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path.to_string_lossy().into_owned()
}
