//! What every element owes to who reads `gst-inspect-1.0`.

use gst::{glib, prelude::*};

use crate::{name, page::metadata, property};

/// One line for each thing that is missing.
pub fn missing(element: &gst::Element) -> Vec<String> {
    let name = name(element);
    let mut missing = Vec::new();
    for key in ["long-name", "klass", "description", "author"] {
        let text = metadata(element, key);
        if text.len() < 4 || text.ends_with('.') {
            missing.push(format!("{name}: the {key} is {text:?}"));
        }
    }
    for template in element.pad_template_list() {
        if template.caps().is_empty() {
            missing.push(format!("{name}: pad {} has no caps", template.name()));
        }
    }
    missing.extend(property::own(element).iter().flat_map(|spec| of_property(&name, spec)));
    missing
}

fn of_property(element: &str, spec: &glib::ParamSpec) -> Vec<String> {
    let (nick, blurb) = (spec.nick().to_owned(), spec.blurb().unwrap_or_default());
    let capital = |text: &str| text.chars().next().is_some_and(char::is_uppercase);
    let wide = spec.is::<glib::ParamSpecUInt64>() || spec.is::<glib::ParamSpecInt64>();
    let units = ["nanosecond", "byte", "ns", "second"];
    let wrong = [
        (!capital(&nick) || nick == spec.name(), format!("the nick is {nick:?}")),
        (!capital(blurb) || blurb.ends_with('.'), format!("the blurb is {blurb:?}")),
        (wide && !units.iter().any(|unit| blurb.contains(unit)), format!("no unit in {blurb:?}")),
        (property::mutability(spec).is_none(), "says not when it can be changed".to_owned()),
    ];
    let wrong = wrong.into_iter().filter(|(wrong, _)| *wrong).map(|(_, what)| what);
    wrong.chain(values(spec)).map(|what| format!("{element}: {}: {what}", spec.name())).collect()
}

/// A name that only repeats the nick says nothing.
fn values(spec: &glib::ParamSpec) -> Vec<String> {
    let class = glib::EnumClass::with_type(spec.value_type());
    let values = class.iter().flat_map(|class| class.values());
    let silent = values.filter(|value| value.name().eq_ignore_ascii_case(value.nick()));
    silent.map(|value| format!("the value {} has no description", value.nick())).collect()
}
