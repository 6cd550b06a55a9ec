//! The contract between the edgevision host and its WebAssembly modules.
//!
//! Everything that crosses the sandbox's border is an integer or one of the `repr(C)` structs below,
//! little-endian, in the module's own 32-bit linear memory. Addresses are byte offsets into that memory.
//!
//! # What a module exports
//!
//! | export | type | meaning |
//! |---|---|---|
//! | `memory` | memory | the one linear memory; the host grows it to map its windows |
//! | `edgevision_abi_version` | `() -> i32` | must return [`ABI_VERSION`] |
//! | `edgevision_alloc` | `(size: i32, align: i32) -> i32` | room for the descriptors the host writes; 0 = none left |
//! | `edgevision_init` | `() -> i32` | called once, after instantiation; reads its parameters with the imports below |
//! | `preprocess` | `(frame: i32, tensor: i32) -> i32` | role *preprocess*: reads a [`FrameDesc`], fills a [`TensorDesc`] |
//! | `preprocess_tensor_bytes` | `() -> i32` | role *preprocess*: most bytes `preprocess` will ever write; asked once, after init |
//! | `detect` | `(request: i32) -> i32` | role *detect*: reads a [`DetectRequest`], reports through `emit` |
//! | `edgevision_suggest` | `() -> i32` | optional, role *detect*: asked by `edgevision inspect MODEL` after an init that accepted the model; answers through `suggest` |
//! | `filter` | `(frame: i32, output: i32) -> i32` | role *filter*: reads a [`FrameDesc`], fills the frame that a second one describes |
//!
//! Every `-> i32` that is a status returns [`status::OK`] or one of the negative codes in [`status`]; a module
//! that returns an error says why with `fail` first, and the user reads that sentence.
//!
//! # What a module may import (from `edgevision`; anything else is refused at load)
//!
//! | import | type | meaning |
//! |---|---|---|
//! | `log` | `(level: i32, ptr: i32, len: i32)` | one line of UTF-8 to the host's log; [`log_level`]; capped per call |
//! | `fail` | `(ptr: i32, len: i32)` | the reason for the error this call is about to return |
//! | `params_len` | `() -> i32` | bytes of the parameter document |
//! | `params_read` | `(ptr: i32, len: i32) -> i32` | copies the parameter document (JSON, [`PARAMS_ENVELOPE`]) |
//! | `emit` | `(ptr: i32, count: i32) -> i32` | role *detect*: reports `count` [`Detection`]s; may be called again, capped |
//! | `landmarks` | `(detection: i32, ptr: i32, count: i32) -> i32` | role *detect*: `count` [`Landmark`]s of a detection, once for each |
//! | `attribute` | `(detection: i32, ptr: i32) -> i32` | role *detect*: one more [`Attribute`] of a detection |
//! | `tensor` | `(detection: i32, name: i32, name_len: i32, tensor: i32) -> i32` | role *detect*: a raw [`NnTensor`] of a detection, or of the frame ([`FRAME`]) |
//! | `suggest` | `(ptr: i32, len: i32) -> i32` | during `edgevision_suggest`, once: how the model is to be used (JSON, [`SUGGESTION`]), at most [`MAX_SUGGESTION_BYTES`] |
//! | `infer` | `(inputs: i32, n: i32, outputs: i32, m: i32) -> i32` | runs the model on borrowed [`NnTensor`]s, in place |
//!
//! and the WASI-NN core functions from `wasi_ephemeral_nn`.
//!
//! Detections are numbered from 0, over all calls of `emit` in one call of `detect`. What belongs to a detection is
//! reported after it. The host drops detections (threshold, no area) and sorts them; what belongs to them goes with them.
//!
//! # What a module says about itself without being run
//!
//! Two optional custom sections, UTF-8 JSON: [`SECTION_MODULE`] (`{"name","version","description","stateful"}`, and for
//! modules that report landmarks `"landmarks"`, the names of the points in their order, and `"skeleton"`, the pairs of
//! points between which lines are drawn: `[[0,1],[1,2]]`) and [`SECTION_PARAMS`] (a JSON Schema of the parameters).
#![no_std]

