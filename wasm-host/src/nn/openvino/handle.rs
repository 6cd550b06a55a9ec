//! Objects of OpenVINO's C interface, freed when they are dropped, and its status codes as errors.

use std::{
    ffi::{CStr, CString, c_char},
    ptr::{self, NonNull},
};

use openvino_sys::{self as ov, ov_status_e};

use crate::nn::{NnError, words};

/// An object that this process owns.
pub(super) struct Owned<T> {
    raw: NonNull<T>,
    free: unsafe fn(*mut T),
}

// SAFETY: OpenVINO's objects are tied to no thread. Sharing (`Sync`) is decided per use, not here.
unsafe impl<T> Send for Owned<T> {}

impl<T> Owned<T> {
    /// What `make` puts into the place that it is given; `free` is the function that ends such objects.
    pub fn new(
        free: unsafe fn(*mut T),
        make: impl FnOnce(*mut *mut T) -> ov_status_e,
    ) -> Result<Self, NnError> {
        let mut raw = ptr::null_mut();
        check(make(&mut raw))?;
        let raw = NonNull::new(raw).ok_or_else(|| failed("it gave no object"))?;
        Ok(Self { raw, free })
    }

    pub fn ptr(&self) -> *mut T {
        self.raw.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the object is ours, `free` belongs to its type, and it is freed once.
        unsafe { (self.free)(self.raw.as_ptr()) };
    }
}

/// Success, or the library's own words.
pub(super) fn check(status: ov_status_e) -> Result<(), NnError> {
    if status == ov_status_e::OK {
        return Ok(());
    }
    // SAFETY: the text is a C string that stays until the thread's next call.
    let text = unsafe { ov::ov_get_last_err_msg().as_ref() }.map(|first| unsafe { CStr::from_ptr(first) });
    let text = text.map(CStr::to_string_lossy).filter(|text| !text.is_empty());
    Err(match text {
        Some(text) => failed(&words::sentence(&text)),
        None => failed(&format!("{status:?}")),
    })
}

/// What the library said, without who said it.
pub(super) fn words_of(error: &NnError) -> String {
    let sentence = error.to_string();
    sentence.strip_prefix(&prefix()).unwrap_or(&sentence).to_owned()
}

fn prefix() -> String {
    format!("the engine {} failed: ", super::NAME)
}

pub(super) fn failed(what: &str) -> NnError {
    NnError::Engine(prefix() + what)
}

pub(super) fn c_string(text: &str) -> Result<CString, NnError> {
    CString::new(text).map_err(|_| NnError::Unsupported(format!("{text:?} contains a zero byte")))
}

/// Takes a text that the library allocated.
pub(super) fn take_text(raw: *const c_char) -> Option<String> {
    let first = NonNull::new(raw.cast_mut())?;
    // SAFETY: a C string that the library hands over; it is read before it is freed.
    let text = unsafe { CStr::from_ptr(first.as_ptr()) }.to_string_lossy().into_owned();
    // SAFETY: freed once.
    unsafe { ov::ov_free(raw) };
    Some(text)
}
