//! OpenVINO's C library: loaded when the first model asks for it, never unloaded.

use std::sync::{Mutex, PoisonError};

use openvino_sys::{self as ov, ov_element_type_e as Type};

use super::handle::Owned;
use crate::nn::{NnError, native::Library};

const LIBRARY: Library = Library {
    engine: super::NAME,
    variable: "EDGEVISION_OPENVINO_LIB",
    file: "libopenvino_c.so",
    product: "OpenVINO 2025.1 or newer",
};

/// Whether the library was loaded and checked.
static LOADED: Mutex<bool> = Mutex::new(false);

pub(super) fn is_present() -> Result<(), NnError> {
    LIBRARY.find().map(drop)
}

/// Loads the library. A failure is not remembered: it may have been installed since.
pub(super) fn load() -> Result<(), NnError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if *loaded {
        return Ok(());
    }
    let file = LIBRARY.find()?;
    let refused = |error: &str| {
        NnError::Unsupported(format!(
            "the engine {} cannot use {}: {error}; install {}",
            LIBRARY.engine,
            file.display(),
            LIBRARY.product
        ))
    };
    ov::library::load_from(file.clone()).map_err(|error| refused(&error))?;
    if !element_types_agree() {
        return Err(refused("it numbers its element types otherwise than this program"));
    }
    tracing::info!(library = %file.display(), "OpenVINO loaded");
    *loaded = true;
    Ok(())
}

/// The numbers of element types changed between versions, without a trace in the library's name: a tensor of each
/// type must have the size of that type.
fn element_types_agree() -> bool {
    let sizes =
        [(Type::F16, 2), (Type::F32, 4), (Type::I8, 1), (Type::I32, 4), (Type::I64, 8), (Type::U8, 1)];
    sizes.into_iter().all(|(kind, size)| byte_len_of_four(kind).is_ok_and(|len| len == 4 * size))
}

fn byte_len_of_four(kind: Type) -> Result<usize, NnError> {
    let mut dims = [4_i64];
    let shape = ov::ov_shape_t { rank: 1, dims: dims.as_mut_ptr() };
    // SAFETY: the shape's one dimension is read during the call only.
    let tensor = Owned::new(ov::ov_tensor_free, |place| unsafe { ov::ov_tensor_create(kind, shape, place) })?;
    let mut len = 0;
    // SAFETY: the tensor lives.
    super::handle::check(unsafe { ov::ov_tensor_get_byte_size(tensor.ptr(), &mut len) })?;
    Ok(len)
}
