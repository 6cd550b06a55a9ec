//! A file that holds whole lines, rotates by size, and survives a full disk and being moved away.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::rotation::{Rotation, numbered};

/// How often to look whether somebody (logrotate, a user) has moved or deleted the file.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    /// Bytes of whole lines in `file`.
    size: u64,
    /// The file ends in a piece of a line that could not be taken back.
    torn: bool,
    checked: Instant,
}

/// What a path turned out to be.
pub(super) enum Opened {
    /// A file on a disk.
    Regular(LineFile),
    /// A FIFO, a terminal or another device: has no size and must not be renamed.
    Other(File),
}

/// Opens `path` for lines, or makes it.
pub(super) fn open(path: &Path, rotation: Rotation) -> io::Result<Opened> {
    let file = append(path).map_err(|error| open_error(path, &error))?;
    Ok(match file.metadata()?.is_file() {
        true => Opened::Regular(LineFile::new(path, file, rotation)?),
        false => Opened::Other(file),
    })
}

impl LineFile {
    fn open(path: &Path, rotation: Rotation) -> io::Result<Self> {
        let file = append(path).map_err(|error| open_error(path, &error))?;
        if !file.metadata()?.is_file() {
            // A FIFO in its place would hold the stream when nobody reads it.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no longer a regular file"));
        }
        Self::new(path, file, rotation)
    }

    fn new(path: &Path, mut file: File, rotation: Rotation) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let torn = ends_inside_a_line(&mut file, size);
        Ok(Self { path: path.to_owned(), rotation, file, size, torn, checked: Instant::now() })
    }

    /// Appends `line`, which ends in a line end, entirely or not at all.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        self.reopen_if_moved()?;
        if self.rotation.is_due(self.size, line.len() as u64) {
            self.rotate()?;
        }
        if self.torn {
            self.file.write_all(b"\n")?;
            self.size += 1;
            self.torn = false;
        }
        match self.file.write_all(line) {
            Ok(()) => self.size += line.len() as u64,
            Err(error) => {
                self.take_back();
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes the piece of a line that a full disk has left behind.
    fn take_back(&mut self) {
        let is_whole = self.file.metadata().is_ok_and(|data| data.len() == self.size);
        self.torn = !is_whole && self.file.set_len(self.size).is_err();
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.rotation.max_files == 0 {
            fs::remove_file(&self.path)?;
        }
        for n in (0..self.rotation.max_files).rev() {
            let from = if n == 0 { self.path.clone() } else { numbered(&self.path, n) };
            rename_if_there(&from, &numbered(&self.path, n + 1))?;
        }
        self.reopen()
    }

    fn reopen_if_moved(&mut self) -> io::Result<()> {
        if self.checked.elapsed() < CHECK_INTERVAL {
            return Ok(());
        }
        self.checked = Instant::now();
        let ours = self.file.metadata()?;
        let same =
            fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == (ours.dev(), ours.ino()));
        if same {
            // Truncated by somebody (`> records.jsonl`), or lines appended by another process.
            self.size = ours.len();
            return Ok(());
        }
        self.reopen()
    }

    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path, self.rotation)?;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    // Reading is for the look at the last byte; a FIFO opened for both does not wait for its reader. A device may
    // refuse it.
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .or_else(|_| OpenOptions::new().append(true).create(true).open(path))
}

