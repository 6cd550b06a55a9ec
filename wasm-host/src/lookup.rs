//! Finds modules by name, the same way for the command and for the elements.
//!
//! A module is given as a path or as a name. What contains a `/` is a path. Anything else is first a file in the base
//! folder; then it is looked for, with `.wasm` at its end, in
//! 1. the folders of `$EDGEVISION_MODULE_PATH` (`:` between them),
//! 2. `edgevision/modules` in the user's and the system's data folders (`$XDG_DATA_HOME`, `$XDG_DATA_DIRS`),
//! 3. the places beside the plugin or the executable where a build and an installation put them.

mod places;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::suggest::suggestion;

pub(crate) use places::program;
pub use places::{VARIABLE, folders, set_plugin_file};

const EXTENSION: &str = "wasm";

/// The file of a module. `base` is the folder that relative paths start from; empty is the working directory.
///
/// A path with a `/` is not looked at: whoever opens it says what is wrong with it.
///
/// # Errors
/// A name that is nowhere: one sentence with the nearest spelling, the folders that were searched, and the names that
/// are there.
pub fn find(module: &str, base: &Path) -> Result<PathBuf, String> {
    find_in(module, base, &folders())
}

/// Every module that can be had by its name: name and file, the one that the name finds. In the order of the names.
#[must_use]
pub fn all() -> BTreeMap<String, PathBuf> {
    all_in(&folders())
}

fn all_in(folders: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in folders {
        for name in names_in(&[folder]) {
            let file = folder.join(format!("{name}.{EXTENSION}"));
            found.entry(name).or_insert(file);
        }
    }
    found
}

fn find_in(module: &str, base: &Path, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let here = base.join(module);
    if module.contains('/') || here.is_file() {
        return Ok(here);
    }
    let name = module.strip_suffix(".wasm").unwrap_or(module);
    let file = |folder: &PathBuf| folder.join(format!("{name}.{EXTENSION}"));
    folders.iter().map(file).find(|path| path.is_file()).ok_or_else(|| not_found(name, base, folders))
}

fn not_found(name: &str, base: &Path, folders: &[PathBuf]) -> String {
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let all: Vec<&Path> = std::iter::once(base).chain(folders.iter().map(PathBuf::as_path)).collect();
    let names = names_in(&all);
    let searched: Vec<String> = all.iter().map(|folder| folder.display().to_string()).collect();
    let there = match names.is_empty() {
        true => format!(
            "no modules are there; build them with `make guests`, set {VARIABLE} to their folder, or give a path"
        ),
        false => format!("found there: {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    let nearest = suggestion(name, names.iter().map(String::as_str));
    format!("unknown module `{name}`{nearest} searched {}; {there}", searched.join(", "))
}

/// Names of the modules in these folders.
fn names_in(folders: &[&Path]) -> BTreeSet<String> {
    let files = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().filter_map(Result::ok);
    files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| std::fs::write(folder.path().join(file), "").unwrap());
        folder
    }

    #[test]
    fn a_file_in_the_base_folder_comes_before_the_searched_ones() {
        let base = folder_with(&["mine.wasm", "letterbox"]);
        let there = folder_with(&["mine.wasm", "yolo.wasm"]);
        std::fs::create_dir(base.path().join("yolo")).unwrap();
        let found = |module: &str| find_in(module, base.path(), &[there.path().to_owned()]);
        assert_eq!(found("mine.wasm"), Ok(base.path().join("mine.wasm")));
        assert_eq!(found("letterbox"), Ok(base.path().join("letterbox")));
        // A name, not that of a file here: the extension may be written or not, and a folder is no module.
        for module in ["yolo", "yolo.wasm"] {
            assert_eq!(found(module), Ok(there.path().join("yolo.wasm")));
        }
        assert_eq!(found("mine"), Ok(there.path().join("mine.wasm")));
    }

    #[test]
    fn all_modules_are_those_that_their_names_find() {
        let (first, second) =
            (folder_with(&["yolo.wasm", "readme.md"]), folder_with(&["yolo.wasm", "ssd.wasm"]));
        let found = all_in(&[first.path().to_owned(), second.path().to_owned(), "/nowhere".into()]);
        let expected = [
            ("ssd".to_owned(), second.path().join("ssd.wasm")),
            ("yolo".to_owned(), first.path().join("yolo.wasm")),
        ];
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        for path in ["./yolo", "no/such.wasm", "/nowhere/yolo.wasm"] {
            assert_eq!(find_in(path, Path::new("/base"), &[]), Ok(Path::new("/base").join(path)));
        }
        assert_eq!(find_in("no/such.wasm", Path::new(""), &[]), Ok("no/such.wasm".into()));
    }

    #[test]
    fn an_unknown_module_is_told_where_it_was_looked_for_and_what_is_there() {
        let there = folder_with(&["letterbox.wasm", "yolo.wasm", "readme.txt"]);
        let folders = [there.path().to_owned(), "/nowhere".into()];
        let expected = format!(
            "unknown module `letterboks`; did you mean `letterbox`? searched ., {}, /nowhere; found there: letterbox, yolo",
            there.path().display()
        );
        assert_eq!(find_in("letterboks", Path::new(""), &folders), Err(expected));
    }

    #[test]
    fn without_any_modules_it_says_how_to_get_them() {
        let expected = "unknown module `yolo`; searched /base, /nowhere; no modules are there; build them with `make guests`, set EDGEVISION_MODULE_PATH to their folder, or give a path";
        assert_eq!(find_in("yolo", Path::new("/base"), &["/nowhere".into()]), Err(expected.into()));
    }
}
