//! A folder that only our own user can have written to, and files in it of which the same is true.

use std::{
    fs::{DirBuilder, File},
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

/// Most compiled modules that are kept; the oldest go first.
const MAX_FILES: usize = 64;
/// Largest file that is read.
const MAX_BYTES: u64 = 512 << 20;

/// A folder that was safe when it was opened. The descriptor stays with it, whatever its path becomes.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
}

impl Directory {
    /// Opens the folder (made if missing, with mode 700).
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd)?;
        check_owner(&stat)?;
        refuse_if(stat.st_mode & 0o077 != 0, "others may enter it")?;
        Ok(Self { fd })
    }

    /// Reads a file, if it is surely our own.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        // NONBLOCK: a pipe in the file's place must not stop us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())?;
        check_file(&rustix::fs::fstat(&fd)?)?;
        let mut bytes = Vec::new();
        File::from(fd).take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes a file: readers see the old one, the new one or none, never a part.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
        let draft = format!("{name}.{}.{unique}.tmp", std::process::id());
        let written = self.write_new(&draft, bytes).and_then(|()| {
            rustix::fs::renameat(&self.fd, &*draft, &self.fd, name)?;
            self.remove_oldest()
        });
        if written.is_err() {
            self.remove(&draft);
        }
        written
    }

    fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(fd).write_all(bytes)
    }

    fn remove_oldest(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in Dir::read_from(&self.fd)? {
            let name = file?.file_name().to_owned();
            // The user may have named a folder that holds other things.
            if !is_ours(name.to_bytes()) {
                continue;
            }
            let stat = rustix::fs::statat(&self.fd, &name, AtFlags::SYMLINK_NOFOLLOW);
            if let Some(stat) = stat.ok().filter(|stat| FileType::from_raw_mode(stat.st_mode).is_file()) {
                files.push((stat.st_mtime, stat.st_mtime_nsec, name));
            }
        }
        files.sort();
        let surplus = files.len().saturating_sub(MAX_FILES);
        for (.., name) in &files[..surplus] {
            self.remove(name);
        }
        Ok(())
    }

    fn remove(&self, name: impl rustix::path::Arg + Copy + std::fmt::Debug) {
        if let Err(error) = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            tracing::debug!(%error, ?name, "a file of the module cache was not removed");
        }
    }
}

/// Whether the cache has written a file of this name: an entry, or a draft of one.
fn is_ours(name: &[u8]) -> bool {
    let digest = name.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    digest == 64 && name.get(digest..).is_some_and(|rest| rest.starts_with(b".cwasm"))
}

fn check_owner(stat: &Stat) -> io::Result<()> {
    refuse_if(stat.st_uid != rustix::process::geteuid().as_raw(), "it belongs to another user")
}

fn check_file(stat: &Stat) -> io::Result<()> {
    check_owner(stat)?;
    refuse_if(!FileType::from_raw_mode(stat.st_mode).is_file(), "it is no regular file")?;
    refuse_if(stat.st_mode & 0o022 != 0, "others may write to it")?;
    refuse_if(stat.st_nlink != 1, "it has a second name")?;
    refuse_if(u64::try_from(stat.st_size).is_ok_and(|size| size > MAX_BYTES), "it is too big")
}

fn refuse_if(unsafe_to_use: bool, reason: &'static str) -> io::Result<()> {
    if unsafe_to_use { Err(io::Error::new(io::ErrorKind::PermissionDenied, reason)) } else { Ok(()) }
}
