//! One writer for each place, whoever asks.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{Rotation, Writer, file};

/// The location that means standard output.
pub const STDOUT: &str = "-";

/// `None` is standard output.
type Place = Option<PathBuf>;

static WRITERS: Mutex<BTreeMap<Place, Weak<Writer>>> = Mutex::new(BTreeMap::new());

/// The writer for `location` ([`STDOUT`] or a path), opened if nobody has it open. All who ask for the same
/// place, by whatever path, share one writer; the rotation of whoever came first applies.
///
/// # Errors
/// The file cannot be opened for writing; the error's text is a sentence that says what to do.
pub fn writer(location: &str, rotation: Rotation) -> io::Result<Arc<Writer>> {
    let place = place(location)?;
    let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(open) = writers.get(&place).and_then(Weak::upgrade) {
        return Ok(open);
    }
    let opened = Arc::new(match &place {
        None => Writer::stdout(),
        Some(path) => Writer::file(path, rotation)?,
    });
    writers.retain(|_, writer| writer.strong_count() > 0);
    writers.insert(place, Arc::downgrade(&opened));
    Ok(opened)
}

fn place(location: &str) -> io::Result<Place> {
    if location == STDOUT {
        return Ok(None);
    }
    canonical(Path::new(location)).map(Some)
}

/// The real path of a file that may not exist yet.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "'{}' names no file to write records to: give a file path, or - for standard output",
                path.display()
            ),
        ));
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let real = folder.canonicalize().map_err(|error| file::open_error(path, &error))?;
    Ok(real.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_by_two_paths_is_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let direct = folder.path().join("a.jsonl");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let detour = folder.path().join("sub/../a.jsonl");
        let first = writer(direct.to_str().unwrap(), Rotation::default()).unwrap();
        let second = writer(detour.to_str().unwrap(), Rotation::default()).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let stdout = writer(STDOUT, Rotation::default()).unwrap();
        assert!(Arc::ptr_eq(&stdout, &writer("-", Rotation::default()).unwrap()));
    }

    #[test]
    fn a_place_is_closed_with_its_last_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let location = path.to_str().unwrap();
        drop(writer(location, Rotation::default()).unwrap());
        let again = writer(location, Rotation { max_size: 7, max_files: 1 }).unwrap();
        assert_eq!(Arc::strong_count(&again), 1);
    }

    #[test]
    fn errors_say_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| writer(path.to_str().unwrap(), Rotation::default()).unwrap_err().to_string();
        let missing = folder.path().join("no/a.jsonl");
        let parent = missing.parent().unwrap().display().to_string();
        assert_eq!(
            text(&missing),
            format!(
                "cannot write records to {}: the folder {parent} does not exist, create it first",
                missing.display()
            )
        );
        assert_eq!(
            text(folder.path()),
            format!(
                "cannot write records to {}: it is a folder, give the path of a file in it",
                folder.path().display()
            )
        );
        assert_eq!(
            text(Path::new("/")),
            "cannot write records to /: it is a folder, give the path of a file in it"
        );
        assert_eq!(
            writer("", Rotation::default()).unwrap_err().to_string(),
            "'' names no file to write records to: give a file path, or - for standard output"
        );
    }
}
