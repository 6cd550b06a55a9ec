//! Child processes that know our plugin and nothing of the user's.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().canonicalize().unwrap()
}

/// A detector of what the project ships, named line3.
pub fn detect() -> String {
    let file = |path: &str| repository().join(path).display().to_string();
    format!(
        "evdetect name=line3 deadline=30000000000 threshold=0.7 preprocess={} preprocess-params={{\"color\":\"bgr\",\"align\":\"top_left\"}} \
         detector={} detector-params={{\"agnostic\":true}} model={} labels={}",
        file("target/guests/letterbox.wasm"),
        file("target/guests/yolo.wasm"),
        file("samples/line3.onnx"),
        file("samples/line3.labels.txt"),
    )
}

/// The picture of the sample line as frames.
pub fn picture(frames: u32) -> String {
    let clip = repository().join("samples/line3.mp4");
    let caps = "video/x-raw,format=I420,width=640,height=360";
    // A clip and not a single picture: decoders are part of the story.
    format!("filesrc location={} ! decodebin ! {caps} ! identity eos-after={}", clip.display(), frames)
}

/// `gst-launch-1.0` or the like. Any GLib or GStreamer warning ends it with SIGTRAP.
pub fn gst(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "600", program]);
    command.env("GST_PLUGIN_PATH", plugin_folder());
    command.env("GST_REGISTRY", folder().join("registry.bin"));
    command.env("G_DEBUG", "fatal_warnings").env("GST_DEBUG_NO_COLOR", "1");
    command.env_remove("GST_DEBUG").current_dir(repository());
    command
}

/// The words of a pipeline description, as a shell gives them.
pub fn words(description: &str) -> impl Iterator<Item = &str> {
    description.split_whitespace()
}

pub struct Ended {
    pub text: String,
    pub success: bool,
}

pub fn run(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    Ended { text: format!("{text}\n{status}"), success: status.success() }
}

/// Only our plugin is in it: GStreamer would look at all that lies beside it.
fn plugin_folder() -> PathBuf {
    let plugin = std::env::current_exe().unwrap().with_file_name("libgstedgevision.so");
    assert!(plugin.exists(), "{} is built with this test", plugin.display());
    let folder = folder().join("plugin");
    std::fs::create_dir_all(&folder).unwrap();
    let (link, fresh) = (folder.join("libgstedgevision.so"), folder.join(std::process::id().to_string()));
    // Tests in other processes do the same: a rename takes the place of the link at once.
    if std::fs::read_link(&link).ok().as_ref() != Some(&plugin) {
        std::os::unix::fs::symlink(&plugin, &fresh).unwrap();
        std::fs::rename(&fresh, &link).unwrap();
    }
    folder
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("gstreamer")
}
