//! Whole-system tests: real clips, real RTSP, real modules.
