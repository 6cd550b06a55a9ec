//! Input files: there, a file, readable, not empty.

use std::{fs, io, path::Path};

use edgevision_wasm_host::suggest::nearest;

/// Opens a file as a test. The error is a sentence that names what is there instead.
pub(super) fn readable(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| missing(path, &error))?;
    if metadata.is_dir() {
        return Err(format!("{} is a folder; give a file", path.display()));
    }
    if !metadata.is_file() {
        // Opening a pipe waits for somebody to write into it.
        return Err(format!("{} is a pipe or a device; give a file", path.display()));
    }
    if metadata.len() == 0 {
        return Err(format!("{} is empty (0 bytes)", path.display()));
    }
    fs::File::open(path).map(drop).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn missing(path: &Path, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::NotFound {
        return format!("{} cannot be read: {error}", path.display());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return format!("{} does not exist, nor does its folder", path.display());
    }
    format!("{} does not exist{}", path.display(), neighbour(folder, path))
}

/// The nearest spelling among the files beside it.
fn neighbour(folder: &Path, path: &Path) -> String {
    let names: Vec<String> = folder
        .read_dir()
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    nearest(name, names.iter().map(String::as_str))
        .map(|name| format!("; did you mean {}?", folder.join(name).display()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_miss_a_file_has_its_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("clip.mp4"), "x").unwrap();
        fs::write(at("none.mp4"), "").unwrap();
        let here = folder.path().display();
        assert_eq!(readable(&at("clip.mp4")), Ok(()));
        let table = [
            (at("clip.mp5"), format!("{here}/clip.mp5 does not exist; did you mean {here}/clip.mp4?")),
            (at("x/clip.mp4"), format!("{here}/x/clip.mp4 does not exist, nor does its folder")),
            (at("none.mp4"), format!("{here}/none.mp4 is empty (0 bytes)")),
            (folder.path().to_owned(), format!("{here} is a folder; give a file")),
            ("/dev/null".into(), "/dev/null is a pipe or a device; give a file".into()),
            (at("other.bin"), format!("{here}/other.bin does not exist")),
        ];
        for (path, expected) in table {
            assert_eq!(readable(&path), Err(expected));
        }
    }
}
