//! The promise: the decoder writes into the memory that the modules read.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::time::Duration;

use edgevision_tests::{
    clips,
    command::{Job, stderr, yaml},
    modules,
    records::{self, Record},
    rtsp::{Camera, free_port, wait_until},
};

/// Decoders may start before they know the pool; from then on nothing is copied.
const WARM_UP: usize = 8;
const FULL_HD: (u32, u32) = (1920, 1080);

fn job(source: &str) -> Job {
    let job = Job::new(&format!(
        "cameras:
  - name: cam
    source: {source}
    analyze: {{preprocess: $OUT/look.wasm, detect: $OUT/look.wasm, threshold: 0}}
outputs:
  json_lines: {{path: $OUT/found.jsonl, skipped: true}}
"
    ));
    modules::build("look", job.folder.path());
    job
}

fn in_place(records: &[Record]) -> f64 {
    let known: Vec<&str> =
        records.iter().skip(WARM_UP).filter_map(|record| record.transfer.as_deref()).collect();
    assert!(known.len() > 60, "only {} frames were handed over", known.len());
    let count = known.iter().filter(|transfer| **transfer == "in_place").count();
    f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(known.len()).unwrap())
}

fn file_stays_in_place(name: &str, encode: &str) {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join(name);
    clips::make(&clip, FULL_HD, 100, encode);
    let job = job(&yaml(&clip));
    let output = job.run(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let records = records::ours(&job.file("found.jsonl"));
    assert_eq!(records.len(), 100);
    assert!(records.iter().all(|record| record.status == "ok" && record.objects.len() == 1));
    assert!(in_place(&records) >= 0.99, "{}", in_place(&records));
}

#[test]
fn h264_file() {
    file_stays_in_place("clip.mp4", "x264enc speed-preset=ultrafast bframes=2 key-int-max=25 ! mp4mux");
}

#[test]
fn h265_file() {
    file_stays_in_place(
        "clip.mkv",
        "x265enc speed-preset=ultrafast key-int-max=25 ! h265parse ! matroskamux",
    );
}

#[test]
fn mjpeg_file() {
    file_stays_in_place("clip.mkv", "jpegenc ! matroskamux");
}

#[test]
fn live_rtsp_camera() {
    let port = free_port();
    let _camera = Camera::start(port, "h264", "1920x1080", None);
    let job = job(&format!("rtsp://127.0.0.1:{port}/camera"));
    let command = job.start();
    let found = job.file("found.jsonl");
    wait_until("100 frames", Duration::from_secs(60), || {
        found.exists() && records::lines(&found).len() > 100
    });
    let output = command.interrupt();
    assert!(output.status.success(), "{}", stderr(&output));
    let records = records::ours(&found);
    assert!(in_place(&records) >= 0.99, "{}", in_place(&records));
}
