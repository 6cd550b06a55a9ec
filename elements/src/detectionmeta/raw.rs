//! The two things that the bindings cannot do: tell a meta's transform function what the transformation is, and
//! read a region whose type is nothing or no UTF-8.

use std::{
    borrow::Cow,
    ffi::{CStr, c_char},
    ptr,
};

use gst::{
    BufferRef,
    glib::{ffi as glib_ffi, translate::IntoGlib},
    meta::{CustomMeta, MetaTransform, MetaTransformCopy},
};
use gst_video::{VideoRegionOfInterestMeta, video_meta::VideoMetaTransformScale};

use super::scaling::Geometry;

/// What becomes of the buffer that a meta rides on.
pub enum Transformation {
    /// The same picture.
    Copy,
    /// The same picture in another size: before, after.
    Scale(Geometry, Geometry),
}

/// Puts a meta that was found on the last buffer onto the first. False: it was not done.
type Transform = fn(&mut BufferRef, &CustomMeta, &BufferRef, &Transformation) -> bool;

/// The tags of GStreamer's own regions of interest.
const TAGS: [&CStr; 3] = [c"video", c"orientation", c"size"];

/// Registers a custom meta with the tags of a region of interest. Call it once for a name.
pub fn register(name: &'static CStr, transform: Transform) {
    let mut tags: Vec<*const c_char> = TAGS.iter().map(|tag| tag.as_ptr()).collect();
    tags.push(ptr::null());
    // SAFETY: name and tags are strings that live for ever, and the list of tags ends with a null. `trampoline` is
    // given what it expects as user data: a function pointer, which is never freed.
    unsafe {
        gst::ffi::gst_meta_register_custom(
            name.as_ptr(),
            tags.as_mut_ptr(),
            Some(trampoline),
            transform as *mut std::ffi::c_void,
            None,
        );
    }
}

unsafe extern "C" fn trampoline(
    target: *mut gst::ffi::GstBuffer,
    meta: *mut gst::ffi::GstCustomMeta,
    source: *mut gst::ffi::GstBuffer,
    kind: glib_ffi::GQuark,
    data: glib_ffi::gpointer,
    user_data: glib_ffi::gpointer,
) -> glib_ffi::gboolean {
    // SAFETY: `register` passed a `Transform` as user data.
    let transform = unsafe { std::mem::transmute::<glib_ffi::gpointer, Transform>(user_data) };
    // SAFETY: GStreamer says what `data` is by `kind`.
    let Some(transformation) = (unsafe { transformation(kind, data) }) else { return glib_ffi::GFALSE };
    // SAFETY: GStreamer passes three live objects, the target writable and different from the source, for the time
    // of this call. `CustomMeta` is a transparent wrapper.
    let done = unsafe {
        let meta = &*meta.cast::<CustomMeta>();
        transform(BufferRef::from_mut_ptr(target), meta, BufferRef::from_ptr(source), &transformation)
    };
    done.into_glib()
}

/// # Safety
/// `data` must be what GStreamer passes with this kind of transformation.
unsafe fn transformation(kind: glib_ffi::GQuark, data: glib_ffi::gpointer) -> Option<Transformation> {
    if kind == MetaTransformCopy::quark().into_glib() {
        return Some(Transformation::Copy);
    }
    if kind != VideoMetaTransformScale::quark().into_glib() || data.is_null() {
        return None;
    }
    // SAFETY: with this quark the data is a GstVideoMetaTransform with two valid infos.
    let scale = unsafe { &*data.cast::<gst_video::ffi::GstVideoMetaTransform>() };
    // SAFETY: see above.
    let (before, after) = unsafe { (geometry(scale.in_info), geometry(scale.out_info)) };
    Some(Transformation::Scale(before?, after?))
}

/// # Safety
/// Null or a valid info.
unsafe fn geometry(info: *const gst_video::ffi::GstVideoInfo) -> Option<Geometry> {
    // SAFETY: the caller's promise.
    let info = unsafe { info.as_ref() }?;
    let positive = |value: i32| u32::try_from(value).ok().filter(|value| *value > 0);
    Some(Geometry {
        width: positive(info.width)?,
        height: positive(info.height)?,
        par: (positive(info.par_n).unwrap_or(1), positive(info.par_d).unwrap_or(1)),
    })
}

/// The type of a region; empty if it has none.
pub fn roi_type(region: &gst::MetaRef<'_, VideoRegionOfInterestMeta>) -> String {
    // SAFETY: the reference is valid.
    quark_text(unsafe { (*region.as_ptr()).roi_type })
}

/// The text of a quark that somebody else has made; empty for 0.
pub fn quark_text(quark: glib_ffi::GQuark) -> String {
    // SAFETY: the text of a quark lives for ever; 0 and numbers that are no quarks have none.
    let text = unsafe {
        ptr::NonNull::new(glib_ffi::g_quark_to_string(quark).cast_mut())
            .map(|text| CStr::from_ptr(text.as_ptr()))
    };
    text.map_or(Cow::Borrowed(""), CStr::to_string_lossy).into_owned()
}
