//! Bad input ends in one sentence that says where, what was found and what to do, and in a stable exit code.
//!
//! What `edgevision check` says about a config and what it names is tested beside the command
//! (`pipeline/tests/cli`); here the real command meets the real file, camera or model.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use edgevision_tests::{
    clips,
    command::{Job, Running, edgevision, stderr, yaml},
    media::shipped,
    modules, records,
    rtsp::{Camera, free_port, wait_until},
};

const SIZE: (u32, u32) = (320, 240);

/// A job over one camera.
fn job(source: &str) -> Job {
    let job = Job::new(&format!(
        "cameras: [{{name: belt, source: {source}}}]
analyze: {{preprocess: $OUT/look.wasm, detect: $OUT/look.wasm}}
outputs: {{json_lines: {{path: $OUT/found.jsonl, skipped: true}}}}
"
    ));
    modules::build("look", job.folder.path());
    job
}

/// What a run left behind.
struct Outcome {
    code: Option<i32>,
    log: String,
    frames: usize,
    reasons: Vec<String>,
}

/// The command as a user types it in the job's folder; paths in messages are then as short as in the config.
fn command(job: &Job) -> Command {
    let mut command = edgevision();
    command.current_dir(job.folder.path()).args(["--config", "job.yaml"]);
    command
}

fn run(job: &Job, arguments: &[&str]) -> Outcome {
    let output = command(job).args(arguments).output().unwrap();
    let log = stderr(&output);
    assert!(!log.contains("panicked"), "{log}");
    let found = job.file("found.jsonl");
    let (frames, reasons) =
        if found.exists() { (records::ours(&found).len(), reasons(&found)) } else { (0, Vec::new()) };
    Outcome { code: output.status.code(), log, frames, reasons }
}

/// The reasons of all state records.
fn reasons(found: &Path) -> Vec<String> {
    let lines = records::lines(found).into_iter();
    lines.filter_map(|line| line["reason"].as_str().map(str::to_owned)).collect()
}

/// The camera fails with this sentence, told once in the log and once as a record, and with this exit code.
fn refused(found: &Outcome, code: i32, sentence: &str) {
    assert_eq!(found.code, Some(code), "{}", found.log);
    assert_eq!(found.log.matches(sentence).count(), 1, "expected once: {sentence}\nfound: {}", found.log);
    assert_eq!(found.reasons, [sentence], "{}", found.log);
    assert_eq!(found.frames, 0, "{}", found.log);
}

/// A warning, told once.
fn warned(found: &Outcome, sentence: &str) {
    let lines: Vec<&str> = found.log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(
        lines.len() == 1 && lines[0].contains(sentence),
        "expected once: {sentence}\nfound: {}",
        found.log
    );
}

/// A clip of four seconds in the job's folder, changed by `spoil`.
fn clip(job: &Job, encode: &str, spoil: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let path = job.file("clip.mp4");
    clips::make(&path, SIZE, 100, encode);
    let mut bytes = std::fs::read(&path).unwrap();
    spoil(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    path
}

const INDEX_LAST: &str = "x264enc key-int-max=25 ! mp4mux";
const INDEX_FIRST: &str = "x264enc key-int-max=25 ! mp4mux faststart=true";

fn cut(percent: usize) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes.truncate(bytes.len() * percent / 100)
}

#[test]
fn a_clip_without_video() {
    let job = job("clip.ogg");
    clips::make(&job.file("clip.ogg"), SIZE, 2, "fakesink audiotestsrc num-buffers=50 ! opusenc ! oggmux");
    let sentence =
        "camera belt: clip.ogg: has no video stream (only audio); give a clip or camera with video";
    refused(&run(&job, &[]), 65, sentence);
}

#[test]
fn a_clip_that_is_cut_off_before_its_index() {
    let job = job("clip.mp4");
    clip(&job, INDEX_LAST, cut(50));
    let sentence =
        "camera belt: clip.mp4: cannot be played, because it is cut off or damaged; copy or record it again";
    refused(&run(&job, &[]), 65, sentence);
}

