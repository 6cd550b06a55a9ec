//! Objects of LiteRT, freed when they are dropped, and its status codes as errors.

use std::{
    ffi::{CStr, c_char},
    ptr::{self, NonNull},
};

use super::library::{Api, Handle, Status};
use crate::{nn::NnError, text};

/// An object that this process owns.
pub(super) struct Owned {
    raw: NonNull<std::ffi::c_void>,
    free: unsafe extern "C" fn(Handle),
}

// SAFETY: the library ties its objects to no thread. They are used by one thread at a time: `Sync` is not claimed.
unsafe impl Send for Owned {}

impl Owned {
    /// What `make` puts into the place that it is given; `free` is the function that ends such objects.
    pub fn new(
        what: &str,
        free: unsafe extern "C" fn(Handle),
        make: impl FnOnce(*mut Handle) -> Status,
    ) -> Result<Self, NnError> {
        let mut raw = ptr::null_mut();
        check(what, make(&mut raw))?;
        let raw = NonNull::new(raw).ok_or_else(|| failed(what, "it gave no object"))?;
        Ok(Self { raw, free })
    }

    pub fn ptr(&self) -> Handle {
        self.raw.as_ptr()
    }

    /// Hands the object over to the library.
    pub fn give_away(self) -> Handle {
        let raw = self.ptr();
        std::mem::forget(self);
        raw
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the object is ours, `free` belongs to its type, and it is freed once.
        unsafe { (self.free)(self.raw.as_ptr()) };
    }
}

/// Success, or what was tried and the library's word for the status.
pub(super) fn check(what: &str, status: Status) -> Result<(), NnError> {
    if status == 0 { Ok(()) } else { Err(failed(what, &name(status))) }
}

pub(super) fn failed(what: &str, why: &str) -> NnError {
    NnError::Engine(format!("the engine {} failed: {what}: {why}", super::NAME))
}

/// `LiteRtStatus`, as far as its names say more than its numbers.
fn name(status: Status) -> String {
    let name = match status {
        1 => "invalid argument",
        2 => "out of memory",
        3 => "runtime failure",
        5 => "unsupported",
        6 => "not found",
        500 => "file error",
        501 => "invalid flatbuffer",
        504 => "compilation failure",
        _ => return format!("status {status}"),
    };
    format!("{name} (status {status})")
}

/// What a compiled model has complained of since the last time it was asked, as one line.
pub(super) fn complaints(api: &Api, compiled: &Owned) -> Option<String> {
    let mut first: *mut c_char = ptr::null_mut();
    // SAFETY: the compiled model lives.
    let status = unsafe { (api.error_messages)(compiled.ptr(), &mut first) };
    let first = NonNull::new(first).filter(|_| status == 0)?;
    // SAFETY: a C string that the library hands over; it is read before it is freed.
    let said = unsafe { CStr::from_ptr(first.as_ptr()) }.to_string_lossy().into_owned();
    // SAFETY: from the library's `malloc`, freed once.
    unsafe { libc::free(first.as_ptr().cast()) };
    // SAFETY: the compiled model lives.
    unsafe { (api.clear_errors)(compiled.ptr()) };
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| text::clean(lines.join("; ").as_bytes()))
}
