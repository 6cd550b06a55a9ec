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

mod registry;

#[cfg(test)]
mod tests;

use std::{ptr, sync::OnceLock};

pub(super) use registry::Watch;

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
    let Some((entry, start, len)) = registry::find(addr) else { return false };
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    let start = ptr::without_provenance_mut::<libc::c_void>(start);
    entry.poison();
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
