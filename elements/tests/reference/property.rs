//! Properties: type, range, default, when they can be changed, what they mean.

use std::fmt::Display;

use gst::{glib, prelude::*};

/// The element's own properties, not those of its base classes, in alphabetical order.
pub fn own(element: &gst::Element) -> Vec<glib::ParamSpec> {
    let mut own: Vec<glib::ParamSpec> = Vec::new();
    own.extend(element.list_properties().iter().filter(|spec| spec.owner_type() == element.type_()).cloned());
    own.sort_by_key(|spec| spec.name().to_owned());
    own
}

pub fn table(element: &gst::Element) -> String {
    let rows: Vec<Vec<String>> = own(element).iter().map(row).collect();
    let inherited = "Properties of `GstObject`, `GstElement` and `GstBaseTransform` are left out.";
    format!(
        "{}\n{inherited}\n",
        crate::page::table(&["property", "type", "range", "default", "can be changed", "what"], &rows)
    )
}

fn row(spec: &glib::ParamSpec) -> Vec<String> {
    let Kind { name, range, default } = kind(spec);
    let blurb = spec.blurb().unwrap_or_default().to_owned();
    vec![
        format!("`{}`", spec.name()),
        name,
        range,
        default,
        mutability(spec).unwrap_or("?").to_owned(),
        blurb,
    ]
}

/// When it can be changed; none when the element does not say.
pub fn mutability(spec: &glib::ParamSpec) -> Option<&'static str> {
    let flags = spec.flags();
    let has = |flag| flags.contains(flag);
    Some(match () {
        () if !has(glib::ParamFlags::WRITABLE) => "read only",
        () if has(gst::PARAM_FLAG_MUTABLE_PLAYING) => "at any time",
        () if has(gst::PARAM_FLAG_MUTABLE_PAUSED) => "up to PAUSED",
        () if has(gst::PARAM_FLAG_MUTABLE_READY) => "in NULL and READY",
        () => return None,
    })
}

#[derive(Default)]
struct Kind {
    name: String,
    range: String,
    default: String,
}

fn kind(spec: &glib::ParamSpec) -> Kind {
    macro_rules! number {
        ($name:literal: $($class:ty),*) => {$(
            if let Some(spec) = spec.downcast_ref::<$class>() {
                return bounded($name, spec.minimum(), spec.maximum(), spec.default_value());
            }
        )*};
    }
    number!("whole number": glib::ParamSpecInt, glib::ParamSpecUInt, glib::ParamSpecInt64, glib::ParamSpecUInt64);
    number!("number": glib::ParamSpecFloat, glib::ParamSpecDouble);
    let plain = |name: &str, default: String| Kind { name: name.into(), default, ..Kind::default() };
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecBoolean>() {
        return plain("boolean", code(spec.default_value()));
    }
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecString>() {
        return plain(
            "text",
            spec.default_value().filter(|text| !text.is_empty()).map(code).unwrap_or_default(),
        );
    }
    if let Some(class) = glib::EnumClass::with_type(spec.value_type()) {
        let default = glib::EnumValue::from_value(spec.default_value()).map(|(_, value)| code(value.nick()));
        let range = class.values().iter().map(|value| code(value.nick())).collect::<Vec<_>>().join(", ");
        return Kind { name: "one of".into(), range, default: default.unwrap_or_default() };
    }
    plain(&code(spec.value_type().name()), String::new())
}

fn bounded<T: Display>(name: &str, least: T, most: T, default: T) -> Kind {
    let [least, most, default] = [least, most, default].map(|value| value.to_string());
    let range = match most == u64::MAX.to_string() || most == u32::MAX.to_string() {
        true => format!("{least} or more"),
        false => format!("{least} to {most}"),
    };
    Kind { name: name.into(), range, default: code(default) }
}

fn code(text: impl Display) -> String {
    format!("`{text}`")
}

/// What the values of enumerations mean.
pub fn enumerations(element: &gst::Element) -> Option<String> {
    let of = |spec: glib::ParamSpec| {
        glib::EnumClass::with_type(spec.value_type()).map(|class| (spec.name().to_owned(), class))
    };
    let rows = own(element).into_iter().filter_map(of).flat_map(|(name, class)| {
        let row =
            move |value: &glib::EnumValue| vec![code(&name), code(value.nick()), value.name().to_owned()];
        class.values().iter().map(row).collect::<Vec<_>>()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    (!rows.is_empty()).then(|| crate::page::table(&["property", "value", "what"], &rows))
}
