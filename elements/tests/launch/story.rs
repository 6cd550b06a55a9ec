//! `GST_DEBUG=edgevision*:6` tells what became of a frame.

use super::process::{detect, gst, picture, run, words};

/// The messages of the log, without time, thread, place and object.
fn messages(log: &str) -> Vec<String> {
    let of_ours = log.lines().filter(|line| line.contains(" edgevision-"));
    of_ours.map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest).to_owned()).collect()
}

#[track_caller]
fn assert_in_order(lines: &[String], expected: &[&[&str]]) {
    let mut rest = lines.iter();
    for words in expected {
        let found = rest.by_ref().find(|line| words.iter().all(|word| line.contains(word)));
        assert!(found.is_some(), "{words:?} does not follow in:\n{}", lines.join("\n"));
    }
}

fn told(source: &str) -> Vec<String> {
    let description =
        format!("{source} ! {} ! evoverlay ! evpublish location=/dev/null ! fakesink", detect());
    let ended =
        run(gst("gst-launch-1.0").arg("-q").args(words(&description)).env("GST_DEBUG", "edgevision*:6"));
    assert!(ended.success, "{}", ended.text);
    messages(&ended.text)
}

#[test]
fn a_frame_in_place_from_the_offer_to_its_end() {
    let lines = told(&picture(1));
    assert_in_order(
        &lines,
        &[
            &["edgevision-evdetect", "modules", "letterbox@", "yolo@", "line3@"],
            &["edgevision-framepool", "pool", "I420 640x360", "slots"],
            &["edgevision-evdetect", "offered a pool"],
            &["edgevision-framepool", "slot", "for a new buffer"],
            &["line3 frame 0: accepted, pts 0:00:00", "stream time 0:00:00.0"],
            &["line3 frame 0:", "bytes in place, in arena 1 slot"],
            &["line3 frame 0: given to the workers"],
            &["line3 frame 0: Ok", "preprocess", "inference", "postprocess", "total"],
            &["line3 frame 0:", "detections"],
            &["line3 frame 0: leaves"],
        ],
    );
}

#[test]
fn a_copied_frame_says_why() {
    let source = "videotestsrc num-buffers=1 ! video/x-raw,format=I420,width=64,height=48 ! \
                  identity drop-allocation=true";
    let why = "because the memory is of GstAllocatorSysmem, not of the offered pool";
    assert_in_order(
        &told(source),
        &[
            &["line3 frame 0: accepted"],
            &["line3 frame 0: 4608 bytes copied to arena 1 slot", why],
            &["line3 frame 0: given to the workers"],
            &["line3 frame 0: leaves"],
        ],
    );
}
