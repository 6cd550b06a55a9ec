//! Keeps cameras running: one thread each opens the source, watches it, and opens it again when it is lost.

pub mod backoff;
pub(crate) mod bus;
mod camera;
mod shutdown;
pub mod watchdog;

pub use bus::{Failure, FailureKind, Notice};
pub use camera::{CameraTask, Ending, start};
pub use shutdown::Shutdown;
pub use watchdog::Watchdog;
