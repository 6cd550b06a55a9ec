//! LiteRT's C library: loaded when the first model asks for it, never unloaded, and the one environment in it.

use std::{
    ffi::{c_char, c_int, c_void},
    ptr,
    sync::{Mutex, PoisonError},
};

use crate::nn::{NnError, native};

const LIBRARY: native::Library = native::Library {
    engine: super::NAME,
    variable: "EDGEVISION_LITERT_LIB",
    file: "libLiteRt.so",
    product: "LiteRT 2.3 or newer",
};

/// An object of the library, whatever it is.
pub(super) type Handle = *mut c_void;
/// `LiteRtStatus`: 0 is success.
pub(super) type Status = c_int;

/// `LiteRtLayout`: seven bits of rank, one bit that says whether there are strides, dimensions, strides.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    pub rank: u32,
    pub dims: [i32; 8],
    pub strides: [u32; 8],
}

/// `LiteRtRankedTensorType`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct TensorType {
    pub element: c_int,
    pub layout: Layout,
}

/// `LiteRtAny` with an integer in it.
#[repr(C, align(8))]
struct IntValue {
    kind: c_int,
    value: i64,
}

/// `LiteRtEnvOption` with an integer in it.
#[repr(C)]
struct IntOption {
    tag: c_int,
    value: IntValue,
}

const _: () = assert!(size_of::<TensorType>() == 72, "as the library's headers assert");
const _: () = assert!(size_of::<IntOption>() == 24, "as the library's headers assert");

macro_rules! api {
    ($($(#[doc = $doc:literal])* $field:ident = $symbol:literal fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Functions of the library, with the types of version 2.3.
        pub(super) struct Api {
            $($(#[doc = $doc])* pub $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            /// The environment in which everything is made.
            pub environment: Handle,
        }

        impl Api {
            /// # Safety
            /// `library` is LiteRT, whose functions have these types.
            unsafe fn find(library: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the caller promises the types.
                    $($field: *unsafe { library.get(concat!($symbol, "\0").as_bytes()) }?,)*
                    environment: ptr::null_mut(),
                })
            }
        }
    };
}

api! {
    create_environment = "LiteRtCreateEnvironment" fn(c_int, *const c_void, *mut Handle) -> Status;
    /// The bytes must outlive the model.
    create_model = "LiteRtCreateModelFromBuffer" fn(Handle, *const u8, usize, *mut Handle) -> Status;
    destroy_model = "LiteRtDestroyModel" fn(Handle);
    create_options = "LiteRtCreateOptions" fn(*mut Handle) -> Status;
    destroy_options = "LiteRtDestroyOptions" fn(Handle);
    set_accelerators = "LiteRtSetOptionsHardwareAccelerators" fn(Handle, c_int) -> Status;
    create_opaque = "LiteRtCreateOpaqueOptions"
        fn(*const c_char, *mut c_void, unsafe extern "C" fn(*mut c_void), *mut Handle) -> Status;
    /// Takes the opaque options over.
    add_opaque = "LiteRtAddOpaqueOptions" fn(Handle, Handle) -> Status;
    destroy_opaque = "LiteRtDestroyOpaqueOptions" fn(Handle);
    compile = "LiteRtCreateCompiledModel" fn(Handle, Handle, Handle, *mut Handle) -> Status;
    destroy_compiled = "LiteRtDestroyCompiledModel" fn(Handle);
    resize_input = "LiteRtCompiledModelResizeInputTensor" fn(Handle, usize, usize, *const c_int, usize) -> Status;
    output_layouts = "LiteRtGetCompiledModelOutputTensorLayouts"
        fn(Handle, usize, usize, *mut Layout, bool) -> Status;
    /// The text is to be freed with `free`.
    error_messages = "LiteRtCompiledModelGetErrorMessages" fn(Handle, *mut *mut c_char) -> Status;
    clear_errors = "LiteRtCompiledModelClearErrors" fn(Handle) -> Status;
    lend_buffer = "LiteRtCreateTensorBufferFromHostMemory"
        fn(*const TensorType, *mut c_void, usize, Option<unsafe extern "C" fn(*mut c_void)>, *mut Handle) -> Status;
    destroy_buffer = "LiteRtDestroyTensorBuffer" fn(Handle);
    run = "LiteRtRunCompiledModel" fn(Handle, usize, usize, *const Handle, usize, *const Handle) -> Status;
    /// The function is asked during a run whether it is to end.
    on_stop = "LiteRtSetCompiledModelCancellationFunction"
        fn(Handle, *mut c_void, unsafe extern "C" fn(*mut c_void) -> bool) -> Status;
    /// Not called: libraries without it are older, and some functions above had other parameters there.
    _mark_of_version = "LiteRtAddCustomOpKernelOption" fn();
}

// SAFETY: functions and a handle; the environment may be used from several threads as long as compiled models are not
// shared, says the library's documentation.
unsafe impl Send for Api {}
// SAFETY: as above; nothing in it is ever changed.
unsafe impl Sync for Api {}

static API: Mutex<Option<&'static Api>> = Mutex::new(None);

pub(super) fn is_present() -> Result<(), NnError> {
    LIBRARY.find().map(drop)
}

/// Loads the library. A failure is not remembered: it may have been installed since.
pub(super) fn load() -> Result<&'static Api, NnError> {
    let mut loaded = API.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(api) = *loaded {
        return Ok(api);
    }
    let file = LIBRARY.find()?;
    let refused = |error: String| {
        NnError::Unsupported(format!(
            "the engine {} cannot use {}: {error}; install {}",
            LIBRARY.engine,
            file.display(),
            LIBRARY.product
        ))
    };
    // SAFETY: initialisers of a library that the user chose to run in this process.
    let library = unsafe { libloading::Library::new(&file) }.map_err(|error| refused(error.to_string()))?;
    // SAFETY: it has all functions of LiteRT 2.3; their types are those of its headers.
    let mut api = unsafe { Api::find(&library) }.map_err(|error| refused(error.to_string()))?;
    api.environment =
        environment(&api).map_err(|status| refused(format!("it does not start (status {status})")))?;
    // Never unloaded: its threads may run until the process ends.
    std::mem::forget(library);
    tracing::info!(library = %file.display(), "LiteRT loaded");
    Ok(loaded.insert(Box::leak(Box::new(api))))
}

/// On the processor only, and quiet: only errors go to the standard error.
fn environment(api: &Api) -> Result<Handle, Status> {
    const MIN_SEVERITY: c_int = 25;
    const ERRORS: i64 = 3;
    const ACCELERATORS: c_int = 24;
    const INT: c_int = 2;
    let option = |tag, value| IntOption { tag, value: IntValue { kind: INT, value } };
    let options = [option(MIN_SEVERITY, ERRORS), option(ACCELERATORS, i64::from(super::compile::PROCESSOR))];
    let mut environment = ptr::null_mut();
    // SAFETY: two options, which the library copies.
    let status = unsafe { (api.create_environment)(2, options.as_ptr().cast(), &mut environment) };
    if status == 0 && !environment.is_null() { Ok(environment) } else { Err(status) }
}
