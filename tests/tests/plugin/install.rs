//! `make install-plugin`, and a process that knows nothing but the folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use edgevision_tests::media::{repository, shipped};

/// `make` over the build that is there.
fn make(target: &str, settings: &[(&str, &Path)]) -> String {
    let mut command = Command::new("make");
    command.current_dir(repository()).args([target, "PROFILE=dev"]);
    for variable in ["PREFIX", "DESTDIR", "PLUGINSDIR", "XDG_DATA_HOME"] {
        command.env_remove(variable);
    }
    command.envs(settings.iter().copied());
    output(&mut command)
}

/// A process with an empty registry and without the variables of this one.
fn fresh(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home).current_dir(home);
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{all}", output.status);
    all
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The sample's pipeline with modules named only by name.
fn analyse(command: &mut Command) -> String {
    let property = |name: &str, path: &str| format!("{name}={}", shipped(path).display());
    command
        .args(["-q", "filesrc", "num-buffers=100", &property("location", "samples/line3.mp4")])
        .args("! decodebin3 ! evdetect name=detect preprocess=letterbox detector=yolo.wasm deadline=60000000000".split(' '))
        .arg(r#"preprocess-params={"color":"bgr","align":"top_left"}"#)
        .args([property("model", "samples/line3.onnx"), property("labels", "samples/line3.labels.txt")])
        .args("! evpublish ! fakesink num-buffers=5".split(' '));
    output(command)
}

#[test]
fn for_one_user_it_is_found_without_any_variable() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".local/share");
    let said = make("install-plugin", &[("XDG_DATA_HOME", &data)]);
    assert!(said.contains("check it: gst-inspect-1.0 edgevision"), "{said}");
    let described = output(fresh("gst-inspect-1.0", home.path()).arg("edgevision"));
    let plugin = data.join("gstreamer-1.0/plugins/libgstedgevision.so");
    assert!(described.contains(&*plugin.to_string_lossy()), "{described}");
    assert!(described.contains("evdetect"), "{described}");
    let records = analyse(&mut fresh("gst-launch-1.0", home.path()));
    assert!(records.contains(r#""status":"ok""#), "{records}");

    // A module of the user's own stays.
    let own = data.join("edgevision/modules/own.wasm");
    std::fs::write(&own, "").unwrap();
    make("uninstall-plugin", &[("XDG_DATA_HOME", &data)]);
    assert_eq!(files(&data), [own]);
}

#[test]
fn in_a_prefix_it_brings_its_modules_along() {
    let (home, stage) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = [("PREFIX", Path::new("/opt/edgevision")), ("DESTDIR", stage.path())];
    make("install-plugin", &settings);
    let installed = files(stage.path());
    let plugin = installed.iter().find(|path| path.ends_with("libgstedgevision.so")).unwrap();
    assert!(plugin.starts_with(stage.path().join("opt/edgevision/lib")), "{installed:?}");
    let modules = stage.path().join("opt/edgevision/share/edgevision/modules");
    assert!(installed.contains(&modules.join("letterbox.wasm")), "{installed:?}");
    let mut launch = fresh("gst-launch-1.0", home.path());
    let records = analyse(launch.env("GST_PLUGIN_PATH", plugin.parent().unwrap()));
    assert!(records.contains(r#""status":"ok""#), "{records}");
    make("uninstall-plugin", &settings);
    assert_eq!(files(stage.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_prefix_must_be_a_whole_path() {
    let mut command = Command::new(repository().join("xtask/plugin.sh"));
    let output = command.arg("install").env("PREFIX", "usr").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.success(), said.trim()),
        (false, "edgevision: PREFIX is usr; it must begin with /")
    );
}

/// Whoever loads the plugin gets its entry points and nothing that could shadow a symbol of their own.
#[test]
fn it_exports_its_entry_points_only() {
    let plugin = edgevision_tests::command::program("libgstedgevision.so");
    let table = output(Command::new("nm").args(["-D", "--defined-only"]).arg(plugin));
    let mut symbols: Vec<&str> =
        table.lines().filter_map(|line| line.split_whitespace().next_back()).collect();
    symbols.sort_unstable();
    assert_eq!(symbols, ["gst_plugin_edgevision_get_desc", "gst_plugin_edgevision_register"]);
}

#[test]
fn a_module_that_is_nowhere_is_an_error_that_helps() {
    let home = tempfile::tempdir().unwrap();
    let plugins = edgevision_tests::command::program("libgstedgevision.so");
    let mut command = fresh("gst-launch-1.0", home.path());
    command.env("GST_PLUGIN_PATH", plugins.parent().unwrap()).env("EDGEVISION_MODULE_PATH", "/nowhere");
    let output =
        command.args("videotestsrc ! evdetect preprocess=leterbox ! fakesink".split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    let expected = format!(
        "unknown module `leterbox`; did you mean `letterbox`? searched ., /nowhere, {}/.local/share/edgevision/modules, ",
        home.path().display()
    );
    assert!(said.contains(&expected), "{said}");
}
