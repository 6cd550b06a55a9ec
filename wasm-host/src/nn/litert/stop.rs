//! The flag that ends a run of LiteRT: the library asks for it between two operators.

use std::{
    ffi::c_void,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    handle::{Owned, check},
    library::Api,
};
use crate::nn::{Interrupt, NnError};

/// Asked by the runs of one compiled model.
#[derive(Default)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    /// A flag that `model` asks. It must outlive the model.
    pub(super) fn install(api: &Api, model: &Owned) -> Result<Arc<Self>, NnError> {
        let stop = Arc::new(Self::default());
        let flag = Arc::as_ptr(&stop).cast_mut().cast::<c_void>();
        // SAFETY: the model lives; the caller keeps the flag as long as the model, and the function takes it for what
        // it is.
        check("preparing to stop runs", unsafe { (api.on_stop)(model.ptr(), flag, is_set) })?;
        Ok(stop)
    }

    /// For the next run, whatever ended the last one. An interrupt that comes before is repeated.
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Interrupt for Stop {
    fn interrupt(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

unsafe extern "C" fn is_set(flag: *mut c_void) -> bool {
    // SAFETY: the pointer that `install` has handed over; the flag lives as long as the model that asks.
    let stop = unsafe { &*flag.cast_const().cast::<Stop>() };
    stop.0.load(Ordering::Relaxed)
}
