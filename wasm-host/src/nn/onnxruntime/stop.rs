//! The switch that ends a run of ONNX Runtime: the runtime looks at it between two operators.

use std::ptr::{self, NonNull};

use ort::sys;

use super::run::check;
use crate::nn::{Interrupt, NnError};

/// Options of a session's runs, one run at a time.
pub(super) struct Switch(NonNull<sys::OrtRunOptions>);

// SAFETY: the options belong to no thread.
unsafe impl Send for Switch {}
// SAFETY: what is called through a shared switch sets or clears one flag; the runtime documents setting it as the way
// to end a run from another thread, and nothing else in the options is ever changed.
unsafe impl Sync for Switch {}

impl Switch {
    pub(super) fn new() -> Result<Self, NnError> {
        let mut raw = ptr::null_mut();
        // SAFETY: the place is valid for the call.
        check(unsafe { (ort::api().CreateRunOptions)(&mut raw) })?;
        let raw = NonNull::new(raw);
        raw.map(Self).ok_or_else(|| NnError::Engine("the engine onnxruntime gave no run options".into()))
    }

    /// For the next run, whatever ended the last one. An interrupt that comes before is repeated.
    pub(super) fn clear(&self) -> Result<(), NnError> {
        // SAFETY: the options live as long as `self`.
        check(unsafe { (ort::api().RunOptionsUnsetTerminate)(self.0.as_ptr()) })
    }

    pub(super) fn ptr(&self) -> *const sys::OrtRunOptions {
        self.0.as_ptr()
    }
}

impl Interrupt for Switch {
    fn interrupt(&self) {
        // SAFETY: the options live as long as `self`.
        if let Err(error) = check(unsafe { (ort::api().RunOptionsSetTerminate)(self.0.as_ptr()) }) {
            tracing::warn!("a run of ONNX Runtime cannot be ended: {error}");
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // SAFETY: the options are ours and are released once; no run uses them any more, because runs borrow them.
        unsafe { (ort::api().ReleaseRunOptions)(self.0.as_ptr()) };
    }
}
