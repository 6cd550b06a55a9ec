//! 128-bit vectors: WebAssembly's own, SSE2 on x86-64, elsewhere plain arrays that do exactly the same.
//!
//! The kernels are written once over these types. All operations are exact on integers and one IEEE operation on
//! floats, so that a module computes the same bits as the native build that the tests look at.

#[cfg(any(test, not(any(target_arch = "wasm32", target_arch = "x86_64"))))]
mod arrays;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
pub use arrays::*;
#[cfg(target_arch = "x86_64")]
pub use sse2::*;
#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
