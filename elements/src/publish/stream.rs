//! Standard output, pipes, terminals and devices: places where somebody reads, or does not.
//!
//! A pipe whose reader has stopped reading takes 64 KiB and then holds whoever writes. So a line waits for room
//! for a bounded time and is then lost, and while the reader stays away no further line waits.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use rustix::fs::FileType;

use super::syscalls::{wait_writable, write};

/// What a pipe with any room takes without waiting, and in one piece (POSIX's least PIPE_BUF is 512, Linux' 4096).
const PIPE_BUF: usize = 4096;

#[derive(Debug)]
pub(super) struct Stream {
    place: Place,
    /// Most bytes of one `write`.
    chunk: usize,
    /// The reader has got a piece of a line that it will not get the rest of.
    torn: bool,
    stalled: bool,
}

#[derive(Debug)]
enum Place {
    Stdout,
    Opened(File),
}

impl Stream {
    pub(super) fn stdout() -> Self {
        Self::new(Place::Stdout)
    }

    /// A FIFO, a terminal or another device.
    pub(super) fn opened(file: File) -> Self {
        Self::new(Place::Opened(file))
    }

    fn new(place: Place) -> Self {
        let kind = rustix::fs::fstat(place.fd()).map(|stat| FileType::from_raw_mode(stat.st_mode));
        // Standard output may be a file, which takes a line of any length at once.
        let chunk = if kind == Ok(FileType::RegularFile) { usize::MAX } else { PIPE_BUF };
        Self { place, chunk, torn: false, stalled: false }
    }

    /// Writes `line`, which ends in a line end. Waits for room up to `patience`, once: while nobody reads, the next
    /// lines are refused (`TimedOut`) without waiting.
    pub(super) fn write_line(&mut self, line: &[u8], patience: Duration) -> io::Result<()> {
        let patience = if self.stalled { Duration::ZERO } else { patience };
        if self.torn {
            self.write(b"\n", patience)?;
            self.torn = false;
        }
        self.write(line, patience)
    }

    fn write(&mut self, mut rest: &[u8], patience: Duration) -> io::Result<()> {
        let whole = rest.len();
        while !rest.is_empty() {
            match self.write_some(rest, patience) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) => {
                    self.torn |= rest.len() < whole;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8], patience: Duration) -> io::Result<usize> {
        let end = Instant::now() + patience;
        loop {
            match self.try_write(bytes, end.saturating_duration_since(Instant::now())) {
                Err(error) if is_passing(&error) => {}
                result => return result,
            }
        }
    }

    fn try_write(&mut self, bytes: &[u8], patience: Duration) -> io::Result<usize> {
        self.stalled = !wait_writable(self.place.fd(), patience)?;
        if self.stalled {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match write(self.place.fd(), &bytes[..bytes.len().min(self.chunk)])? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }
}

/// A signal came, or somebody has made the place non-blocking and was faster than we.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
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

    use super::*;

    const SHORT: Duration = Duration::from_millis(10);
    const LONG: Duration = Duration::from_secs(60);

    fn pipe() -> (io::PipeReader, Stream) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, Stream::opened(File::from(OwnedFd::from(writer))))
    }

    fn fill(stream: &mut Stream, line: &[u8]) -> usize {
        (0..).find(|_| stream.write_line(line, SHORT).is_err()).unwrap()
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_not_time() {
        let (reader, mut stream) = pipe();
        assert!(fill(&mut stream, b"line\n") > 0);
        let began = Instant::now();
        for _ in 0..3 {
            let error = stream.write_line(b"lost\n", LONG).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        assert!(began.elapsed() < LONG, "only the first line of a row waits");
        let mut reader = BufReader::new(reader);
        // Reads a buffer full, which is more than a page: there is room again.
        reader.read_line(&mut String::new()).unwrap();
        stream.write_line(b"again\n", LONG).unwrap();
    }

    #[test]
    fn a_slow_reader_gets_every_line() {
        let (reader, mut stream) = pipe();
        let reading = std::thread::spawn(move || {
            let lines = BufReader::with_capacity(4096, reader).lines();
            let slowly = |line: io::Result<String>| {
                std::thread::sleep(Duration::from_millis(1));
                line.unwrap().len()
            };
            lines.map(slowly).collect::<Vec<_>>()
        });
        let line = [[b'x'; 9_999].as_slice(), b"\n"].concat();
        for _ in 0..50 {
            stream.write_line(&line, LONG).unwrap();
        }
        drop(stream);
        assert_eq!(reading.join().unwrap(), vec![9_999; 50]);
    }

    #[test]
    fn a_piece_of_a_line_stays_a_line_of_its_own() {
        let (mut reader, mut stream) = pipe();
        let long = [[b'x'; 9_999].as_slice(), b"\n"].concat();
        let whole = fill(&mut stream, &long);
        assert!(stream.torn, "64 KiB hold no whole number of such lines");
        let mut taken = vec![0; whole * long.len()];
        reader.read_exact(&mut taken).unwrap();
        stream.write_line(b"next\n", LONG).unwrap();
        drop(stream);
        let rest: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        assert_eq!((rest.len(), &*rest[1]), (2, "next"));
        assert!(rest[0].bytes().all(|byte| byte == b'x'));
    }
}
