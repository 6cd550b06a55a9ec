//! Finds modules by name.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
};

use super::suggest::suggestion;

/// Whether a module is given as a path (with a `/`, or ending in `.wasm`) and not as a bare name.
pub fn is_path(module: &str) -> bool {
    module.contains('/') || module.ends_with(".wasm")
}

/// The folders where bare names are looked for, in order: `$EDGEVISION_MODULES` (`:` between folders), then the places
/// beside the executable where a build and an installation put them.
pub fn folders() -> Vec<PathBuf> {
    folders_of(env::var_os("EDGEVISION_MODULES").as_deref(), env::current_exe().ok().as_deref())
}

fn folders_of(variable: Option<&std::ffi::OsStr>, executable: Option<&Path>) -> Vec<PathBuf> {
    let named = variable.into_iter().flat_map(env::split_paths).filter(|path| !path.as_os_str().is_empty());
    let near = |up: usize, inside: &str| executable?.ancestors().nth(up).map(|folder| folder.join(inside));
    // Executables of tests lie one folder deeper (`target/debug/deps`).
    let near = [near(2, "guests"), near(3, "guests"), near(2, "lib/edgevision/modules")];
    named.chain(near.into_iter().flatten()).collect()
}

/// The file of a module with a bare name.
///
/// # Errors
/// A sentence with the folders that were searched, the names that are there, and the nearest spelling.
pub fn find(name: &str) -> Result<PathBuf, String> {
    find_in(name, &folders())
}

fn find_in(name: &str, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let file = |folder: &PathBuf| folder.join(format!("{name}.wasm"));
    folders.iter().map(file).find(|path| path.is_file()).ok_or_else(|| not_found(name, folders))
}

fn not_found(name: &str, folders: &[PathBuf]) -> String {
    let names = names_in(folders);
    let searched: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let there = match names.is_empty() {
        true => "no modules are there; build them with `make guests`".to_owned(),
        false => format!("found there: {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    let nearest = suggestion(name, names.iter().map(String::as_str));
    format!("unknown module `{name}`{nearest} searched {}; {there}", searched.join(", "))
}

fn names_in(folders: &[PathBuf]) -> BTreeSet<String> {
    let files = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().filter_map(Result::ok);
    files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_comes_first_then_the_places_beside_the_executable() {
        let found = folders_of(Some("/a:/b".as_ref()), Some("/opt/ev/bin/edgevision".as_ref()));
        let expected = ["/a", "/b", "/opt/ev/guests", "/opt/guests", "/opt/ev/lib/edgevision/modules"];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn an_unknown_module_is_told_where_it_was_looked_for_and_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["letterbox", "yolo"] {
            std::fs::write(folder.path().join(format!("{name}.wasm")), "").unwrap();
        }
        let folders = [folder.path().to_owned(), "/nowhere".into()];
        assert_eq!(find_in("yolo", &folders), Ok(folder.path().join("yolo.wasm")));
        let expected = format!(
            "unknown module `letterboks`; did you mean `letterbox`? searched {}, /nowhere; found there: letterbox, yolo",
            folder.path().display()
        );
        assert_eq!(find_in("letterboks", &folders), Err(expected));
    }

    #[test]
    fn without_any_modules_it_says_how_to_get_them() {
        let expected =
            "unknown module `yolo`; searched /nowhere; no modules are there; build them with `make guests`";
        assert_eq!(find_in("yolo", &["/nowhere".into()]), Err(expected.into()));
    }
}
