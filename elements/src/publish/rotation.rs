//! When a file makes room for the next one, and what the old ones are called.

use std::path::{Path, PathBuf};

/// Rotation by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Most bytes of a file; a longer single line still gets a file of its own. 0 = never rotate.
    pub max_size: u64,
    /// Old files kept beside the one being written; older ones are deleted.
    pub max_files: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { max_size: 0, max_files: 5 }
    }
}

impl Rotation {
    /// Whether `line` more bytes call for a new file when the present one has `size`.
    pub(super) fn is_due(&self, size: u64, line: u64) -> bool {
        self.max_size > 0 && size > 0 && size.saturating_add(line) > self.max_size
    }
}

/// The name of the `n`-th old file: `name.jsonl` → `name.1.jsonl`, so that it keeps its type.
pub(super) fn numbered(path: &Path, n: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}.{n}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{n}"),
    };
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_keep_their_extension() {
        for (path, n, expected) in [
            ("/a/line3.jsonl", 1, "/a/line3.1.jsonl"),
            ("line3.tar.gz", 12, "line3.tar.12.gz"),
            ("/a/records", 2, "/a/records.2"),
            ("/a/.hidden", 1, "/a/.hidden.1"),
        ] {
            assert_eq!(numbered(Path::new(path), n), Path::new(expected));
        }
    }

    #[test]
    fn due_before_the_size_is_passed() {
        let rotation = Rotation { max_size: 10, max_files: 1 };
        assert!(!rotation.is_due(0, 99), "a long line alone");
        assert!(!rotation.is_due(5, 5));
        assert!(rotation.is_due(5, 6));
        assert!(!Rotation::default().is_due(u64::MAX, 1));
    }
}