/// What is there is analysed; what is missing is told.
#[test]
fn a_clip_that_is_cut_off_behind_its_index() {
    let job = job("clip.mp4");
    clip(&job, INDEX_FIRST, cut(60));
    let found = run(&job, &[]);
    assert_eq!(found.code, Some(0), "{}", found.log);
    assert!((20..90).contains(&found.frames), "{}", found.frames);
    warned(&found, "camera belt: clip.mp4: ends after ");
    let rest = " s of the 4.0 s that it announces; it is cut off or damaged: copy or record it again if the rest \
                matters";
    warned(&found, rest);
}

#[test]
fn a_looped_clip_that_is_cut_off_is_told_of_once() {
    let job = job("{uri: clip.mp4, loop: true, pace: fast}");
    clip(&job, INDEX_FIRST, cut(60));
    let found = run(&job, &["--duration", "3s"]);
    assert_eq!(found.code, Some(0), "{}", found.log);
    assert!(found.frames > 150, "{}", found.frames);
    warned(&found, " s of the 4.0 s that it announces; ");
}

#[test]
fn a_looped_clip_that_is_whole_is_no_reason_for_a_warning() {
    let job = job("{uri: clip.mp4, loop: true, pace: realtime}");
    clips::make(&job.file("clip.mp4"), SIZE, 40, INDEX_LAST);
    let found = run(&job, &["--duration", "5s"]);
    assert_eq!(found.code, Some(0), "{}", found.log);
    assert!(found.frames > 80 && !found.log.contains("WARN"), "{} frames\n{}", found.frames, found.log);
}

/// Half of the pictures' data is nonsense: some frames are lost, nothing else.
#[test]
fn a_clip_with_damaged_pictures() {
    let job = job("clip.mp4");
    clip(&job, INDEX_FIRST, |bytes| {
        let half = bytes.len() / 2;
        for (at, byte) in bytes[half..].iter_mut().enumerate().step_by(37) {
            *byte ^= u8::try_from(at % 251).unwrap() | 1;
        }
    });
    let found = run(&job, &[]);
    let sentence =
        "camera belt: clip.mp4: cannot be played, because it is cut off or damaged; copy or record it again";
    // Which of the two it is depends on the decoder.
    assert!(found.code == Some(0) || found.code == Some(65), "{:?}: {}", found.code, found.log);
    assert_eq!(found.log.matches(sentence).count(), usize::from(found.code == Some(65)), "{}", found.log);
    assert!(found.frames >= 20, "{}: {}", found.frames, found.log);
}

#[test]
fn a_clip_that_is_a_letter() {
    let job = job("clip.mp4");
    std::fs::write(job.file("clip.mp4"), "Dear Sirs, this is not a clip.\n".repeat(50)).unwrap();
    let sentence =
        "camera belt: clip.mp4: holds no video that is known; give a clip, for example MP4, Matroska or AVI";
    refused(&run(&job, &[]), 65, sentence);
}

/// What is wrong before anything starts: rows of source, more lines, the first error behind the file's name, code.
#[test]
fn what_is_found_before_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let look = "analyze: {preprocess: $OUT/look.wasm, detect: $OUT/look.wasm}\n";
    let table = [
        ("clip.mp4", look.to_owned(), "1:32: cameras[0].source.uri: clip.mp4 does not exist".to_owned(), 66),
        (
            "empty.mp4",
            look.to_owned(),
            "1:32: cameras[0].source.uri: empty.mp4 is empty (0 bytes)".to_owned(),
            66,
        ),
        (
            "test://ball",
            format!("{look}outputs: {{rtsp: {{listen: '127.0.0.1:{port}'}}}}\n"),
            format!(
                "3:26: outputs.rtsp.listen: port {port} of 127.0.0.1 is in use by another program; end it \
                 (`ss -ltnp 'sport = :{port}'` shows it) or choose another port"
            ),
            69,
        ),
        (
            "test://ball",
            format!("{look}outputs: {{json_lines: empty.mp4/found.jsonl}}\n"),
            "3:23: outputs.json_lines.path: empty.mp4 is a file, not a folder; give another path".to_owned(),
            74,
        ),
    ];
    for (source, more, sentence, code) in table {
        let job = Job::new(&format!("cameras: [{{name: belt, source: '{source}'}}]\n{more}"));
        modules::build("look", job.folder.path());
        std::fs::write(job.file("empty.mp4"), "").unwrap();
        let output = command(&job).args(["--duration", "1s"]).output().unwrap();
        let log = stderr(&output);
        assert_eq!(log, format!("job.yaml:{sentence}\n"));
        assert_eq!(output.status.code(), Some(code), "{log}");
    }
}

