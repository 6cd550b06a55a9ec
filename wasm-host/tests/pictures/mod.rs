//! RGB pictures as frames, and the modules that ship.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{path::PathBuf, sync::Arc};

use edgevision_wasm_host::{
    arena::Arena,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Transfer},
    module::Module,
};

/// A module that ships.
pub fn guest(name: &str) -> Arc<Module> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(format!("{name}.wasm"));
    Module::load(&path).unwrap_or_else(|error| panic!("{error} (`cargo xtask guests` builds it)"))
}

/// A frame of packed RGB lines without padding.
pub fn rgb_frame(width: u32, height: u32, pixels: &[u8]) -> Frame {
    let color = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Full };
    let tight = FrameLayout::packed(PixelFormat::Rgb, width, height, color).unwrap();
    let plane = edgevision_wasm_host::frame::Plane { offset: 0, stride: width * 3 };
    let layout = FrameLayout::new(PixelFormat::Rgb, width, height, color, &[plane]).unwrap();
    let arena = Arena::new(layout.byte_len().max(tight.byte_len()), 1).unwrap();
    let mut slot = arena.acquire().unwrap();
    Arc::get_mut(&mut slot).unwrap().copy_from(0, pixels).unwrap();
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (seq, timestamp_ns, transfer) = (0, None, Transfer::InPlace);
    Frame { seq, timestamp_ns, layout, pixels, transfer, keep_alive: Box::new(slot) }
}
