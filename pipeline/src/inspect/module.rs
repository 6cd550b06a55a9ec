//! A WebAssembly module.

use std::path::Path;

use edgevision_wasm_host::module::{self, ModuleError, ModuleInfo};
use serde_json::{Value, json};

use super::{Description, bytes};
use crate::error::{AppError, Exit};

pub(super) fn describe(path: &Path) -> Result<Description, AppError> {
    let (info, problems) = module::inspect(path).map_err(|error| refusal(&error))?;
    let mut json = json!({ "kind": "module" });
    if let (Value::Object(all), Ok(Value::Object(own))) = (&mut json, serde_json::to_value(&info)) {
        all.extend(own);
        all.insert("problems".into(), problems.clone().into());
    }
    Ok(Description { rows: rows(&info), json, problems, config: None })
}

fn refusal(error: &ModuleError) -> AppError {
    let exit = match error {
        ModuleError::Read { .. } => Exit::NoInput,
        _ => Exit::BadInput,
    };
    AppError::new(exit, error.to_string())
}

fn rows(info: &ModuleInfo) -> Vec<(String, String)> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "not stated".to_owned());
    let rows = [
        ("module", info.name.clone()),
        ("version", or_none(info.version.clone())),
        ("description", or_none(info.description.clone())),
        ("size", bytes(info.byte_len)),
        ("sha256", info.sha256.clone()),
        contract(info),
        ("roles", roles(info)),
        ("state", if info.stateful { "kept between frames" } else { "none" }.to_owned()),
        ("memory", memory(info)),
        ("imports", lines_or(&info.imports, "none")),
        ("parameters", parameters(info.params_schema.as_ref())),
    ];
    rows.map(|(word, value)| (word.to_owned(), value)).to_vec()
}

/// What it was built for: the ABI of core modules, or the world of components.
fn contract(info: &ModuleInfo) -> (&'static str, String) {
    match &info.world {
        Some(world) => ("component", world.clone()),
        None => {
            let version = info.abi_version.map(|version| version.to_string());
            ("ABI", version.unwrap_or_else(|| "not stated".to_owned()))
        }
    }
}

fn roles(info: &ModuleInfo) -> String {
    let roles: Vec<String> = info.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    lines_or(&[roles.join(", ")].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), "none")
}

fn memory(info: &ModuleInfo) -> String {
    let kib = |pages: u64| pages.saturating_mul(64);
    let most = info
        .memory_max_pages
        .map_or_else(|| "no limit of its own".to_owned(), |n| format!("at most {} KiB", kib(n)));
    format!("at least {} KiB, {most}", kib(info.memory_min_pages))
}

fn lines_or(lines: &[String], none: &str) -> String {
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}

/// One line for each parameter of the schema: name, type, default, description.
fn parameters(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return "not described".to_owned() };
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let lines: Vec<String> = properties.map(|(name, property)| parameter(name, property, schema)).collect();
    lines_or(&lines, "none")
}

fn parameter(name: &str, property: &Value, schema: &Value) -> String {
    let mut line = format!("{name}: {}", kind(property, schema));
    if let Some(default) = property.get("default") {
        line += &format!(" = {default}");
    }
    if let Some(text) = property.get("description").and_then(Value::as_str) {
        line += &format!("  {}", text.replace('\n', " "));
    }
    line
}

/// The type of a parameter in a few words: `number`, `"a" | "b"`, `array | null`.
fn kind(property: &Value, schema: &Value) -> String {
    let reference = property.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
    if let Some(target) = reference.and_then(|pointer| schema.pointer(pointer)) {
        return kind(target, schema);
    }
    let union = ["enum", "oneOf", "anyOf"].iter().find_map(|key| property.get(key)).and_then(Value::as_array);
    match (union, property.get("const"), property.get("type")) {
        (Some(forms), ..) => forms
            .iter()
            .map(|form| if form.is_object() { kind(form, schema) } else { form.to_string() })
            .collect::<Vec<_>>()
            .join(" | "),
        (_, Some(word), _) => word.to_string(),
        (.., Some(Value::String(one))) => one.clone(),
        (.., Some(Value::Array(several))) => {
            several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ")
        }
        _ => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_show_type_default_and_description() {
        let schema = json!({
            "$defs": { "Color": { "enum": ["rgb", "bgr"] } },
            "properties": {
                "color": { "$ref": "#/$defs/Color", "default": "rgb", "description": "Order of the channels." },
                "mean": { "type": ["array", "null"] },
            },
        });
        let expected = "color: \"rgb\" | \"bgr\" = \"rgb\"  Order of the channels.\nmean: array | null";
        assert_eq!(parameters(Some(&schema)), expected);
        assert_eq!(parameters(None), "not described");
        assert_eq!(parameters(Some(&json!({}))), "none");
    }
}
