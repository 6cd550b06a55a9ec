//! Where the results go: detections as lines of JSON, and the camera's picture with the detections drawn in as an
//! RTSP stream.

mod encoder;
pub mod json_lines;
mod placeholder;
pub mod rtsp_mount;
pub mod rtsp_server;
mod rtsp_stream;
