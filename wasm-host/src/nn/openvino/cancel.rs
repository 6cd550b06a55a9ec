//! A session's infer request, which another thread may cancel: OpenVINO looks between two operators.

use std::sync::{Arc, Mutex, PoisonError};

use openvino_sys as ov;

use super::run::Request;
use crate::nn::Interrupt;

/// A request that two threads have: its session, which runs it, and the one that may cancel it.
pub(super) struct Shared(pub(super) Request);

// SAFETY: only the session runs the request and gives it tensors, one run at a time. All that other threads do with it
// is to cancel, which OpenVINO makes for the thread that does not run the request.
unsafe impl Sync for Shared {}

/// The request of a session; none after a run that failed.
pub(super) struct Cancel(Mutex<Option<Arc<Shared>>>);

impl Cancel {
    pub(super) fn of(request: Request) -> Self {
        Self(Mutex::new(Some(Arc::new(Shared(request)))))
    }

    pub(super) fn present(&self) -> Option<Arc<Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(&self, request: Option<Arc<Shared>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = request;
    }
}

impl Interrupt for Cancel {
    fn interrupt(&self) {
        let Some(request) = self.present() else { return };
        // SAFETY: the request lives. An error says that no run is under way.
        let _no_run = unsafe { ov::ov_infer_request_cancel(request.0.ptr()) };
    }
}