/// The version of this contract. A module built for another one is refused at load.
pub const ABI_VERSION: i32 = 1;

/// Name of the custom section in which a module describes itself (JSON object).
pub const SECTION_MODULE: &str = "edgevision.module";
/// Name of the custom section that holds the JSON Schema of the module's parameters.
pub const SECTION_PARAMS: &str = "edgevision.params";

/// Shape of the parameter document that `params_read` delivers.
///
/// `params` is what the user wrote for this module; `model` is null when the job has none;
/// `dtype` is one of `f32 f16 u8 i8 i32 i64`; an unknown dimension is -1. A tensor whose whole numbers stand for real
/// ones, and whose model says how, also has `"quantization":{"scale":0.5,"zero_point":128}`:
/// `real = scale * (number - zero_point)`.
pub const PARAMS_ENVELOPE: &str = r#"{"params":{},"model":{"inputs":[{"name":"images","dtype":"f32","shape":[1,3,416,416]}],"outputs":[]},"labels":80,"score_threshold":0.25}"#;

/// Shape of the document that `suggest` takes: how the model of the parameter document is to be used.
///
/// `family` names the kind of model; `specificity` is 0..=100, see the SDK; `preprocess.module` is the name of the module
/// that makes its input (no path), with its parameters; `params` are those of the detector; `threshold`, which
/// may be left out, is the least score of the job; `classes` is how many the model tells apart, null if it cannot be told.
pub const SUGGESTION: &str = r#"{"family":"yolox","specificity":90,"preprocess":{"module":"letterbox","params":{"color":"bgr"}},"params":{},"classes":80}"#;

/// Most bytes of such a document.
pub const MAX_SUGGESTION_BYTES: usize = 16 << 10;

/// Status codes that exports and imports return.
pub mod status {
    /// Success.
    pub const OK: i32 = 0;
    /// An argument (pointer, length, enum value, parameter) is not acceptable.
    pub const INVALID: i32 = -1;
    /// The frame's format, size or colorimetry is not supported by this module.
    pub const UNSUPPORTED: i32 = -2;
    /// A buffer is too small; `infer` has written the size that is needed into the descriptor's `len`.
    pub const TOO_SMALL: i32 = -3;
    /// The inference engine reported an error.
    pub const ENGINE: i32 = -4;
    /// A cap (detections, log lines, memory) is used up.
    pub const LIMIT: i32 = -5;
    /// The call is not permitted in this role or at this time (for example `infer` without a model).
    pub const DENIED: i32 = -6;
}

/// Levels of the `log` import.
pub mod log_level {
    /// Details for the author of a module.
    pub const DEBUG: i32 = 0;
    /// Normal operation.
    pub const INFO: i32 = 1;
    /// Something is off, nothing is lost.
    pub const WARN: i32 = 2;
    /// Something is lost or has to be done.
    pub const ERROR: i32 = 3;
}

/// Pixel formats, named as GStreamer names them. Planes in memory order.
pub mod pixel_format {
    /// Planar Y, U, V; chroma halved both ways (width and height rounded up).
    pub const I420: u32 = 1;
    /// Planar Y, interleaved UV; chroma halved both ways (rounded up).
    pub const NV12: u32 = 2;
    /// Packed R, G, B; 3 bytes a pixel.
    pub const RGB: u32 = 3;
    /// Packed B, G, R; 3 bytes a pixel.
    pub const BGR: u32 = 4;
    /// One byte of grey a pixel.
    pub const GRAY8: u32 = 5;
}

/// YUV to RGB matrices.
pub mod color_matrix {
    /// ITU-R BT.601 (standard definition).
    pub const BT601: u32 = 1;
    /// ITU-R BT.709 (high definition).
    pub const BT709: u32 = 2;
}

