//! How the command ends: exit codes and the errors behind them.

use std::{error::Error, fmt, process::ExitCode};

/// Exit codes. Stable; the numbers are those of BSD's `sysexits.h` where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// `EX_USAGE`: wrong words on the command line.
    Usage = 64,
    /// `EX_DATAERR`: the input is there, but it is not what it should be (no video, damaged, not a module).
    BadInput = 65,
    /// `EX_NOINPUT`: an input is missing or cannot be read, or a camera that cannot be opened is given up.
    NoInput = 66,
    /// `EX_UNAVAILABLE`: something that is needed is not there (a GStreamer plugin, an engine, a port).
    Unavailable = 69,
    /// `EX_SOFTWARE`: a fault of ours.
    Internal = 70,
    /// `EX_IOERR`: an output cannot be written.
    Io = 74,
    /// `EX_NOPERM`: not allowed (a camera refuses the password, a device the access).
    Denied = 77,
    /// `EX_CONFIG`: the config is wrong.
    Config = 78,
    /// Ended at once by a second signal, as shells report SIGINT (128 + 2).
    Interrupted = 130,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why the command cannot go on: one sentence for the user, an exit code for the shell.
#[derive(Debug)]
pub struct AppError {
    exit: Exit,
    sentence: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl AppError {
    /// An error with its sentence: where, what was found, what to do.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), source: None }
    }

    /// Adds what lies behind it; goes to the log, not to the user.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// How the process is to end.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl Error for AppError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

impl From<crate::config::ConfigErrors> for AppError {
    fn from(errors: crate::config::ConfigErrors) -> Self {
        Self::new(errors.exit(), errors.to_string())
    }
}
