//! Pads and what they take.

use gst::prelude::*;

pub fn table(element: &gst::Element) -> String {
    let templates = element.pad_template_list();
    let mut rows: Vec<Vec<String>> = templates.iter().map(row).collect();
    rows.sort();
    crate::page::table(&["pad", "direction", "there", "caps"], &rows)
}

fn row(template: &gst::PadTemplate) -> Vec<String> {
    let direction = match template.direction() {
        gst::PadDirection::Sink => "in",
        _ => "out",
    };
    let presence = match template.presence() {
        gst::PadPresence::Always => "always",
        gst::PadPresence::Sometimes => "sometimes",
        _ => "on request",
    };
    let name = format!("`{}`", template.name_template());
    vec![name, direction.to_owned(), presence.to_owned(), caps(template.caps())]
}

fn caps(caps: &gst::Caps) -> String {
    if caps.is_any() {
        return "any".to_owned();
    }
    caps.iter_with_features()
        .map(|(structure, features)| one(structure, features))
        .collect::<Vec<_>>()
        .join("<br>")
}

/// Sizes and frame rates that are not limited are left out.
fn one(structure: &gst::StructureRef, features: &gst::CapsFeaturesRef) -> String {
    let memory = match features.is_any() || !features.is_equal(&gst::CAPS_FEATURES_MEMORY_SYSTEM_MEMORY) {
        true => format!("({features})"),
        false => String::new(),
    };
    let fields =
        structure.iter().filter(|(name, _)| !["width", "height", "framerate"].contains(&name.as_str()));
    let fields: Vec<String> = fields.map(|(name, value)| field(name, value)).collect();
    std::iter::once(format!("`{}{memory}`", structure.name())).chain(fields).collect::<Vec<_>>().join(", ")
}

fn field(name: &str, value: &gst::glib::SendValue) -> String {
    let values = match value.get::<gst::List>() {
        Ok(list) => list.iter().filter_map(|value| value.get::<String>().ok()).collect(),
        Err(_) => value.get::<String>().map_or_else(|_| vec![format!("{value:?}")], |one| vec![one]),
    };
    let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    format!("{name} {}", values.join(" "))
}
