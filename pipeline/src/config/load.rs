//! From a file to a [`Config`]: text → tree → structure → merged → typed → meaning → paths.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{
    Config, ConfigError, ConfigErrors, Origin, Position, meaning,
    node::{Key, Node, Value},
    resolve::resolve,
    schema, structure, yaml,
};
use crate::error::Exit;

/// Reads a config file. Relative input paths are resolved against its folder.
///
/// # Errors
/// All mistakes in the file, in the order of the text; or the one reason why it cannot be read.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    let bytes = read(path).map_err(|e| {
        let message = format!("the config file cannot be read: {e}");
        let kind = Exit::NoInput;
        ConfigErrors(vec![ConfigError { file: path.to_owned(), at: None, key: String::new(), message, kind }])
    })?;
    parse(&bytes, path)
}

/// Reads at most one byte more than allowed, so that an endless file ends, too.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(yaml::MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The same for a text in memory; `file` appears in messages and its folder is the base of relative paths.
///
/// # Errors
/// All mistakes in the text, in its order.
pub fn parse(bytes: &[u8], file: &Path) -> Result<Config, ConfigErrors> {
    let fail = |mistakes: Vec<structure::Mistake>| {
        let kind = Exit::Config;
        let error =
            |(at, key, message)| ConfigError { file: file.to_owned(), at: Some(at), key, message, kind };
        ConfigErrors::sorted(mistakes.into_iter().map(error).collect())
    };
    let root = tree(bytes).map_err(|(at, message)| fail(vec![(at, String::new(), message)]))?;
    let origin = Origin::new(file.to_owned(), &root);
    let mut mistakes = structure::check(&root, schema());
    let mut errors = Vec::new();
    if mistakes.is_empty() {
        match typed(root.clone(), origin.clone()) {
            Ok(mut config) => {
                resolve(&mut config, file.parent().unwrap_or(Path::new("")));
                errors = meaning::check(&config, &root);
                if errors.is_empty() {
                    return Ok(config);
                }
            }
            // Only if the schema allows what the types refuse, which a test excludes.
            Err(error) => mistakes.push((root.at, String::new(), error.to_string())),
        }
    }
    errors.extend(fail(mistakes).0);
    Err(ConfigErrors::sorted(errors))
}

fn tree(bytes: &[u8]) -> Result<Node, yaml::Fault> {
    let start = Position { line: 1, column: 1 };
    if bytes.len() as u64 > yaml::MAX_BYTES {
        return Err((start, "the file is larger than 10 MiB; this is no config file".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    yaml::parse(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn not_utf8(bytes: &[u8], valid: usize) -> yaml::Fault {
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let at = Position { line, column };
    (at, format!("the byte 0x{:02x} is not UTF-8; save the file in the encoding UTF-8", bytes[valid]))
}

/// Gives each camera the keys of the common sections that it has not itself, and reads the types.
fn typed(mut root: Node, origin: Origin) -> serde_json::Result<Config> {
    for section in ["analyze", "overlay"] {
        if let Some(common) = root.get(section).cloned() {
            inherit(&mut root, section, &switch_in_full(common));
        }
    }
    let mut config: Config = serde_json::from_value(root.to_json())?;
    config.origin = origin;
    Ok(config)
}

fn inherit(root: &mut Node, section: &str, common: &Node) {
    let Some(Node { value: Value::List(cameras), .. }) = root.get_mut("cameras") else { return };
    for camera in cameras {
        match camera.get_mut(section) {
            Some(own) => {
                *own = switch_in_full(own.clone());
                own.fill_from(common);
            }
            None => {
                let key = Key { at: common.at, text: section.to_owned() };
                if let Value::Map(entries) = &mut camera.value {
                    entries.push((key, common.clone()));
                }
            }
        }
    }
}

/// `overlay: false` is short for `overlay: {enabled: false}`.
fn switch_in_full(node: Node) -> Node {
    let Value::Bool(_) = node.value else { return node };
    let key = Key { at: node.at, text: "enabled".to_owned() };
    Node { at: node.at, value: Value::Map(vec![(key, node)]) }
}
