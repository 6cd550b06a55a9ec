//! The folders in which modules are looked for.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Names more folders with modules, `:` between them; they come first.
pub const VARIABLE: &str = "EDGEVISION_MODULE_PATH";

/// Where modules lie inside a data folder.
const IN_DATA: &str = "edgevision/modules";

static PLUGIN_FILE: OnceLock<PathBuf> = OnceLock::new();

/// Tells that this code runs inside a plugin: modules are then looked for beside `file` and not beside the executable,
/// which is somebody else's. The first call counts.
pub fn set_plugin_file(file: PathBuf) {
    PLUGIN_FILE.get_or_init(|| file);
}

/// The plugin that this code runs inside, else the executable.
pub(crate) fn program() -> Option<PathBuf> {
    PLUGIN_FILE.get().cloned().or_else(|| env::current_exe().ok())
}

/// The folders where names are looked for, in order. Those of the variable and the data folders need not exist: who
/// reads them in an error learns where a module may be put.
#[must_use]
pub fn folders() -> Vec<PathBuf> {
    let near = program().as_deref().map(near).unwrap_or_default();
    let told = told(|name| env::var_os(name).filter(|value| !value.is_empty()));
    distinct(told.into_iter().chain(near.into_iter().filter(|folder| folder.is_dir())))
}

fn distinct(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        if !found.contains(&folder) {
            found.push(folder);
        }
    }
    found
}

/// What the environment tells.
fn told(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let named = variable(VARIABLE).into_iter().flat_map(|value| paths(&value));
    named.chain(data_folders(&variable).into_iter().map(|folder| folder.join(IN_DATA))).collect()
}

/// The user's, then the system's, as the XDG base directory specification defines them.
fn data_folders(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let default = || Some(Path::new(&variable("HOME")?).join(".local/share"));
    let user = variable("XDG_DATA_HOME").map(PathBuf::from).or_else(default);
    let system = variable("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    // Relative paths in these variables are invalid, says the specification.
    user.into_iter().chain(paths(&system)).filter(|folder| folder.is_absolute()).collect()
}

fn paths(value: &OsStr) -> Vec<PathBuf> {
    env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Places beside a plugin or an executable.
fn near(program: &Path) -> Vec<PathBuf> {
    let up = |levels: usize, inside: &str| program.ancestors().nth(levels).map(|folder| folder.join(inside));
    let places = [
        up(2, "guests"),
        // Executables of tests lie one folder deeper: `target/debug/deps`.
        up(3, "guests"),
        // `<data folder>/gstreamer-1.0/plugins`.
        up(3, IN_DATA),
        // `<prefix>/bin`, `<prefix>/lib/gstreamer-1.0`, `<prefix>/lib/<architecture>/gstreamer-1.0`.
        up(2, "share/edgevision/modules"),
        up(3, "share/edgevision/modules"),
        up(4, "share/edgevision/modules"),
    ];
    places.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_by(variables: &[(&str, &str)]) -> Vec<PathBuf> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        told(|name| value(name).map(OsString::from))
    }

    #[test]
    fn the_variable_comes_first_then_the_users_folder_then_the_systems() {
        let variables = [
            (VARIABLE, "/a:/b:"),
            ("HOME", "/home/me"),
            ("XDG_DATA_HOME", "/data"),
            ("XDG_DATA_DIRS", "relative:/sys"),
        ];
        let expected = ["/a", "/b", "/data/edgevision/modules", "/sys/edgevision/modules"];
        assert_eq!(told_by(&variables), expected.map(PathBuf::from));
    }

    #[test]
    fn without_variables_the_folders_are_those_of_the_specification() {
        let expected = [
            "/home/me/.local/share/edgevision/modules",
            "/usr/local/share/edgevision/modules",
            "/usr/share/edgevision/modules",
        ];
        assert_eq!(told_by(&[("HOME", "/home/me")]), expected.map(PathBuf::from));
    }

    #[test]
    fn builds_and_installations_are_found_wherever_they_are() {
        for (program, folder) in [
            ("/src/target/debug/libgstedgevision.so", "/src/target/guests"),
            ("/src/target/debug/deps/docs-1234", "/src/target/guests"),
            ("/opt/ev/bin/edgevision", "/opt/ev/share/edgevision/modules"),
            ("/opt/ev/lib/gstreamer-1.0/libgstedgevision.so", "/opt/ev/share/edgevision/modules"),
            (
                "/opt/ev/lib/x86_64-linux-gnu/gstreamer-1.0/libgstedgevision.so",
                "/opt/ev/share/edgevision/modules",
            ),
            ("/data/gstreamer-1.0/plugins/libgstedgevision.so", "/data/edgevision/modules"),
        ] {
            let found = near(Path::new(program));
            assert!(found.contains(&PathBuf::from(folder)), "{program}: {found:?}");
        }
    }

    #[test]
    fn a_folder_is_searched_once() {
        let folders = ["/a", "/b", "/a"].map(PathBuf::from);
        assert_eq!(distinct(folders.into_iter()), ["/a", "/b"].map(PathBuf::from));
    }
}