#[test]
fn a_model_with_operators_that_the_engine_lacks() {
    let job = Job::new(
        "cameras: [{name: belt, source: 'test://ball'}]
analyze: {preprocess: $OUT/look.wasm, detect: $OUT/look.wasm, model: {path: $OUT/odd.onnx, engine: rten}}
",
    );
    modules::build("look", job.folder.path());
    let mut model = std::fs::read(shipped("samples/line3.onnx")).unwrap();
    // NodeProto.op_type: field 4, length-delimited, 4 bytes.
    let operator = model.windows(6).position(|bytes| bytes == b"\x22\x04Conv").unwrap();
    model[operator + 2..operator + 6].copy_from_slice(b"Cone");
    std::fs::write(job.file("odd.onnx"), model).unwrap();
    let output = command(&job).args(["--duration", "1s"]).output().unwrap();
    let log = stderr(&output);
    assert_eq!(output.status.code(), Some(78), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    let words =
        ["job.yaml:2:", "analyze.model", "odd.onnx", "lacks the operator(s) `Cone`", "export the model"];
    assert!(words.iter().all(|word| log.contains(word)), "{log}");
    let inspected = edgevision().arg("inspect").arg(job.file("odd.onnx")).output().unwrap();
    assert_eq!(inspected.status.code(), Some(65));
    assert!(stderr(&inspected).contains("lacks the operator(s) `Cone`"), "{}", stderr(&inspected));
}

#[test]
fn a_device_that_is_no_camera() {
    let sentence = "camera belt: v4l2:///dev/null: is no camera; `v4l2-ctl --list-devices` lists the cameras";
    refused(&run(&job("'v4l2:///dev/null'"), &["--duration", "20s"]), 65, sentence);
}

/// A network camera may be switched on later: the command waits for it and says so.
#[test]
fn a_camera_that_is_not_there_is_waited_for() {
    let port = free_port();
    let found = run(&job(&format!("'rtsp://127.0.0.1:{port}/camera'")), &["--duration", "1s"]);
    let sentence = format!(
        "camera belt: rtsp://127.0.0.1:{port}/camera: no connection to the camera; check that it is switched on and \
         that address and port are right"
    );
    assert_eq!(found.code, Some(0), "{}", found.log);
    assert!(
        !found.reasons.is_empty() && found.reasons.iter().all(|reason| *reason == sentence),
        "{:?}",
        found.reasons
    );
    assert!(found.log.contains(&format!("{sentence}; trying again in ")), "{}", found.log);
}

#[test]
fn a_camera_without_such_a_stream() {
    let port = free_port();
    let _camera = Camera::start(port, "h264", "320x240", None);
    let found = run(&job(&format!("'rtsp://127.0.0.1:{port}/other'")), &["--duration", "2s"]);
    let sentence = format!(
        "camera belt: rtsp://127.0.0.1:{port}/other: the camera answers, but has no stream at this path; look up the \
         path in its manual"
    );
    assert!(found.reasons.contains(&sentence), "{:?}\n{}", found.reasons, found.log);
}

#[test]
fn a_wrong_password_and_none() {
    let port = free_port();
    let _camera = Camera::start(port, "h264", "320x240", Some("operator:right"));
    let table = [
        (
            ", user: operator, password: {file: password}",
            "the camera refuses the user name or password; check `user` and `password` of this source",
        ),
        (
            "",
            "the camera asks for a user name and a password; write `user: NAME` and `password: {env: NAME}` beside \
             its `uri`",
        ),
    ];
    for (login, sentence) in table {
        let job = job(&format!("{{uri: 'rtsp://127.0.0.1:{port}/camera'{login}}}"));
        std::fs::write(job.file("password"), "hunter2\n").unwrap();
        let found = run(&job, &["--duration", "20s"]);
        refused(&found, 77, &format!("camera belt: rtsp://127.0.0.1:{port}/camera: {sentence}"));
        assert!(!found.log.contains("hunter2"), "{}", found.log);
    }
}

#[test]
fn a_broken_picture_among_good_ones() {
    let job = job("{uri: shots, loop: true, pace: fast}");
    let shots = job.file("shots");
    std::fs::create_dir(&shots).unwrap();
    for number in [1, 2, 4] {
        image::RgbImage::new(320, 240).save(shots.join(format!("{number}.jpg"))).unwrap();
    }
    let whole = std::fs::read(shots.join("1.jpg")).unwrap();
    std::fs::write(shots.join("3.jpg"), &whole[..60]).unwrap();
    let once = run(&job, &["--once"]);
    assert_eq!((once.code, once.frames), (Some(0), 3), "{}", once.log);
    warned(&once, "camera belt: shots/3.jpg: cannot be decoded and is left out (");
    warned(&once, "); repair or remove it");
    let looped = run(&job, &["--duration", "2s"]);
    assert!(looped.frames > 12, "{}", looped.frames);
    warned(&looped, "camera belt: shots/3.jpg: cannot be decoded and is left out (");
}

#[test]
fn pictures_that_are_all_broken() {
    let job = job("shots");
    std::fs::create_dir(job.file("shots")).unwrap();
    std::fs::write(job.file("shots/1.png"), "no picture").unwrap();
    let sentence = "camera belt: shots: none of the pictures can be decoded; give JPEG or PNG pictures";
    refused(&run(&job, &[]), 65, sentence);
}

/// The good one goes on; the end still says that somebody has to look.
#[test]
fn a_bad_camera_beside_a_good_one() {
    let job = Job::new(&format!(
        "cameras: [{{name: bad, source: {letter}}}, {{name: good, source: {{uri: 'test://ball', framerate: 20}}}}]
analyze: {{preprocess: $OUT/look.wasm, detect: $OUT/look.wasm}}
outputs: {{json_lines: {{path: $OUT/found.jsonl, skipped: true}}}}
",
        letter = yaml(Path::new("letter.mp4")),
    ));
    modules::build("look", job.folder.path());
    std::fs::write(job.file("letter.mp4"), "Dear Sirs\n".repeat(50)).unwrap();
    let (command, found) = (Running::of(command(&job)), job.file("found.jsonl"));
    let failed = || found.exists() && !reasons(&found).is_empty();
    wait_until("the bad camera's failure", Duration::from_secs(30), failed);
    let good = || records::ours(&found).iter().filter(|record| record.camera == "good").count();
    let before = good();
    wait_until("more frames of the good camera", Duration::from_secs(30), || good() >= before + 20);
    let output = command.interrupt();
    let log = stderr(&output);
    assert_eq!(output.status.code(), Some(65), "{log}");
    assert_eq!(log.matches("camera bad: letter.mp4: holds no video that is known").count(), 1, "{log}");
    let rows: Vec<Vec<&str>> = log.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert!(rows.contains(&vec!["bad", "failed"]) && rows.contains(&vec!["good", "ended"]), "{log}");
}

/// `/dev/full` takes nothing: each line is lost, the first is told of, and the camera goes on.
#[test]
fn a_full_disk_while_running() {
    let job = Job::new(
        "cameras: [{name: belt, source: 'test://ball'}]
analyze: {preprocess: $OUT/look.wasm, detect: $OUT/look.wasm}
outputs: {json_lines: /dev/full}
",
    );
    modules::build("look", job.folder.path());
    let output = job.run(&["--duration", "2s"]);
    let log = stderr(&output);
    assert!(output.status.success(), "{log}");
    let told: Vec<&str> = log.lines().filter(|line| line.contains("/dev/full")).collect();
    assert!(!told.is_empty() && told.len() <= 2, "told once by the camera and once by its frames: {log}");
    assert!(!log.contains("module_failed"), "{log}");
}
