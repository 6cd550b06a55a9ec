//! Where the native libraries of engines are found. None is linked or shipped: a library is the user's choice, and a
//! host without it works with the embedded engine.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::NnError;
use crate::lookup;

/// A shared library that an engine needs.
pub(super) struct Library {
    /// Name of the engine, and of the library's folder among the engines.
    pub engine: &'static str,
    /// Environment variable that names the file.
    pub variable: &'static str,
    /// The file; what stands there may carry a version behind it (`libonnxruntime.so.1.31.1`).
    pub file: &'static str,
    /// What to install.
    pub product: &'static str,
}

/// Environment variable that names a folder with a folder for each engine.
const FOLDER_VARIABLE: &str = "EDGEVISION_ENGINES";
/// From the folder of the plugin or the program: a build (`target/release` → `target/engines`), installations
/// (`bin` → `lib/edgevision/engines`, `lib/gstreamer-1.0` and `lib/<architecture>/gstreamer-1.0` likewise, and
/// `<data>/gstreamer-1.0/plugins` → `<data>/edgevision/engines`).
const BESIDE: [&str; 4] =
    ["../engines", "../lib/edgevision/engines", "../edgevision/engines", "../../edgevision/engines"];
/// Where the dynamic linker's own libraries are; only looked at for the sake of a message with a full path.
const SYSTEM: [&str; 3] = ["/usr/local/lib", "/usr/lib", "/usr/lib64"];

impl Library {
    /// The file to load.
    ///
    /// # Errors
    /// It is nowhere; the sentence says where it was looked for and what to do.
    pub fn find(&self) -> Result<PathBuf, NnError> {
        self.find_with(&|name| {
            env::var_os(name).map(PathBuf::from).filter(|path| !path.as_os_str().is_empty())
        })
    }

    fn find_with(&self, variable: &dyn Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, NnError> {
        if let Some(file) = variable(self.variable) {
            return if file.is_file() { Ok(absolute(file)) } else { Err(self.not_there(&file)) };
        }
        let folders = self.folders(variable);
        let found = folders.iter().find_map(|folder| self.newest_in(folder));
        found.map(absolute).ok_or_else(|| self.nowhere(&folders))
    }

    fn folders(&self, variable: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
        let beside = lookup::program().map(|program| near(&program)).unwrap_or_default();
        let data = variable("XDG_DATA_HOME")
            .or_else(|| Some(variable("HOME")?.join(".local/share")))
            // A relative path in the variable is invalid, says the specification.
            .filter(|data| data.is_absolute())
            .map(|data| data.join("edgevision/engines"));
        let installed =
            ["/usr/local/lib/edgevision/engines", "/usr/lib/edgevision/engines"].map(PathBuf::from);
        let engines = variable(FOLDER_VARIABLE).into_iter().chain(beside).chain(data).chain(installed);
        let multiarch = PathBuf::from(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH));
        engines
            .map(|folder| folder.join(self.engine))
            .chain(SYSTEM.map(PathBuf::from))
            .chain([multiarch])
            .collect()
    }

    /// The library in this folder; of several the one with the highest version.
    fn newest_in(&self, folder: &Path) -> Option<PathBuf> {
        let entries = std::fs::read_dir(folder).ok()?;
        let version = |path: &Path| -> Option<Vec<u32>> {
            let rest = path.file_name()?.to_str()?.strip_prefix(self.file)?;
            rest.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
        };
        let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
        files.filter_map(|path| Some((version(&path)?, path))).max().map(|(_, path)| path)
    }

    fn not_there(&self, file: &Path) -> NnError {
        let reason = format!("{} names {}, which is not a file", self.variable, file.display());
        let sentence = format!("the engine {}: {reason}; set it to the library {}", self.engine, self.file);
        NnError::Absent { sentence, reason }
    }

    fn nowhere(&self, folders: &[PathBuf]) -> NnError {
        let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let sentence = format!(
            "the engine {} needs {} ({}), which is not installed; run `make engines`, or set {} to the file; looked in {}",
            self.engine,
            self.product,
            self.file,
            self.variable,
            looked.join(", ")
        );
        NnError::Absent { sentence, reason: "not installed, run `make engines`".into() }
    }
}

/// A path without a folder would be looked for in the dynamic linker's own places.
fn absolute(file: PathBuf) -> PathBuf {
    std::path::absolute(&file).unwrap_or(file)
}

/// Folders with engines beside a plugin or a program.
fn near(program: &Path) -> Vec<PathBuf> {
    let Some(mut folder) = program.parent() else { return Vec::new() };
    // Executables of tests lie one folder deeper.
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    BESIDE.map(|way| folder.join(way)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_and_installations_are_found_wherever_they_are() {
        for (program, engines) in [
            ("/src/target/release/edgevision", "/src/target/release/../engines"),
            ("/src/target/debug/libgstedgevision.so", "/src/target/debug/../engines"),
            ("/src/target/debug/deps/docs-1234", "/src/target/debug/../engines"),
            ("/opt/ev/bin/edgevision", "/opt/ev/bin/../lib/edgevision/engines"),
            ("/opt/lib/gstreamer-1.0/libgstedgevision.so", "/opt/lib/gstreamer-1.0/../edgevision/engines"),
            (
                "/opt/lib/arm/gstreamer-1.0/libgstedgevision.so",
                "/opt/lib/arm/gstreamer-1.0/../../edgevision/engines",
            ),
            (
                "/data/gstreamer-1.0/plugins/libgstedgevision.so",
                "/data/gstreamer-1.0/plugins/../../edgevision/engines",
            ),
        ] {
            let found = near(Path::new(program));
            assert!(found.contains(&PathBuf::from(engines)), "{program}: {found:?}");
        }
    }

    #[test]
    fn a_relative_path_is_not_left_to_the_dynamic_linker() {
        assert!(absolute("libLiteRt.so".into()).is_absolute());
    }

    const LIBRARY: Library = Library {
        engine: "onnxruntime",
        variable: "EDGEVISION_ONNXRUNTIME_LIB",
        file: "libonnxruntime.so",
        product: "ONNX Runtime 1.22 or newer",
    };

    #[test]
    fn the_variable_wins_and_must_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("anything.so");
        let find = || LIBRARY.find_with(&|name| (name == LIBRARY.variable).then(|| file.clone()));
        let missing = find().unwrap_err().to_string();
        assert!(
            missing.contains("EDGEVISION_ONNXRUNTIME_LIB names") && missing.contains("anything.so"),
            "{missing}"
        );
        std::fs::write(&file, "").unwrap();
        assert_eq!(find().unwrap(), file);
    }

    #[test]
    fn the_newest_in_the_engines_folder_is_taken() {
        let engines = tempfile::tempdir().unwrap();
        let folder = engines.path().join("onnxruntime");
        std::fs::create_dir(&folder).unwrap();
        for name in [
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.31.1",
            "libonnxruntime.so.1.4",
            "libonnxruntime.so.old",
        ] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let find = LIBRARY.find_with(&|name| (name == FOLDER_VARIABLE).then(|| engines.path().to_owned()));
        assert_eq!(find.unwrap(), folder.join("libonnxruntime.so.1.31.1"));
    }

    #[test]
    fn the_refusal_says_what_to_do() {
        let library = Library { engine: "nothing", file: "libnothing.so", ..LIBRARY };
        let refusal = library.find_with(&|_| None).unwrap_err().to_string();
        assert!(
            refusal.starts_with("the engine nothing needs ONNX Runtime 1.22 or newer (libnothing.so)"),
            "{refusal}"
        );
        assert!(refusal.contains("run `make engines`"), "{refusal}");
    }
}