/// Value ranges of the samples.
pub mod color_range {
    /// "TV" range: luma 16..=235, chroma 16..=240.
    pub const LIMITED: u32 = 1;
    /// "PC" range: 0..=255.
    pub const FULL: u32 = 2;
}

/// Element types of tensors.
pub mod dtype {
    /// 32-bit IEEE float.
    pub const F32: u32 = 1;
    /// 8-bit unsigned integer.
    pub const U8: u32 = 2;
    /// 8-bit signed integer.
    pub const I8: u32 = 3;
    /// 32-bit signed integer.
    pub const I32: u32 = 4;
    /// 64-bit signed integer.
    pub const I64: u32 = 5;
    /// 16-bit IEEE float.
    pub const F16: u32 = 6;
}

/// Most planes a frame has.
pub const MAX_PLANES: usize = 4;
/// Most dimensions a tensor has.
pub const MAX_DIMS: usize = 8;

/// One plane of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plane {
    /// Address of the first sample in the module's linear memory (inside a window).
    pub address: u32,
    /// Bytes from one line to the next; at least the visible line, never assume it is tight.
    pub stride: u32,
}

/// A video frame, in place. Host to module.
///
/// `preprocess` and `filter` read one. `filter` gets a second one for the frame it has to fill: format, size, colour,
/// `timestamp_ns` and `seq` are those of the first; addresses and strides are its own. Its planes are writable for
/// the duration of the call, they overlap nothing, and they are not cleared.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrameDesc {
    /// `size_of::<FrameDesc>()` as the host knows it; fields may be appended in later versions.
    pub size: u32,
    /// One of [`pixel_format`].
    pub format: u32,
    /// Visible width in pixels, at least 1.
    pub width: u32,
    /// Visible height in lines, at least 1.
    pub height: u32,
    /// One of [`color_matrix`]; of no meaning for RGB, BGR.
    pub color_matrix: u32,
    /// One of [`color_range`]; of no meaning for RGB, BGR.
    pub color_range: u32,
    /// How many of `planes` count.
    pub n_planes: u32,
    /// Zero.
    pub reserved: u32,
    /// The planes in the order of the format.
    pub planes: [Plane; MAX_PLANES],
    /// Stream time in nanoseconds; `u64::MAX` when the source gave none.
    pub timestamp_ns: u64,
    /// Number of this frame, counted by its camera from 0.
    pub seq: u64,
}

/// How pixels of the model's input lie in the source frame:
/// `x_source = (x_input - offset_x) / scale_x`, likewise y; pixel edges, not centres.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Geometry {
    /// Input pixels per source pixel, horizontally; finite and above 0.
    pub scale_x: f32,
    /// Input pixels per source pixel, vertically; finite and above 0.
    pub scale_y: f32,
    /// Left edge of the picture inside the input, in input pixels.
    pub offset_x: f32,
    /// Upper edge of the picture inside the input, in input pixels.
    pub offset_y: f32,
    /// Width of the model input in pixels.
    pub input_width: u32,
    /// Height of the model input in pixels.
    pub input_height: u32,
}

/// The tensor between preprocess and detect. The host fills `address` and `capacity`; `preprocess` the rest.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TensorDesc {
    /// Address of the tensor window: writable for `preprocess`, read-only for `detect`. 64-byte aligned.
    pub address: u32,
    /// Bytes that may be written there.
    pub capacity: u32,
    /// Bytes that were written: product of the dimensions times the element size.
    pub len: u32,
    /// One of [`dtype`].
    pub dtype: u32,
    /// How many of `dims` count.
    pub rank: u32,
    /// Dimensions, outermost first, row-major without gaps.
    pub dims: [u32; MAX_DIMS],
    /// Where the picture lies in the tensor.
    pub geometry: Geometry,
}

/// What `detect` is asked to look at.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DetectRequest {
    /// `size_of::<DetectRequest>()` as the host knows it.
    pub size: u32,
    /// Width of the source frame in pixels.
    pub frame_width: u32,
    /// Height of the source frame in lines.
    pub frame_height: u32,
    /// The tensor that `preprocess` wrote, mapped read-only.
    pub tensor: TensorDesc,
}

