//! The fault guard: a store into a read-only window from outside compiled code must not kill the process.
//!
//! Compiled WebAssembly that stores into a window faults at an instruction wasmtime knows, and traps. But
//! `memory.fill`, `memory.copy`, `memory.init` and host functions write from ordinary machine code: wasmtime passes
//! such a SIGSEGV on to the handler that was installed before its own. That is this one. If the address lies in a
//! watched window it puts private zeroed pages over the whole window, marks the window poisoned and returns: the
//! store is repeated, hits private memory, and the call goes on to an end whose result nobody will use.
//!
//! The whole window and not the one page, because a guest that touches every second page would otherwise leave
//! tens of thousands of mappings behind, run into `vm.max_map_count` and kill the process after all.
//!
//! Everything the handler does is async-signal-safe: atomic loads, `mmap`, `sigaction`, `raise`.

#[cfg(test)]
mod tests;

use std::{
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
    },
};

/// Entries of one chunk of the registry.
const CHUNK: usize = 128;

/// One watched window. `version` is odd while the entry changes, so a reader never believes half of an old window
/// and half of a new one.
struct Entry {
    taken: AtomicBool,
    version: AtomicUsize,
    start: AtomicUsize,
    len: AtomicUsize,
    poisoned: AtomicBool,
}

/// Part of the registry. Chunks are only ever appended and live for ever, so the handler can walk them without a
/// lock; entries are used again.
struct Chunk {
    entries: [Entry; CHUNK],
    next: AtomicPtr<Chunk>,
}

static FIRST: Chunk = Chunk::new();

/// A window that the guard watches until this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    entry: &'static Entry,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("poisoned", &self.poisoned).finish_non_exhaustive()
    }
}

impl Watch {
    /// Watches `[start, start + len)`. Both must be multiples of the page size, and the range must stay the caller's
    /// until the watch is dropped: the handler replaces its pages.
    pub(super) fn new(start: usize, len: usize) -> Self {
        let entry = claim();
        entry.poisoned.store(false, Ordering::SeqCst);
        entry.set(start, len);
        Self { entry }
    }

    /// True if a store hit the window since this was last asked.
    pub(super) fn take_poisoned(&self) -> bool {
        self.entry.poisoned.swap(false, Ordering::SeqCst)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.entry.set(0, 0);
        self.entry.taken.store(false, Ordering::SeqCst);
    }
}

