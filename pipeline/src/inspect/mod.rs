//! `edgevision inspect`: what a module is, without running it; what a model is, what runs it, and the config for it.

mod families;
mod model;
mod module;
mod yaml;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use edgevision_wasm_host::lookup;
use serde_json::Value;

use crate::{
    cli::Report,
    error::{AppError, Exit},
};

/// Describes a file by its content: WebAssembly is a module unless an engine runs it, all else is taken for a model.
/// The name of a module will do, too.
pub(crate) fn inspect(path: &Path, form: Form) -> Result<Report, AppError> {
    let named = named(path)?;
    let path = named.as_deref().unwrap_or(path);
    let description = match is_wasm(path)? {
        true if model::is_model(path) => model::describe(path)?,
        true => module::describe(path)?,
        false => model::describe(path)?,
    };
    let exit = if description.problems.is_empty() { Exit::Ok } else { Exit::BadInput };
    let complaints = description.problems.join("\n");
    let text = match form {
        Form::Table => description.text(),
        Form::Json => serde_json::to_string_pretty(&description.json).unwrap_or_default() + "\n",
        Form::Yaml => description.yaml(path)?,
    };
    Ok(Report { text, complaints, exit })
}

/// What is known of a file.
struct Description {
    /// For people: word and value.
    rows: Vec<(String, String)>,
    /// For programs.
    json: Value,
    /// Why it cannot be used, one sentence each.
    problems: Vec<String>,
    /// A config file that uses it; only for models.
    config: Option<String>,
}

/// How a description is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// Only the config that uses the model.
    Yaml,
}

impl Description {
    fn text(&self) -> String {
        let table = table(&self.rows);
        match &self.config {
            Some(config) => format!(
                "{table}\n# A config that uses it; `edgevision inspect --yaml` prints only this.\n{config}"
            ),
            None => table,
        }
    }

    fn yaml(self, path: &Path) -> Result<String, AppError> {
        self.config.ok_or_else(|| {
            let path = path.display();
            let sentence = format!("{path}: no detector here fits, so there is no config for it; `edgevision inspect {path}` says why");
            AppError::new(Exit::BadInput, sentence)
        })
    }
}

/// The module of this name, unless it names a file or could only be one (`model.onnx`).
fn named(path: &Path) -> Result<Option<PathBuf>, AppError> {
    let could_be_a_name = path.extension().is_none_or(|extension| extension == "wasm");
    match path.to_str().filter(|name| could_be_a_name && !name.contains('/') && !path.exists()) {
        Some(name) => {
            let found = lookup::find(name, Path::new(""));
            found.map(Some).map_err(|sentence| AppError::new(Exit::NoInput, sentence))
        }
        None => Ok(None),
    }
}

/// Modules begin with `\0asm`; that also tells them from their text form, which `module` then refuses with words.
fn is_wasm(path: &Path) -> Result<bool, AppError> {
    let unreadable =
        |error| AppError::new(Exit::NoInput, format!("{} cannot be read: {error}", path.display()));
    // Opening a pipe waits for somebody to write into it; folders have a sentence of their own.
    if path.metadata().is_ok_and(|file| !file.is_file() && !file.is_dir()) {
        return Err(unreadable(std::io::Error::other("it is not a regular file")));
    }
    let mut magic = Vec::new();
    File::open(path).and_then(|file| file.take(4).read_to_end(&mut magic)).map_err(unreadable)?;
    Ok(magic == b"\0asm"
        || path.extension().is_some_and(|extension| extension == "wasm" || extension == "wat"))
}

/// Two columns; a line break in a value begins a new line in the second column.
fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(word, _)| word.chars().count()).max().unwrap_or(0) + 2;
    let row = |(word, value): &(String, String)| {
        let value = value.replace('\n', &format!("\n{}", " ".repeat(width)));
        format!("{word:<width$}{value}").trim_end().to_owned() + "\n"
    };
    rows.iter().map(row).collect()
}

/// The digits of a digest that people compare.
pub(crate) fn short_digest(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// `[1, 3, ?, 416]`.
pub(crate) fn shape(dims: &[Option<usize>]) -> String {
    let dims: Vec<String> =
        dims.iter().map(|dim| dim.map_or_else(|| "?".to_owned(), |n| n.to_string())).collect();
    format!("[{}]", dims.join(", "))
}

/// `1 234 567 bytes`.
fn bytes(n: usize) -> String {
    let digits = n.to_string();
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(String::from_utf8_lossy);
    let mut parts: Vec<_> = (first > 0).then(|| digits[..first].into()).into_iter().collect();
    parts.extend(groups);
    format!("{} bytes", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shapes_are_easy_to_read() {
        assert_eq!(
            ["0 bytes", "999 bytes", "1 000 bytes", "12 345 678 bytes"],
            [0, 999, 1000, 12_345_678].map(bytes)
        );
        assert_eq!(shape(&[Some(1), None, Some(416)]), "[1, ?, 416]");
    }

    #[test]
    fn a_table_has_two_columns() {
        let rows = [("name".to_owned(), "yolo".to_owned()), ("imports".to_owned(), "a\nb".to_owned())];
        assert_eq!(table(&rows), "name     yolo\nimports  a\n         b\n");
    }
}
