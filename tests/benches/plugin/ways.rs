//! What stands behind the decoder.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use edgevision_tests::{command::program, media::shipped};

use crate::{module, work::Work};

/// One of the pipelines.
pub struct Way {
    pub name: &'static str,
    program: Program,
}

enum Program {
    /// A description for this program.
    Ours(String),
    /// The clip for the script.
    Python(String),
}

/// The first decodes only, the second adds a module that does nothing, the third
/// passes its frames by the module.
pub fn all(clip: &Path, folder: &Path) -> Vec<Way> {
    let decode = format!("filesrc location={} ! qtdemux ! h264parse ! avdec_h264", clip.display());
    let preprocess = module("preprocess", include_str!("../nothing/preprocess.wat"), folder);
    let detect = module("detect", include_str!("../nothing/detect.wat"), folder);
    let detect = format!("evdetect preprocess={preprocess} detector={detect}");
    let ours = |name, behind: &str| Way { name, program: Program::Ours(format!("{decode} ! {behind}")) };
    let sink = "fakesink name=sink";
    let mut ways = vec![
        ours("1080p H.264: decode ! fakesink", sink),
        ours("decode ! evdetect with a module that does nothing ! fakesink", &format!("{detect} ! {sink}")),
        ours("the same, no frame analysed", &format!("{detect} interval=1000000 ! {sink}")),
        ours(
            "the same, each frame copied once (alias-memory=false)",
            &format!("{detect} alias-memory=false ! {sink}"),
        ),
        // It takes padded lines, which a plain `fakesink` does not promise.
        ours("decode ! fakevideosink", "fakevideosink name=sink sync=false qos=false"),
    ];
    if python_has_gstreamer() {
        let clip = clip.to_string_lossy().into_owned();
        ways.push(Way {
            name: "decode ! appsink, a callback in Python that maps",
            program: Program::Python(clip),
        });
    }
    ways
}

fn python(script: &[&str]) -> Command {
    // The system's Python: that is where Debian's packages are.
    let mut command = Command::new("/usr/bin/python3");
    command.args(script);
    command
}

fn python_has_gstreamer() -> bool {
    let found =
        python(&["-c", "import gi; gi.require_version('GstApp', '1.0')"]).stderr(Stdio::null()).status();
    let there = found.is_ok_and(|status| status.success());
    if !there {
        eprintln!(
            "no Python with GStreamer, so no figure of it: install python3-gi and gir1.2-gst-plugins-base-1.0"
        );
    }
    there
}

impl Way {
    pub fn run(&self) -> Work {
        let mut command = match &self.program {
            Program::Ours(pipeline) => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--run", pipeline]);
                command.env("GST_PLUGIN_PATH", program("libgstedgevision.so").parent().unwrap());
                command
            }
            Program::Python(clip) => {
                let script = shipped("tests/benches/plugin/appsink.py");
                python(&[&script.to_string_lossy(), clip])
            }
        };
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{command:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
