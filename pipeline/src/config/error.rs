//! What is wrong with a config file, and where.

use std::{fmt, path::PathBuf};

use crate::error::Exit;

/// A place in the text; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// One mistake. Shown as `line3.yaml:7:5: cameras[0].sorce: unknown key; …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The config file as the user named it.
    pub file: PathBuf,
    /// Where; `None` when the file could not be read at all.
    pub at: Option<Position>,
    /// Path of the key, such as `cameras[0].source.uri`; empty for the file as a whole.
    pub key: String,
    /// What was found, what is allowed, what to do.
    pub message: String,
    /// What kind of mistake it is: [`Exit::Config`] in the text itself, others in the world around it.
    pub kind: Exit,
}

impl ConfigError {
    /// The same mistake, of another kind.
    #[must_use]
    pub fn of_kind(self, kind: Exit) -> Self {
        Self { kind, ..self }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(at) = self.at {
            write!(f, "{}:{}:", at.line, at.column)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

/// All mistakes in a config file, in the order of the text. Shown one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// Sorts by place and drops what was found twice.
    pub(super) fn sorted(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by(|a, b| (a.at, &a.key, &a.message).cmp(&(b.at, &b.key, &b.message)));
        errors.dedup();
        Self(errors)
    }

    /// How a command that met these errors ends: their kind if they are all of one, else [`Exit::Config`].
    pub fn exit(&self) -> Exit {
        let first = self.0.first().map_or(Exit::Config, |error| error.kind);
        if self.0.iter().all(|error| error.kind == first) { first } else { Exit::Config }
    }

    /// `Ok` when there are none.
    ///
    /// # Errors
    /// Itself, when there are some.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
