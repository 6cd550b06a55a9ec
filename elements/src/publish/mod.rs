//! Whole lines of text to standard output or to a file, shared by everybody in the process who names the same
//! place.
//!
//! Each line is one `write`: a reader that follows the file sees it at once, and nothing that was accepted is
//! lost when the process dies. Records are about a kilobyte and leave at frame rate, so a buffer would save
//! microseconds and cost promptness.
//!
//! A place that cannot take a line (disk full, reader gone) costs that line and nothing else: it is counted,
//! the first of a row is reported, and the caller goes on.

mod file;
mod registry;
mod rotation;

use std::{
    io::{self, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use registry::{STDOUT, writer};
pub use rotation::Rotation;

use file::LineFile;

/// A line that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct LineLost {
    /// What happened, where, and what to do.
    pub sentence: String,
    /// True for the first loss after a success: the one to report.
    pub first: bool,
}

/// Writes whole lines to one place. Made by [`writer`]; the place is closed when the last owner drops it.
#[derive(Debug)]
pub struct Writer {
    location: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    target: Target,
    written: u64,
    lost: u64,
    failing: bool,
}

#[derive(Debug)]
enum Target {
    Stdout,
    File(LineFile),
}

impl Writer {
    fn stdout() -> Self {
        Self::new(STDOUT.to_owned(), Target::Stdout)
    }

    fn file(path: &Path, rotation: Rotation) -> io::Result<Self> {
        Ok(Self::new(path.display().to_string(), Target::File(LineFile::open(path, rotation)?)))
    }

    fn new(location: String, target: Target) -> Self {
        Self { location, state: Mutex::new(State { target, written: 0, lost: 0, failing: false }) }
    }

    /// Where the lines go: `-` or a path.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Writes `line` and a line end. Line ends inside `line` become spaces, so that one call is one line.
    ///
    /// # Errors
    /// The line is lost: the place is full, gone or closed. The next call tries again.
    pub fn write_line(&self, line: &str) -> Result<(), LineLost> {
        let mut state = self.lock();
        match state.target.write(&terminated(line)) {
            Ok(()) => {
                state.written += 1;
                state.failing = false;
                Ok(())
            }
            Err(error) => {
                state.lost += 1;
                let first = !std::mem::replace(&mut state.failing, true);
                Err(LineLost { sentence: file::loss_sentence(&self.location, &error), first })
            }
        }
    }

    /// Returns when all lines are with the operating system. They always are; a file is also synced to its disk.
    ///
    /// # Errors
    /// The disk reported an error.
    pub fn flush(&self) -> io::Result<()> {
        self.lock().target.sync()
    }

    /// Lines written so far.
    pub fn written(&self) -> u64 {
        self.lock().written
    }

    /// Lines lost so far.
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Self::File(file) => file.write_line(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().flush(),
            Self::File(file) => file.sync(),
        }
    }
}

fn terminated(line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len() + 1);
    bytes.extend(line.trim_end_matches('\n').bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_is_one_line() {
        assert_eq!(terminated("a\nb"), b"a b\n");
        assert_eq!(terminated("a\n"), b"a\n");
        assert_eq!(terminated(""), b"\n");
    }

    #[test]
    fn a_full_disk_is_counted_and_reported_once() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            eprintln!("skipped: no /dev/full here");
            return;
        }
        let writer = Writer::file(full, Rotation::default()).unwrap();
        let first = writer.write_line("x").unwrap_err();
        assert_eq!(
            first.sentence,
            "cannot write to /dev/full: the disk is full, lines are lost until there is room"
        );
        assert!(first.first);
        assert!(!writer.write_line("y").unwrap_err().first);
        assert_eq!((writer.written(), writer.lost()), (0, 2));
    }
}
