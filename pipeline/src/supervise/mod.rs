//! Keeps cameras running: one thread each opens the source, watches it, and opens it again when it is lost.

pub mod backoff;
mod bus;
mod camera;
mod shutdown;
pub mod watchdog;

pub use bus::{Failure, FailureKind};
pub use camera::{CameraTask, Ending, start};
pub use shutdown::Shutdown;
