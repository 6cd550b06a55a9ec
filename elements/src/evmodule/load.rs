//! From the properties to a module that runs. Every error is one sentence for the user.

use std::path::Path;

use edgevision_wasm_host::{
    filter::Filter,
    job::{Limits, Stage},
    lookup,
    module::Module,
};
use serde_json::Value;

use super::settings::Settings;
use crate::glue;

/// Starts the module. `name` is the element's, which names the stream when no camera is given.
pub fn load(settings: &Settings, name: &str) -> Result<Filter, String> {
    if settings.module.is_empty() {
        return Err(
            "property `module` is empty; give it the name or the path of a module that exports `filter`"
                .into(),
        );
    }
    let path = lookup::find(&settings.module, Path::new(""))?;
    let module = Module::load(&path).map_err(|error| error.to_string())?;
    let camera = if settings.camera.is_empty() { name } else { &settings.camera };
    Filter::new(Stage { module, params: params(&settings.params)? }, limits(settings), camera)
}

fn params(text: &str) -> Result<Value, String> {
    glue::object("params", text).map(Value::Object)
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        deadline: settings.deadline(),
        memory_bytes: usize::try_from(settings.memory_limit).unwrap_or(usize::MAX),
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let refusal = |module: &str, params: &str| {
            let settings = Settings { module: module.into(), params: params.into(), ..Settings::default() };
            load(&settings, "m").err().unwrap()
        };
        assert_eq!(
            refusal("", ""),
            "property `module` is empty; give it the name or the path of a module that exports `filter`"
        );
        assert!(
            refusal("nowhere/mask.wasm", "").starts_with("nowhere/mask.wasm"),
            "{}",
            refusal("nowhere/mask.wasm", "")
        );
    }

    #[test]
    fn parameters_are_an_object_or_nothing() {
        assert_eq!(params(" ").unwrap(), serde_json::json!({}));
        assert_eq!(params(r#"{"a":1}"#).unwrap(), serde_json::json!({"a": 1}));
        let error = params("[1]").unwrap_err();
        assert!(error.starts_with("property `params` is not a JSON object: "), "{error}");
    }
}