/// One detection, in pixels of the **source frame** (edges, not centres).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Detection {
    /// Left edge, 0..=width.
    pub x0: f32,
    /// Upper edge, 0..=height.
    pub y0: f32,
    /// Right edge, above `x0`.
    pub x1: f32,
    /// Lower edge, above `y0`.
    pub y1: f32,
    /// Confidence, 0..=1.
    pub score: f32,
    /// Index into the labels, from 0.
    pub class_id: u32,
}

/// A point that belongs to a detection (a corner of the mouth, a wrist), in pixels of the **source frame**.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Landmark {
    /// Pixels from the left edge of the frame; finite. It may lie outside of the box; the host clips it to the frame.
    pub x: f32,
    /// Pixels from the upper edge, likewise.
    pub y: f32,
    /// Confidence, 0..=1; NaN when the model tells none.
    pub confidence: f32,
}

impl Landmark {
    /// A point without a confidence.
    pub const fn at(x: f32, y: f32) -> Self {
        Self { x, y, confidence: f32::NAN }
    }
}

/// A property of a detection that a classifier has found: its colour, make, pose, age.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Attribute {
    /// Address of its name: 1 to 64 bytes of `a-z`, `0-9` and `_`, a letter first; none of [`RESERVED_NAMES`].
    pub name: u32,
    /// Bytes of the name.
    pub name_len: u32,
    /// Address of the value's name, UTF-8, at most 256 bytes.
    pub label: u32,
    /// Bytes of the value's name; 0 when there is only a number.
    pub label_len: u32,
    /// Number of the value, from 0; [`NO_CLASS`] when there is only a name.
    pub class_id: u32,
    /// Confidence, 0..=1; NaN when the model tells none.
    pub confidence: f32,
}

/// An [`Attribute`] without a number.
pub const NO_CLASS: u32 = u32::MAX;

/// In place of the number of a detection: the whole frame. For `tensor` only.
pub const FRAME: i32 = -1;

/// Keys of an object in the detection record, which no attribute may be called.
pub const RESERVED_NAMES: &[&str] = &[
    "attributes",
    "detection",
    "extra_params",
    "h",
    "id",
    "landmarks",
    "parent_id",
    "region_id",
    "roi_type",
    "tensors",
    "w",
    "x",
    "y",
];

/// Most bytes of the name of an attribute or a tensor.
pub const MAX_NAME_BYTES: usize = 64;
/// Most bytes of the name of an attribute's value.
pub const MAX_LABEL_BYTES: usize = 256;

/// A tensor that `infer` borrows for the duration of the call.
///
/// Input: all fields set by the module. Output: the module sets `address` and `capacity` (both 0 asks for the
/// size only); the host writes `dtype`, `rank`, `dims`, `len` and the elements. Outputs are in the model's order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NnTensor {
    /// Address of the elements; aligned to the element size.
    pub address: u32,
    /// Output: bytes of room at `address`. Input: unused.
    pub capacity: u32,
    /// Bytes of the elements.
    pub len: u32,
    /// One of [`dtype`].
    pub dtype: u32,
    /// How many of `dims` count.
    pub rank: u32,
    /// Dimensions, outermost first.
    pub dims: [u32; MAX_DIMS],
}

// The layout is the contract: a change of size must be a change of ABI_VERSION.
const _: () = {
    assert!(size_of::<Plane>() == 8);
    assert!(size_of::<FrameDesc>() == 80 && align_of::<FrameDesc>() == 8);
    assert!(size_of::<Geometry>() == 24);
    assert!(size_of::<TensorDesc>() == 76 && align_of::<TensorDesc>() == 4);
    assert!(size_of::<DetectRequest>() == 88);
    assert!(size_of::<Detection>() == 24);
    assert!(size_of::<Landmark>() == 12);
    assert!(size_of::<Attribute>() == 24);
    assert!(size_of::<NnTensor>() == 52);
};
