//! What the user sees while the command runs: log lines, live status lines, and a summary at the end.

pub mod events;
pub mod log;
mod snapshot;
mod status_line;
mod summary;

pub use log::{LogFormat, LogLevel};
pub use snapshot::{BytesCopied, CameraState, Snapshot};
pub use status_line::{CameraStatus, StatusBoard};
pub use summary::{CameraSummary, Summary};
