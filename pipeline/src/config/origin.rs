//! Remembers where each key of a config stands, so that later steps can point at it.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    error::{ConfigError, Position},
    node::Node,
};
use crate::error::Exit;

/// The file of a config and the places of its keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    file: PathBuf,
    places: BTreeMap<String, Position>,
}

impl Origin {
    pub(super) fn new(file: PathBuf, root: &Node) -> Self {
        let mut places = BTreeMap::from([(String::new(), Position { line: 1, column: 1 })]);
        root.walk("", &mut |path, at| {
            places.entry(path.to_owned()).or_insert(at);
        });
        Self { file, places }
    }

    /// The config file as the user named it.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// An error at a key. A camera's key that is not written there but in the common section is reported there; a key
    /// that is written nowhere is reported where its parent stands.
    pub fn error(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let key = self.written(key);
        let at = self.places.get(self.nearest(key)).copied();
        ConfigError {
            file: self.file.clone(),
            at,
            key: key.to_owned(),
            message: message.into(),
            kind: Exit::Config,
        }
    }

    fn written<'k>(&self, key: &'k str) -> &'k str {
        let common = ["].analyze.", "].overlay."]
            .iter()
            .find_map(|section| key.find(section))
            .map(|end| &key[end + 2..])
            .filter(|_| key.starts_with("cameras["));
        match common {
            Some(common) if !self.is_written(key) && self.is_written(common) => common,
            _ => key,
        }
    }

    /// Whether the section's key is written, for example `analyze.model` of `analyze.model.path`.
    fn is_written(&self, key: &str) -> bool {
        let section =
            key.find("analyze.").or_else(|| key.find("overlay.")).map_or(0, |i| i + "analyze.".len());
        let end = key[section..].find(['.', '[']).map_or(key.len(), |i| section + i);
        self.places.contains_key(&key[..end])
    }

    fn nearest<'k>(&self, mut key: &'k str) -> &'k str {
        while !self.places.contains_key(key) {
            key = key.rfind(['.', '[']).map_or("", |end| &key[..end]);
        }
        key
    }
}