impl Entry {
    const fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            version: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            poisoned: AtomicBool::new(false),
        }
    }

    fn set(&self, start: usize, len: usize) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.start.store(start, Ordering::SeqCst);
        self.len.store(len, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The range if `addr` is in it. An entry that changes right now cannot be the one whose window the running
    /// thread has just faulted in.
    fn covers(&self, addr: usize) -> Option<(usize, usize)> {
        let before = self.version.load(Ordering::SeqCst);
        let (start, len) = (self.start.load(Ordering::SeqCst), self.len.load(Ordering::SeqCst));
        let stable = before.is_multiple_of(2) && before == self.version.load(Ordering::SeqCst);
        (stable && addr.wrapping_sub(start) < len).then_some((start, len))
    }

    fn try_claim(&self) -> bool {
        self.taken.compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl Chunk {
    const fn new() -> Self {
        Self { entries: [const { Entry::new() }; CHUNK], next: AtomicPtr::new(ptr::null_mut()) }
    }

    fn next(&'static self) -> Option<&'static Chunk> {
        // SAFETY: the pointer is null or comes from a leaked Box (see `append`), so it is valid for ever.
        unsafe { self.next.load(Ordering::SeqCst).as_ref() }
    }

    /// The next chunk, made now if there is none. Two threads may race: the loser frees its own.
    fn append(&'static self) -> &'static Chunk {
        let fresh = Box::into_raw(Box::new(Chunk::new()));
        match self.next.compare_exchange(ptr::null_mut(), fresh, Ordering::SeqCst, Ordering::SeqCst) {
            // SAFETY: `fresh` was leaked above and is now part of the list, for ever.
            Ok(_) => unsafe { &*fresh },
            Err(winner) => {
                // SAFETY: `fresh` lost the race: nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: `winner` is not null (the exchange failed) and was leaked by the thread that won.
                unsafe { &*winner }
            }
        }
    }
}

fn claim() -> &'static Entry {
    let mut chunk = &FIRST;
    loop {
        if let Some(entry) = chunk.entries.iter().find(|entry| entry.try_claim()) {
            return entry;
        }
        chunk = chunk.next().unwrap_or_else(|| chunk.append());
    }
}

fn find(addr: usize) -> Option<(&'static Entry, usize, usize)> {
    let mut chunk = Some(&FIRST);
    while let Some(here) = chunk {
        let hit =
            here.entries.iter().find_map(|entry| entry.covers(addr).map(|(start, len)| (entry, start, len)));
        if hit.is_some() {
            return hit;
        }
        chunk = here.next();
    }
    None
}

/// What SIGSEGV did before us.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// Installs the handler, once per process. Must happen before the first `wasmtime::Engine` is made: of two handlers
/// the later one is asked first, and only wasmtime's passes on what is not its own with the right context.
pub(crate) fn install() {
    PREVIOUS.get_or_init(|| {
        let mut previous = empty_action();
        // SAFETY: a null action only asks for the present one; `previous` is a valid place for it.
        let asked = unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), &raw mut previous) };
        assert_eq!(asked, 0, "sigaction(SIGSEGV) cannot fail with valid arguments");
        previous
    });
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let mut action = empty_action();
        // SA_ONSTACK: a stack overflow must reach the handler behind us. SA_NODEFER: a fault inside it too.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_ONSTACK;
        action.sa_sigaction = (on_fault as *const ()).addr();
        // SAFETY: `on_fault` has the signature that SA_SIGINFO demands and is async-signal-safe; PREVIOUS, which it
        // reads, was set above.
        let installed = unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) };
        assert_eq!(installed, 0, "sigaction(SIGSEGV) cannot fail with valid arguments");
    });
}

fn empty_action() -> libc::sigaction {
    // SAFETY: all fields are integers, an empty set of signals and an optional function: zero is valid for each.
    unsafe { std::mem::zeroed() }
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel (or the handler that passes the signal on) gives a valid siginfo.
    let (code, addr) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    // A positive code is a fault of this thread; others are sent by `kill` and carry no address.
    if code > 0 && absorb(addr) {
        return;
    }
    pass_on(signal, code, info, context);
}

/// Makes the window at `addr` private and poisoned; false if there is none.
fn absorb(addr: usize) -> bool {
    let Some((entry, start, len)) = find(addr) else { return false };
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    let start = ptr::without_provenance_mut::<libc::c_void>(start);
    entry.poisoned.store(true, Ordering::SeqCst);
    // SAFETY: the location of this thread's errno, which the interrupted code must not see changed.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: the range is that of a live window: its owner keeps it reserved while it is registered, and the
    // running thread, which has just faulted in it, is the one that uses it. `mmap` is a bare system call.
    let mapped = unsafe { libc::mmap(start, len, prot, flags, -1, 0) };
    // SAFETY: as for reading it.
    unsafe { *libc::__errno_location() = errno };
    mapped == start
}

/// Does what would have happened without us.
fn pass_on(signal: libc::c_int, code: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(previous) = PREVIOUS.get() else { return };
    match previous.sa_sigaction {
        libc::SIG_DFL => restore_default(signal, code),
        // The kernel ends a process that ignores its own faults; a SIGSEGV that somebody sent is to be ignored.
        libc::SIG_IGN if code <= 0 => {}
        libc::SIG_IGN => restore_default(signal, code),
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            // SAFETY: the address was registered with SA_SIGINFO, so it is a function of this type.
            let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: the address was registered without SA_SIGINFO, so it is a function of this type.
            let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler) };
            handler(signal);
        }
    }
}

/// Lets the signal do its default. A fault repeats itself when the handler returns; a sent signal is sent again.
fn restore_default(signal: libc::c_int, code: libc::c_int) {
    let mut action = empty_action();
    action.sa_sigaction = libc::SIG_DFL;
    // SAFETY: a valid action; both calls are async-signal-safe.
    unsafe {
        libc::sigaction(signal, &raw const action, ptr::null_mut());
        if code <= 0 {
            libc::raise(signal);
        }
    }
}
