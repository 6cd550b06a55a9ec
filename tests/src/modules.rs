//! Small modules, written as text, for tests that are not about vision.

use std::path::Path;

/// Compiles `tests/modules/NAME.wat` to `NAME.wasm` in `folder`.
///
/// # Panics
/// When it does not compile.
pub fn build(name: &str, folder: &Path) {
    let text = crate::media::shipped(&format!("tests/modules/{name}.wat"));
    let wasm = wat::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", text.display()));
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, wasm).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
