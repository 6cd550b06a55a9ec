//! The forms that a schema allows for a value, and the words for them.

use serde_json::Value as Json;

use crate::config::node::{Node, Value};

/// The words that are allowed, when a schema lists them.
pub(super) fn alternatives(schema: &Json) -> Option<Vec<&str>> {
    let words = match (schema.get("const"), schema.get("enum")) {
        (Some(word), _) => std::slice::from_ref(word),
        (None, Some(words)) => words.as_array()?,
        (None, None) => return None,
    };
    Some(words.iter().filter_map(Json::as_str).collect())
}

/// The types that a schema allows.
fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ if schema.get("const").or_else(|| schema.get("enum")).is_some() => vec!["string"],
        _ => Vec::new(),
    }
}

pub(super) fn fits(node: &Node, schema: &Json) -> bool {
    let types = types(schema);
    // A schema without a type takes everything.
    types.is_empty()
        || types.iter().any(|name| match node.value {
            Value::Null => *name == "null",
            Value::Bool(_) => *name == "boolean",
            Value::Int(_) => *name == "integer" || *name == "number",
            Value::Float(x) => *name == "number" && x.is_finite(),
            Value::Text(_) => *name == "string",
            Value::List(_) => *name == "array",
            Value::Map(_) => *name == "object",
        })
}

/// What the forms allow, in words, each once.
pub(super) fn expected(forms: &[&Json]) -> Vec<String> {
    let mut words = Vec::new();
    for form in forms {
        for name in types(form) {
            let word = match (name, alternatives(form)) {
                ("string", Some(allowed)) => {
                    allowed.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", ")
                }
                ("string", None) => "a text".into(),
                ("integer", _) => "a whole number".into(),
                ("number", _) => "a number".into(),
                ("boolean", _) => "true or false".into(),
                ("array", _) => "a list".into(),
                ("object", _) => "a mapping".into(),
                _ => continue,
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    words
}

pub(super) fn or(words: &[String]) -> String {
    match words {
        [] => "nothing".into(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} or {last}", some.join(", ")),
    }
}

/// What to do about the usual confusions between YAML's types.
pub(super) fn hint(node: &Node, forms: &[&Json], expected: &[String]) -> String {
    let wants = |word: &str| expected.iter().any(|e| e == word);
    match &node.value {
        Value::Int(_) | Value::Float(_)
            if let Some(examples) = forms.iter().find_map(|form| with_unit(form)) =>
        {
            format!("; write a number and a unit, such as {examples}")
        }
        Value::Int(_) | Value::Float(_) | Value::Bool(_) if wants("a text") => "; put it in quotes".into(),
        Value::Text(text) if wants("a number") && text.parse::<f64>().is_ok() => "; remove the quotes".into(),
        Value::Text(text) if wants("a whole number") && text.parse::<i64>().is_ok() => {
            "; remove the quotes".into()
        }
        _ => String::new(),
    }
}

/// Examples of a quantity that carries its unit.
fn with_unit(form: &Json) -> Option<String> {
    let format = form.get("format")?.as_str()?;
    let is_quantity = ["edgevision-duration", "edgevision-bytes", "edgevision-bitrate"].contains(&format);
    let examples: Vec<String> =
        form.get("examples")?.as_array()?.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    is_quantity.then(|| or(&examples))
}
