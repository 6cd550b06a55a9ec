//! Cameras in, sandboxed WebAssembly vision on every frame without copying it, detections out.
