//! GStreamer elements that run sandboxed vision on video without copying it: `evdetect` finds, `evoverlay` draws,
//! `evpublish` writes, `evmodule` filters.
//!
//! A frame's way: the decoder writes into [`framepool`]'s memory, [`evdetect`] hands it to the worker pool and
//! attaches what comes back ([`detectionmeta`]), later elements read that.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod detectionmeta;
pub mod evdetect;
pub mod evmodule;
pub mod evoverlay;
pub mod evpublish;
pub mod framepool;
mod glue;
pub mod publish;

pub use evdetect::{Performance, planned_workers, set_default_workers, set_latency_workers};
use gst::glib;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    if let Some(file) = plugin.filename() {
        edgevision_wasm_host::lookup::set_plugin_file(file);
    }
    evdetect::register(Some(plugin))?;
    evmodule::register(Some(plugin))?;
    evoverlay::register(Some(plugin))?;
    evpublish::register(Some(plugin))
}

/// Registers all elements in this process, without a plugin file.
///
/// # Errors
/// GStreamer is not initialised or refuses the registration.
pub fn plugin_register_static() -> Result<(), glib::BoolError> {
    plugin::plugin_register_static()
}

#[allow(missing_docs, reason = "the macro makes public items that cannot be documented")]
mod plugin {
    use super::plugin_init;

    // GStreamer knows a fixed list of licence names; "MIT/X11" is one half of ours.
    gst::plugin_define!(
        edgevision,
        env!("CARGO_PKG_DESCRIPTION"),
        plugin_init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MIT/X11",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        "edgevision",
        env!("BUILD_REL_DATE")
    );
}
