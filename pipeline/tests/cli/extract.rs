//! `edgevision extract-frames`.

use std::{path::Path, process::Stdio, time::Duration};

use crate::workshop::{command, config, run, workshop, write};

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().map(|entries| entries.map(|entry| entry.unwrap().file_name()));
    let mut names: Vec<String> =
        entries.into_iter().flatten().map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// A folder `shots` with pictures of one grey each: the n-th is n times ten.
fn shots(folder: &tempfile::TempDir, count: u8) {
    std::fs::create_dir(folder.path().join("shots")).unwrap();
    for n in 0..count {
        let picture = image::RgbImage::from_pixel(16, 8, image::Rgb([n * 10; 3]));
        picture.save(folder.path().join(format!("shots/{n}.png"))).unwrap();
    }
}

#[test]
fn frames_are_spread_over_the_whole_source() {
    let folder = workshop();
    shots(&folder, 12);
    let found = run(&folder, &["extract-frames", "shots", "--out", "out", "--count", "3"]);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    assert_eq!(found.stdout, "3 frames of camera shots in out\n");
    let out = folder.path().join("out");
    // five pictures a second, as in a config
    let wanted =
        ["manifest.json", "shots-000002-400ms.png", "shots-000006-1200ms.png", "shots-000010-2000ms.png"];
    assert_eq!(names(&out), wanted);
    let picture = image::open(out.join("shots-000006-1200ms.png")).unwrap().into_rgb8();
    assert_eq!((picture.dimensions(), picture.get_pixel(15, 7).0), ((16, 8), [60; 3]));
    let manifest = manifest(&out);
    assert_eq!((&manifest["camera"], &manifest["source"]), (&"shots".into(), &"shots".into()));
    let second = &manifest["frames"][1];
    assert_eq!((&second["frame"], &second["timestamp_ns"]), (&6.into(), &1_200_000_000_u64.into()));
    assert_eq!((&second["file"], &second["width"]), (&"shots-000006-1200ms.png".into(), &16.into()));
}

#[test]
fn every_nth_or_random_frames_as_jpeg() {
    let folder = workshop();
    shots(&folder, 9);
    let run = |arguments: &[&str]| run(&folder, &[&["extract-frames", "shots"], arguments].concat());
    let found = run(&["--out", "every", "--every", "4", "--format", "jpeg"]);
    assert_eq!((found.code, &*found.stdout), (0, "3 frames of camera shots in every\n"));
    let every = names(&folder.path().join("every"));
    assert_eq!(every[1..], ["shots-000000-0ms.jpg", "shots-000004-800ms.jpg", "shots-000008-1600ms.jpg"]);
    assert_eq!(run(&["--out", "a", "--random", "--count", "4"]).code, 0);
    assert_eq!(run(&["--out", "b", "--random", "--count", "4", "--seed", "2"]).code, 0);
    let [a, b] = ["a", "b"].map(|out| names(&folder.path().join(out)));
    assert_eq!((a.len(), b.len()), (5, 5));
    assert_ne!(a, b, "another seed, other frames");
    let time = run(&["--out", "time", "--every", "1s"]);
    assert_eq!(time.stdout, "2 frames of camera shots in time\n", "at 0 s and 1 s of 1.8 s");
}

#[test]
fn what_is_there_stays_unless_it_is_forced() {
    let folder = workshop();
    shots(&folder, 2);
    let extract =
        |more: &[&str]| run(&folder, &[&["extract-frames", "shots", "--out", "out"], more].concat());
    assert_eq!(extract(&[]).code, 0);
    let again = extract(&[]);
    assert_eq!(again.code, 74);
    assert_eq!(
        again.stderr,
        "out/manifest.json is there already; choose another --out, or replace it with --force\n"
    );
    assert_eq!(extract(&["--force"]).code, 0);
    let blocked = run(&folder, &["extract-frames", "shots", "--out", "labels.txt/x"]);
    assert_eq!(blocked.code, 74);
    assert!(blocked.stderr.starts_with("labels.txt/x cannot be written: "), "{}", blocked.stderr);
}

#[test]
fn a_camera_of_a_config() {
    let folder = workshop();
    shots(&folder, 2);
    let two = config("").replace(
        "[{name: a, source: 'test://ball'}]",
        "[{name: a, source: shots}, {name: b, source: {uri: 'test://ball', size: 32x16}}]",
    );
    write(&folder, "two.yaml", two.as_bytes());
    let extract = |more: &[&str]| run(&folder, &[&["extract-frames", "-c", "two.yaml", "-o"], more].concat());
    let found = extract(&["x"]);
    assert_eq!(
        (found.code, &*found.stderr),
        (64, "the config has several cameras; choose one with --camera: a, b\n")
    );
    let found = extract(&["x", "--camera", "c"]);
    assert!(found.code == 64 && found.stderr.contains("no camera `c`"), "{}", found.stderr);
    let found = extract(&["x", "--camera", "b", "--count", "2", "--every", "3"]);
    assert_eq!((found.code, &*found.stdout), (0, "2 frames of camera b in x\n"));
    let frames = &manifest(&folder.path().join("x"))["frames"];
    assert_eq!((&frames[1]["frame"], &frames[1]["width"]), (&3.into(), &32.into()));
}

#[test]
fn what_cannot_be_done_is_said_in_one_sentence() {
    let folder = workshop();
    shots(&folder, 2);
    write(&folder, "one.yaml", config("").replace("test://ball", "gone.mp4").as_bytes());
    let table: [(&[&str], i32, &str); 10] = [
        (&[], 64, "required"),
        (&["gone.mp4"], 66, "gone.mp4 does not exist\n"),
        (&["empty.mp4"], 66, "empty.mp4 is empty (0 bytes)\n"),
        (&["text.onnx"], 65, "holds no video that is known"),
        (&["rtsp://u:p@192.0.2.1/x"], 64, "credentials do not belong in the URI"),
        (
            &["test://ball"],
            64,
            "a camera has no end; say how many frames (--count) or how long (--duration)\n",
        ),
        (&["test://ball", "--random", "--count", "2"], 64, "--random needs a source with an end"),
        (&["shots", "--random"], 64, "--random needs --count"),
        (&["shots", "--every", "0"], 64, "`0` is no distance; write a number of frames such as 25"),
        (&["--config", "one.yaml"], 66, "cameras[0].source.uri: gone.mp4 does not exist"),
    ];
    for (arguments, code, sentence) in table {
        let found = run(&folder, &[&["extract-frames", "--out", "out"], arguments].concat());
        assert_eq!(found.code, code, "{arguments:?}: {}", found.stderr);
        assert!(found.stderr.contains(sentence), "{arguments:?}: {}", found.stderr);
        assert!(!folder.path().join("out/manifest.json").exists());
    }
}

#[test]
fn ctrl_c_leaves_whole_pictures_and_their_manifest() {
    let folder = workshop();
    let out = folder.path().join("out");
    let arguments = ["extract-frames", "test://ball", "--out", "out", "--count", "100000"];
    let child = command(&folder, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while names(&out).iter().filter(|name| name.ends_with(".png")).count() < 3 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("in out (stopped early)\n"), "{output:?}");
    let told: Vec<String> = manifest(&out)["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| frame["file"].as_str().unwrap().to_owned())
        .collect();
    let there: Vec<String> = names(&out).into_iter().filter(|name| name != "manifest.json").collect();
    assert_eq!(told, there, "no drafts, and nothing untold");
    assert!(there.iter().all(|name| image::open(out.join(name)).is_ok()));
}
