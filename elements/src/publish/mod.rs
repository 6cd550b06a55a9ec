//! Whole lines of text to standard output or to a file, shared by everybody in the process who names the same
//! place.
//!
//! Each line is one `write`: a reader that follows the file sees it at once, and nothing that was accepted is
//! lost when the process dies. Records are about a kilobyte and leave at frame rate, so a buffer would save
//! microseconds and cost promptness.
//!
//! A place that cannot take a line (disk full, reader gone or not reading) costs that line and nothing else: it is
//! counted, the first of a row is reported, and the caller goes on.

mod file;
mod registry;
mod rotation;
mod stream;
mod syscalls;

use std::{
    io,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

pub use registry::{STDOUT, writer};
pub use rotation::Rotation;

use file::{LineFile, Opened};
use stream::Stream;

/// How long a line may wait for its reader.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    /// The longest.
    pub longest: Duration,
    /// Set by another thread to give up at once.
    pub give_up: &'a AtomicBool,
}

impl Patience<'_> {
    /// Where frames of a camera wait behind the line.
    pub const LIVE: Duration = Duration::from_millis(500);
    /// Where nothing is lost by waiting: files are analysed as fast as their records are read.
    pub const FILE: Duration = Duration::from_secs(30);
    /// [`Patience::LIVE`], for those whom nobody calls off.
    pub const BRIEF: Patience<'static> = Patience { longest: Self::LIVE, give_up: &NEVER };

    fn is_over(&self, began: Instant) -> bool {
        began.elapsed() >= self.longest || self.give_up.load(Relaxed)
    }
}

static NEVER: AtomicBool = AtomicBool::new(false);

/// How often to look for room. A pipe holds 64 KiB, so this limits nobody.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

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
    // Outside the lock: who asks for them need not wait for a line that waits for its reader.
    written: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug)]
struct State {
    target: Target,
    failing: bool,
    /// Somebody has waited for the reader in vain; nobody waits until there is room again.
    stalled: bool,
}

#[derive(Debug)]
enum Target {
    Stream(Stream),
    File(LineFile),
}

impl Writer {
    fn stdout() -> Self {
        Self::new(STDOUT.to_owned(), Target::Stream(Stream::stdout()))
    }

    fn file(path: &Path, rotation: Rotation) -> io::Result<Self> {
        let target = match file::open(path, rotation)? {
            Opened::Regular(file) => Target::File(file),
            Opened::Other(file) => Target::Stream(Stream::opened(file)?),
        };
        Ok(Self::new(path.display().to_string(), target))
    }

    fn new(location: String, target: Target) -> Self {
        let state = Mutex::new(State { target, failing: false, stalled: false });
        Self { location, state, written: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// Where the lines go: `-` or a path.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Writes `line` and a line end. Line ends inside `line` become spaces, so that one call is one line. A file
    /// takes it at once. A pipe, FIFO or terminal that is full holds the caller as long as it has patience, and once
    /// only: until there is room again, further lines are lost at once.
    ///
    /// # Errors
    /// The line is lost: the place is full, gone or closed. The next call tries again.
    pub fn write_line(&self, line: &str, patience: Patience<'_>) -> Result<(), LineLost> {
        let began = Instant::now();
        let bytes = terminated(line);
        // The lock is not held while waiting: lines of others need not have the same patience.
        while !self.try_write(&bytes, || patience.is_over(began))? {
            thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }

    /// False: there is no room, but hope.
    fn try_write(&self, bytes: &[u8], is_over: impl Fn() -> bool) -> Result<bool, LineLost> {
        let mut state = self.lock();
        let result = state.target.write(bytes);
        let full = result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if full && !state.stalled && !is_over() {
            return Ok(false);
        }
        state.stalled = full;
        let failed_before = std::mem::replace(&mut state.failing, result.is_err());
        let counter = if result.is_ok() { &self.written } else { &self.lost };
        counter.fetch_add(1, Relaxed);
        let lost =
            |error| LineLost { sentence: file::loss_sentence(&self.location, &error), first: !failed_before };
        result.map(|()| true).map_err(lost)
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
        self.written.load(Relaxed)
    }

    /// Lines lost so far.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.write_line(bytes),
            Self::File(file) => file.write_line(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(_) => Ok(()),
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
        let first = writer.write_line("x", Patience::BRIEF).unwrap_err();
        assert_eq!(
            first.sentence,
            "cannot write to /dev/full: the disk is full, lines are lost until there is room"
        );
        assert!(first.first);
        assert!(!writer.write_line("y", Patience::BRIEF).unwrap_err().first);
        assert_eq!((writer.written(), writer.lost()), (0, 2));
    }

    #[test]
    fn a_fifo_that_nobody_reads_neither_blocks_nor_is_rotated_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        let writer = Writer::file(&path, Rotation { max_size: 10, max_files: 1 }).unwrap();
        let line = "x".repeat(999);
        let lost = (0..).find_map(|_| writer.write_line(&line, Patience::BRIEF).err()).unwrap();
        let expected = "nobody has read from it for too long, lines are lost until somebody does";
        assert_eq!(lost.sentence, format!("cannot write to {}: {expected}", path.display()));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "a file of its own, not ours to rename"
        );
    }

    fn pipe() -> (io::PipeReader, Writer) {
        let (reader, writer) = io::pipe().unwrap();
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(writer));
        (reader, Writer::new("pipe".to_owned(), Target::Stream(Stream::opened(file).unwrap())))
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_reader_that_does_not_read_costs_lines_not_time() {
        let (_reader, writer) = pipe();
        let go_on = AtomicBool::new(false);
        while writer.write_line("line", Patience::BRIEF).is_ok() {}
        let began = Instant::now();
        for _ in 0..3 {
            let lost = writer.write_line("lost", Patience { longest: LONG, give_up: &go_on }).unwrap_err();
            assert!(!lost.first, "told with the first line");
        }
        assert!(began.elapsed() < LONG, "one has waited in vain, the next do not wait");
        assert_eq!(writer.lost(), 4);
    }

    #[test]
    fn a_slow_reader_gets_every_line() {
        let (reader, writer) = pipe();
        let reading = thread::spawn(move || {
            let lines = io::BufRead::lines(io::BufReader::with_capacity(4096, reader));
            let slowly = |line: io::Result<String>| {
                thread::sleep(Duration::from_millis(1));
                line.unwrap().len()
            };
            lines.map(slowly).collect::<Vec<_>>()
        });
        let go_on = AtomicBool::new(false);
        for _ in 0..100 {
            writer.write_line(&"x".repeat(3000), Patience { longest: LONG, give_up: &go_on }).unwrap();
        }
        drop(writer);
        assert_eq!(reading.join().unwrap(), vec![3000; 100]);
    }

    #[test]
    fn who_waits_for_a_reader_can_be_called_off_and_holds_nobody_else() {
        let (_reader, writer) = pipe();
        // Fill it up to the last page, without anybody having waited in vain.
        let mut stream_lines = 0;
        while writer.lock().target.write(&terminated("line")).is_ok() {
            stream_lines += 1;
        }
        assert!(stream_lines > 0);
        let give_up = AtomicBool::new(false);
        thread::scope(|scope| {
            let waiting =
                scope.spawn(|| writer.write_line("x", Patience { longest: LONG, give_up: &give_up }));
            assert!(writer.flush().is_ok(), "the lock is free");
            give_up.store(true, Relaxed);
            let lost = waiting.join().unwrap().unwrap_err();
            assert_eq!(
                lost.sentence,
                "cannot write to pipe: nobody has read from it for too long, lines are lost until somebody does"
            );
        });
    }
}
