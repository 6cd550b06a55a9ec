//! Two system calls for which no safe wrapper is at hand: wait until a place takes bytes, and write to a pipe
//! without being killed when its reader has gone.

use std::{
    io, mem,
    os::fd::{AsRawFd, BorrowedFd},
    ptr,
    time::Duration,
};

/// Waits until `fd` takes bytes. A place whose reader has gone counts as ready; the write then tells.
///
/// # Errors
/// `WouldBlock`: it did not within `patience`. `Interrupted`: a signal came.
pub(super) fn wait_writable(fd: BorrowedFd<'_>, patience: Duration) -> io::Result<()> {
    let mut wanted = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // Rounded up: a wait of less than a millisecond must not become a busy loop.
    let millis = i32::try_from(patience.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: `wanted` is one valid pollfd for the time of the call, and 1 is their number.
    match unsafe { libc::poll(&raw mut wanted, 1, millis) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ready => Ok(()),
    }
}

/// `write(2)` that answers `BrokenPipe` where it would else raise SIGPIPE, which ends a program in C that has not
/// asked for anything else. The program's own handling of the signal stays as it is.
///
/// # Errors
/// Those of `write(2)`.
pub(super) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let blocked = SigpipeBlocked::new()?;
    let written = rustix::io::write(fd, bytes);
    if written == Err(rustix::io::Errno::PIPE) {
        blocked.forget_signal();
    }
    Ok(written?)
}

/// While it lives, SIGPIPE waits instead of being delivered to this thread.
struct SigpipeBlocked {
    sigpipe: libc::sigset_t,
    before: libc::sigset_t,
    /// A SIGPIPE of somebody else's was waiting already.
    was_pending: bool,
}

impl SigpipeBlocked {
    fn new() -> io::Result<Self> {
        // SAFETY: a sigset_t is plain integers, for which all zeroes are valid; each pointer is to a local that
        // lives through the call, and SIGPIPE is a signal's number.
        unsafe {
            let (mut sigpipe, mut before, mut pending) = (mem::zeroed(), mem::zeroed(), mem::zeroed());
            libc::sigemptyset(&raw mut sigpipe);
            libc::sigaddset(&raw mut sigpipe, libc::SIGPIPE);
            libc::sigpending(&raw mut pending);
            match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const sigpipe, &raw mut before) {
                0 => {
                    let was_pending = libc::sigismember(&raw const pending, libc::SIGPIPE) == 1;
                    Ok(Self { sigpipe, before, was_pending })
                }
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }

    /// Takes the signal that our write has raised, so that it is not delivered when it is let through again.
    fn forget_signal(&self) {
        if self.was_pending {
            return;
        }
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both pointers are to values that live through the call; no information is asked for (null). A
        // write raises SIGPIPE in its own thread, so nobody else waits for it.
        unsafe { libc::sigtimedwait(&raw const self.sigpipe, ptr::null_mut(), &raw const now) };
    }
}

impl Drop for SigpipeBlocked {
    fn drop(&mut self) {
        // SAFETY: `before` was filled in by the call that blocked the signal, in this thread: the value is neither
        // Send nor does it leave `write`.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut()) };
    }
}

/// A terminal: the side that reads what is written to the other one.
#[cfg(test)]
pub(super) fn terminal() -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
    use std::os::fd::{FromRawFd, OwnedFd};
    let (mut reader, mut terminal) = (-1, -1);
    let none = ptr::null_mut();
    // SAFETY: two places for descriptors; name, settings and size may be null.
    let made =
        unsafe { libc::openpty(&raw mut reader, &raw mut terminal, none, ptr::null_mut(), ptr::null_mut()) };
    assert_eq!(made, 0, "{}", io::Error::last_os_error());
    // SAFETY: both were opened above, for nobody else.
    unsafe { (OwnedFd::from_raw_fd(reader), OwnedFd::from_raw_fd(terminal)) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    /// Puts back how the process deals with SIGPIPE.
    struct Disposition(libc::sighandler_t);

    impl Disposition {
        /// As a C program starts: SIGPIPE ends it.
        fn deadly() -> Self {
            // SAFETY: SIG_DFL is a valid disposition.
            Self(unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) })
        }
    }

    impl Drop for Disposition {
        fn drop(&mut self) {
            // SAFETY: the disposition came from `signal` itself.
            unsafe { libc::signal(libc::SIGPIPE, self.0) };
        }
    }

    #[test]
    fn a_reader_that_has_gone_does_not_kill() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let disposition = Disposition::deadly();
        for _ in 0..2 {
            assert_eq!(write(writer.as_fd(), b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        }
        drop(disposition);
    }

    #[test]
    fn a_full_pipe_is_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        wait_writable(writer.as_fd(), Duration::ZERO).unwrap();
        while wait_writable(writer.as_fd(), Duration::ZERO).is_ok() {
            write(writer.as_fd(), &[0; 4096]).unwrap();
        }
        let refusal = wait_writable(writer.as_fd(), Duration::from_micros(1)).unwrap_err();
        assert_eq!(refusal.kind(), io::ErrorKind::WouldBlock);
        drop(reader);
        wait_writable(writer.as_fd(), Duration::from_secs(60)).unwrap();
    }
}
