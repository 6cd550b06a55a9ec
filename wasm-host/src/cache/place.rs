//! Where the cache lies. Pure.

use std::{ffi::OsString, path::PathBuf};

/// The folder for compiled modules: in `$EDGEVISION_CACHE_DIR`, else `$XDG_CACHE_HOME/edgevision`, else
/// `~/.cache/edgevision`. `None` if it is switched off (`EDGEVISION_CACHE_DIR=off`) or there is no home.
pub(super) fn place(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    // The XDG base directory specification: relative paths are to be ignored.
    let absolute = |name| set(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match set("EDGEVISION_CACHE_DIR") {
        Some(value) if value == "off" => return None,
        Some(value) => PathBuf::from(value),
        None => {
            absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?.join("edgevision")
        }
    };
    Some(base.join("modules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_are_asked_in_order() {
        type Vars = &'static [(&'static str, &'static str)];
        let table: &[(Vars, Option<&str>)] = &[
            (&[("EDGEVISION_CACHE_DIR", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], Some("/c/modules")),
            (&[("EDGEVISION_CACHE_DIR", "off"), ("HOME", "/h")], None),
            (&[("EDGEVISION_CACHE_DIR", ""), ("XDG_CACHE_HOME", "/x")], Some("/x/edgevision/modules")),
            (&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")], Some("/h/.cache/edgevision/modules")),
            (&[("HOME", "/h")], Some("/h/.cache/edgevision/modules")),
            (&[], None),
        ];
        for (vars, expected) in table {
            let look_up =
                |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            assert_eq!(place(look_up), expected.map(PathBuf::from), "{vars:?}");
        }
    }
}
