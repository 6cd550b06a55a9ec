//! What is wrong with a config file, and where.

use std::{fmt, path::PathBuf};

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
        errors.sort_by(|a, b| a.at.cmp(&b.at));
        errors.dedup();
        Self(errors)
    }

    /// True when the file itself could not be read.
    pub fn unreadable(&self) -> bool {
        self.0.iter().any(|error| error.at.is_none())
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
