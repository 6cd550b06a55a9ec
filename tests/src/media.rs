//! Real models and clips that are not part of the repository.

use std::path::PathBuf;

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// A file that the repository ships.
#[must_use]
pub fn shipped(path: &str) -> PathBuf {
    repository().join(path)
}

/// A file below the media folder (`EDGEVISION_MEDIA`, default `../shared/media` from the root), or `None` after a
/// message when there is no media folder.
///
/// # Panics
/// When `EDGEVISION_REQUIRE_MEDIA` is `1` and the file is missing, or when the folder is there but not the file.
#[must_use]
pub fn media(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("EDGEVISION_MEDIA")
        .map_or_else(|| repository().join("../shared/media"), PathBuf::from);
    let required = std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_some_and(|value| value == "1");
    if !folder.is_dir() && !required {
        eprintln!("skipped: no media folder at {}; set EDGEVISION_MEDIA", folder.display());
        return None;
    }
    let file = folder.join(path);
    assert!(file.exists(), "{} is missing", file.display());
    Some(file)
}
