//! A session's infer request, which another thread may cancel: OpenVINO looks between two operators.

use std::sync::{Arc, Mutex, PoisonError};

use openvino_sys as ov;

use super::run::Request;
use crate::nn::Interrupt;

pub(super) struct Cancel(Mutex<Option<Arc<Request>>>);

// SAFETY: a request is run by its session only, one run at a time. What other threads do through a shared `Cancel` is
// to cancel, which OpenVINO makes for the thread that does not run the request.
unsafe impl Sync for Cancel {}
// SAFETY: requests are tied to no thread; see above for what is shared.
unsafe impl Send for Cancel {}

impl Cancel {
    pub(super) fn of(request: Request) -> Self {
        Self(Mutex::new(Some(Arc::new(request))))
    }

    pub(super) fn present(&self) -> Option<Arc<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(&self, request: Option<Arc<Request>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = request;
    }
}

impl Interrupt for Cancel {
    fn interrupt(&self) {
        let Some(request) = self.present() else { return };
        // SAFETY: the request lives. An error says that no run is under way.
        let _no_run = unsafe { ov::ov_infer_request_cancel(request.ptr()) };
    }
}
