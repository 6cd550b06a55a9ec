//! Standard output, pipes, terminals and devices: places where somebody reads, or does not.
//!
//! A place whose reader has stopped reading takes some 64 KiB and then holds whoever writes. So nobody here ever
//! waits inside `write`: these places are written without blocking, and room is waited for with a limit.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::{Duration, Instant},
};

use rustix::fs::{FileType, Mode, OFlags};

use super::{
    LOOK_INTERVAL,
    syscalls::{wait_writable, write},
};

/// What a pipe takes in one piece or not at all (POSIX's least PIPE_BUF is 512, Linux' 4096).
const PIPE_BUF: usize = 4096;
/// How long the rest of a line that is longer than that may wait for room.
const REST_PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Stream {
    place: Place,
    /// Most bytes of one `write`.
    chunk: usize,
    /// The reader has got a piece of a line that it will not get the rest of.
    torn: bool,
}

#[derive(Debug)]
enum Place {
    Stdout,
    Opened(File),
}

impl Stream {
    pub(super) fn stdout() -> Self {
        Self::new(of_our_own(rustix::stdio::stdout()).map_or(Place::Stdout, Place::Opened))
    }

    /// A FIFO, a terminal or another device. Nobody else may write to the same open file: it ceases to block.
    pub(super) fn opened(file: File) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&file)?;
        rustix::fs::fcntl_setfl(&file, flags | OFlags::NONBLOCK)?;
        Ok(Self::new(Place::Opened(file)))
    }

    fn new(place: Place) -> Self {
        let kind = rustix::fs::fstat(place.fd()).map(|stat| FileType::from_raw_mode(stat.st_mode));
        // Standard output may be a file, which takes a line of any length at once.
        let chunk = if kind == Ok(FileType::RegularFile) { usize::MAX } else { PIPE_BUF };
        Self { place, chunk, torn: false }
    }

    /// Writes `line`, which ends in a line end.
    ///
    /// # Errors
    /// `WouldBlock`: there is no room now, nothing was written. `TimedOut`: the reader has left off inside the line.
    /// What the place says.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.write_some(b"\n", Duration::ZERO)?;
            self.torn = false;
        }
        let mut written = self.write_some(line, Duration::ZERO)?;
        while written < line.len() {
            match self.write_some(&line[written..], REST_PATIENCE) {
                Ok(more) => written += more,
                Err(error) => {
                    self.torn = true;
                    let left_off = error.kind() == io::ErrorKind::WouldBlock;
                    return Err(if left_off { io::ErrorKind::TimedOut.into() } else { error });
                }
            }
        }
        Ok(())
    }

    fn write_some(&self, bytes: &[u8], patience: Duration) -> io::Result<usize> {
        let end = Instant::now() + patience;
        let chunk = &bytes[..bytes.len().min(self.chunk)];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match wait_writable(self.place.fd(), left).and_then(|()| write(self.place.fd(), chunk)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // There was some room, but not for this: a look at it returns at once, so it must not be all there is.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !left.is_zero() => {
                    std::thread::sleep(left.min(LOOK_INTERVAL));
                }
                result => return result,
            }
        }
    }
}

/// Opens a pipe, terminal or device a second time, without blocking: whoever shares the first open file (the shell,
/// the program's own output) keeps it as it is. None for files, which never hold anybody, and for what cannot be
/// opened so: sockets, another user's terminal.
fn of_our_own(fd: BorrowedFd<'_>) -> Option<File> {
    if rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file()) {
        return None;
    }
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).ok().map(File::from)
}

impl Place {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stdout => rustix::stdio::stdout(),
            Self::Opened(file) => file.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read},
        os::fd::OwnedFd,
    };

    use super::{super::syscalls::terminal, *};

    fn pipe() -> (io::PipeReader, Stream) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, Stream::opened(File::from(OwnedFd::from(writer))).unwrap())
    }

    /// Writes until it is refused; returns the number of whole lines and the refusal.
    fn fill(stream: &mut Stream, line: &[u8]) -> (usize, io::ErrorKind) {
        (0..).find_map(|n| stream.write_line(line).err().map(|error| (n, error.kind()))).unwrap()
    }

    #[test]
    fn a_full_pipe_refuses_whole_lines_until_it_is_read() {
        let (reader, mut stream) = pipe();
        let (lines, refusal) = fill(&mut stream, b"line\n");
        assert!(lines > 0 && refusal == io::ErrorKind::WouldBlock);
        let mut reader = BufReader::new(reader);
        // Reads a buffer full, which is more than a page: there is room again.
        reader.read_line(&mut String::new()).unwrap();
        stream.write_line(b"again\n").unwrap();
        drop(stream);
        let rest: Vec<String> = reader.lines().map(Result::unwrap).collect();
        assert!(rest.len() == lines && rest.last().unwrap() == "again");
        assert!(rest[..lines - 1].iter().all(|line| line == "line"));
    }

    #[test]
    fn a_terminal_that_nobody_reads_refuses_lines() {
        // Terminals have room for a part of a line: a `write` that blocks would never return.
        let (reader, terminal) = terminal();
        let mut stream = Stream::opened(File::from(terminal)).unwrap();
        let (lines, refusal) = fill(&mut stream, &[[b'x'; 499].as_slice(), b"\n"].concat());
        assert!(lines > 0 && matches!(refusal, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock));
        drop(reader);
    }

    #[test]
    fn the_open_file_of_others_keeps_blocking() {
        let (reader, writer) = io::pipe().unwrap();
        let ours = of_our_own(writer.as_fd()).unwrap();
        let is_blocking =
            |fd: BorrowedFd<'_>| !rustix::fs::fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK);
        assert!(is_blocking(writer.as_fd()) && !is_blocking(ours.as_fd()));
        assert!(of_our_own(tempfile::tempfile().unwrap().as_fd()).is_none(), "files never hold anybody");
        drop((reader, ours));
    }

    #[test]
    fn a_piece_of_a_line_stays_a_line_of_its_own() {
        let (mut reader, mut stream) = pipe();
        let long = [[b'x'; 9_999].as_slice(), b"\n"].concat();
        let (whole, refusal) = fill(&mut stream, &long);
        assert_eq!(refusal, io::ErrorKind::TimedOut, "64 KiB hold no whole number of such lines");
        let mut taken = vec![0; whole * long.len()];
        reader.read_exact(&mut taken).unwrap();
        stream.write_line(b"next\n").unwrap();
        drop(stream);
        let rest: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        assert_eq!((rest.len(), &*rest[1]), (2, "next"));
        assert!(rest[0].bytes().all(|byte| byte == b'x'));
    }
}