fn ends_inside_a_line(file: &mut File, size: u64) -> bool {
    let mut last = [b'\n'];
    let read = size > 0 && file.seek(SeekFrom::End(-1)).is_ok() && file.read_exact(&mut last).is_ok();
    read && last != [b'\n']
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Why `path` cannot be opened and what to do, as a sentence.
pub(super) fn open_error(path: &Path, error: &io::Error) -> io::Error {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.display();
    let reason = match error.kind() {
        io::ErrorKind::NotFound => format!("the folder {folder} does not exist, create it first"),
        io::ErrorKind::NotADirectory => format!("{folder} is no folder, choose another path"),
        io::ErrorKind::IsADirectory => "it is a folder, give the path of a file in it".to_owned(),
        io::ErrorKind::PermissionDenied => {
            format!(
                "no permission to write there, give the user write access to {folder} or choose another path"
            )
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("{folder} is on a read-only file system, choose another path")
        }
        io::ErrorKind::StorageFull => "the disk is full, free some room or choose another path".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("cannot write records to {}: {reason}", path.display()))
}

/// Why a line for `location` is lost, as a sentence.
pub(super) fn loss_sentence(location: &str, error: &io::Error) -> String {
    let place = if location == super::STDOUT { "standard output" } else { location };
    let reason = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full, lines are lost until there is room"
        }
        io::ErrorKind::BrokenPipe => "its reader has gone, lines are lost",
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            "nobody has read from it for too long, lines are lost until somebody does"
        }
        _ => return format!("cannot write to {place}: {error}, lines are lost until that is mended"),
    };
    format!("cannot write to {place}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    #[test]
    fn rotates_and_keeps_n() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let mut file = LineFile::open(&path, Rotation { max_size: 8, max_files: 2 }).unwrap();
        for n in 0..9 {
            file.write_line(format!("l{n}\n").as_bytes()).unwrap();
        }
        // Two lines of three bytes fit into eight.
        assert_eq!(lines(&path), ["l8"]);
        assert_eq!(lines(&folder.path().join("r.1.jsonl")), ["l6", "l7"]);
        assert_eq!(lines(&folder.path().join("r.2.jsonl")), ["l4", "l5"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn without_old_files_it_starts_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let mut file = LineFile::open(&path, Rotation { max_size: 4, max_files: 0 }).unwrap();
        file.write_line(b"aaa\n").unwrap();
        file.write_line(b"bbb\n").unwrap();
        assert_eq!(lines(&path), ["bbb"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn goes_on_after_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        fs::write(&path, "whole\n{\"torn").unwrap();
        let mut file = LineFile::open(&path, Rotation::default()).unwrap();
        file.write_line(b"next\n").unwrap();
        assert_eq!(lines(&path), ["whole", "{\"torn", "next"]);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("r.jsonl"), folder.path().join("old"));
        let mut file = LineFile::open(&path, Rotation::default()).unwrap();
        file.write_line(b"a\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        file.checked = Instant::now().checked_sub(CHECK_INTERVAL).unwrap();
        file.write_line(b"b\n").unwrap();
        assert_eq!((lines(&moved), lines(&path)), (vec!["a".to_owned()], vec!["b".to_owned()]));
    }

    #[test]
    fn a_fifo_in_place_of_the_file_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let mut file = LineFile::open(&path, Rotation::default()).unwrap();
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        for _ in 0..2 {
            file.checked = Instant::now().checked_sub(CHECK_INTERVAL).unwrap();
            let error = file.write_line(b"a\n").unwrap_err();
            assert!(error.to_string().contains("no longer a regular file"), "{error}");
        }
        fs::remove_file(&path).unwrap();
        file.checked = Instant::now().checked_sub(CHECK_INTERVAL).unwrap();
        file.write_line(b"b\n").unwrap();
        assert_eq!(lines(&path), ["b"]);
    }

    #[test]
    fn open_errors_say_what_to_do() {
        for (kind, expected) in [
            (io::ErrorKind::NotFound, "the folder /d does not exist, create it first"),
            (
                io::ErrorKind::PermissionDenied,
                "no permission to write there, give the user write access to /d or choose another path",
            ),
            (io::ErrorKind::ReadOnlyFilesystem, "/d is on a read-only file system, choose another path"),
        ] {
            let error = open_error(Path::new("/d/r.jsonl"), &io::Error::from(kind));
            assert_eq!(error.to_string(), format!("cannot write records to /d/r.jsonl: {expected}"));
        }
    }
}
