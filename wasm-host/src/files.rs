//! Reading the files that a user names.

use std::{io, path::Path};

/// Reads a file of at most `most` bytes. Not pipes and devices, which may have no end.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    match std::fs::metadata(path)? {
        // Reading a folder fails by itself, in the system's words.
        file if !file.is_file() && !file.is_dir() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
        }
        file if file.len() > most => {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {} MiB", most >> 20)))
        }
        _ => std::fs::read(path),
    }
}
