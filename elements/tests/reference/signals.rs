//! Signals and actions.

use std::num::NonZeroU32;

use gst::{
    glib::{self, gobject_ffi, subclass::SignalId, translate::IntoGlib},
    prelude::*,
};

/// A signal that the element emits, or an action that it takes.
pub struct Signal {
    pub name: String,
    action: bool,
    parameters: Vec<String>,
    returns: String,
}

/// The element's own signals, in alphabetical order.
pub fn of(element: &gst::Element) -> Vec<Signal> {
    let mut signals: Vec<Signal> = ids(element.type_()).into_iter().map(signal).collect();
    signals.sort_by(|a, b| a.name.cmp(&b.name));
    signals
}

fn ids(owner: glib::Type) -> Vec<SignalId> {
    let mut count = 0;
    // SAFETY: the type is registered, and `count` lives through the call.
    let list = unsafe { gobject_ffi::g_signal_list_ids(owner.into_glib(), &raw mut count) };
    // SAFETY: the call returned `count` ids at `list`, which nobody else knows; a list of none may be null.
    let ids = unsafe { glib::Slice::<u32>::from_glib_full_num(list, count as usize) };
    // SAFETY: GObject has just told these ids.
    ids.iter().filter_map(|id| NonZeroU32::new(*id)).map(|id| unsafe { SignalId::new(id) }).collect()
}

fn signal(id: SignalId) -> Signal {
    let query = id.query();
    let name = |kind: &glib::subclass::SignalType| kind.type_().name().to_owned();
    Signal {
        name: query.signal_name().to_owned(),
        action: query.flags().contains(glib::SignalFlags::ACTION),
        parameters: query.param_types().iter().map(name).collect(),
        returns: name(&query.return_type()),
    }
}

pub fn table(element: &gst::Element) -> Option<String> {
    let code = |name: &String| format!("`{name}`");
    let row = |signal: &Signal| {
        let kind = if signal.action { "action" } else { "signal" };
        let parameters = signal.parameters.iter().map(code).collect::<Vec<_>>().join(", ");
        let returns = if signal.returns == "void" { String::new() } else { code(&signal.returns) };
        vec![code(&signal.name), kind.to_owned(), parameters, returns]
    };
    let rows: Vec<Vec<String>> = of(element).iter().map(row).collect();
    (!rows.is_empty()).then(|| crate::page::table(&["name", "kind", "parameters", "returns"], &rows))
}
