//! Macros that export a module, describe it, and write to the log.

/// Exports a type that implements [`Preprocess`](crate::Preprocess) as the module.
#[macro_export]
macro_rules! export_preprocess {
    ($preprocess:ty) => {
        $crate::__export_role!(preprocess, $preprocess);
        $crate::__export_common!(preprocess);
    };
}

/// Exports a type that implements [`Detect`](crate::Detect) as the module.
#[macro_export]
macro_rules! export_detect {
    ($detect:ty) => {
        $crate::__export_role!(detect, $detect);
        $crate::__export_common!(detect);
    };
}

/// Exports a type that implements [`Filter`](crate::Filter) as the module.
#[macro_export]
macro_rules! export_filter {
    ($filter:ty) => {
        $crate::__export_role!(filter, $filter);
        $crate::__export_common!(filter);
    };
}

/// Exports two types as one module that plays both roles; both read the same parameters.
#[macro_export]
macro_rules! export_both {
    ($preprocess:ty, $detect:ty) => {
        $crate::__export_role!(preprocess, $preprocess);
        $crate::__export_role!(detect, $detect);
        $crate::__export_common!(preprocess, detect);
    };
}

/// Exports a function as a model (`infer_model`), which the engine `wasm` runs: what it is fed and what it gives as JSON
/// (f32 tensors of fixed shapes), and the function, `fn(&[f32], &mut [f32]) -> Result<(), i32>`. Several inputs lie one
/// behind the other in the slice, several outputs likewise; an error's number, which is not 0, reaches the user.
#[macro_export]
macro_rules! export_model {
    (describe: $json:expr, infer: $infer:path $(,)?) => {
        $crate::__section!("edgevision.model", $json);
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn edgevision_alloc(size: u32, align: u32) -> u32 {
                $crate::export::alloc(size, align)
            }
            #[unsafe(no_mangle)]
            extern "C" fn infer_model(input: u32, input_len: u32, output: u32, output_len: u32) -> i32 {
                // The host has placed both tensors in blocks from the allocator above.
                $crate::export::infer_model($infer, (input, input_len), (output, output_len))
            }
        };
    };
}

/// Writes what the module says about itself into its custom sections: name, version and description from the
/// manifest (plain text without quotes), the JSON Schema of its parameters, and whether it keeps state between
/// frames (`stateful: true`). A detector that reports landmarks names them in their order, and says between which a line
/// is drawn: `landmarks: ["wrist", "elbow"], skeleton: [[0, 1]]`.
#[macro_export]
macro_rules! describe {
    (params: $schema:expr $(,)?) => {
        $crate::describe! { params: $schema, stateful: false }
    };
    (params: $schema:expr, stateful: $stateful:literal $(,)?) => {
        $crate::describe! { params: $schema, stateful: $stateful, landmarks: [], skeleton: [] }
    };
    (params: $schema:expr, landmarks: $landmarks:tt, skeleton: $skeleton:tt $(,)?) => {
        $crate::describe! { params: $schema, stateful: false, landmarks: $landmarks, skeleton: $skeleton }
    };
    (params: $schema:expr, stateful: $stateful:literal, landmarks: $landmarks:tt, skeleton: $skeleton:tt $(,)?) => {
        $crate::__section!(
            "edgevision.module",
            concat!(
                r#"{"name":""#,
                env!("CARGO_PKG_NAME"),
                r#"","version":""#,
                env!("CARGO_PKG_VERSION"),
                r#"","description":""#,
                env!("CARGO_PKG_DESCRIPTION"),
                r#"","stateful":"#,
                stringify!($stateful),
                r#","landmarks":"#,
                stringify!($landmarks),
                r#","skeleton":"#,
                stringify!($skeleton),
                "}"
            )
        );
        $crate::__section!("edgevision.params", $schema);
    };
}

/// Logs details for the author.
#[macro_export]
macro_rules! debug { ($($arg:tt)*) => { $crate::log($crate::Level::Debug, &format!($($arg)*)) }; }
/// Logs normal operation.
#[macro_export]
macro_rules! info { ($($arg:tt)*) => { $crate::log($crate::Level::Info, &format!($($arg)*)) }; }
/// Logs that something is off, nothing is lost.
#[macro_export]
macro_rules! warn { ($($arg:tt)*) => { $crate::log($crate::Level::Warn, &format!($($arg)*)) }; }
/// Logs that something is lost or has to be done.
#[macro_export]
macro_rules! error { ($($arg:tt)*) => { $crate::log($crate::Level::Error, &format!($($arg)*)) }; }

#[doc(hidden)]
#[macro_export]
macro_rules! __section {
    ($name:literal, $text:expr) => {
        const _: () = {
            const TEXT: &str = $text;
            #[cfg_attr(target_arch = "wasm32", used, unsafe(link_section = $name))]
            #[allow(dead_code, reason = "natively there is no section to put it in")]
            static SECTION: [u8; TEXT.len()] = $crate::export::array(TEXT);
        };
    };
}

// One module per role, with the instance in a thread local: a Wasm instance has one thread, so this is a plain
// static that needs no unsafe code.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    (preprocess, $type:ty) => {
        #[doc(hidden)]
        mod __edgevision_preprocess {
            use super::*;
            ::std::thread_local! {
                static INSTANCE: $crate::export::Instance<$type> = const { $crate::export::Instance::new(None) };
            }
            #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only exported to Wasm"))]
            pub(super) fn init() -> Result<(), String> {
                $crate::export::init_preprocess(&INSTANCE)
            }
            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn preprocess(frame: u32, tensor: u32) -> i32 {
                $crate::export::preprocess(&INSTANCE, frame, tensor)
            }
            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn preprocess_tensor_bytes() -> i32 {
                $crate::export::preprocess_tensor_bytes(&INSTANCE)
            }
        }
    };
    (filter, $type:ty) => {
        #[doc(hidden)]
        mod __edgevision_filter {
            use super::*;
            ::std::thread_local! {
                static INSTANCE: $crate::export::Instance<$type> = const { $crate::export::Instance::new(None) };
            }
            #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only exported to Wasm"))]
            pub(super) fn init() -> Result<(), String> {
                $crate::export::init_filter(&INSTANCE)
            }
            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn filter(frame: u32, output: u32) -> i32 {
                $crate::export::filter(&INSTANCE, frame, output)
            }
        }
    };
    (detect, $type:ty) => {
        #[doc(hidden)]
        mod __edgevision_detect {
            use super::*;
            ::std::thread_local! {
                static INSTANCE: $crate::export::Instance<$type> = const { $crate::export::Instance::new(None) };
            }
            #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only exported to Wasm"))]
            pub(super) fn init() -> Result<(), String> {
                $crate::export::init_detect(&INSTANCE)
            }
            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn detect(request: u32) -> i32 {
                $crate::export::detect(&INSTANCE, request)
            }
            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn edgevision_suggest() -> i32 {
                $crate::export::suggest(&INSTANCE)
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_common {
    ($($role:ident),+) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn edgevision_abi_version() -> i32 {
                $crate::export::ABI_VERSION
            }
            #[unsafe(no_mangle)]
            extern "C" fn edgevision_alloc(size: u32, align: u32) -> u32 {
                $crate::export::alloc(size, align)
            }
            #[unsafe(no_mangle)]
            extern "C" fn edgevision_init() -> i32 {
                $crate::export::init(&[$($crate::__export_common!(@init $role)),+])
            }
        };
    };
    (@init preprocess) => { __edgevision_preprocess::init };
    (@init filter) => { __edgevision_filter::init };
    (@init detect) => { __edgevision_detect::init };
}
