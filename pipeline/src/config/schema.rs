//! The JSON Schema of a config file, generated from the types: what `structure` checks against and what editors use.

use std::sync::LazyLock;

use schemars::{Schema, generate::SchemaSettings};
use serde_json::Value;

use super::Config;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>().to_value()
});

/// The schema of a config file.
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// Marks keys as required although the type has a `Default` (which is there for the other keys).
pub(super) fn required(schema: &mut Schema, keys: &[&str]) {
    schema.insert("required".into(), Value::from(keys.to_vec()));
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in
        properties.into_iter().flat_map(|p| p.iter_mut()).filter(|(k, _)| keys.contains(&k.as_str()))
    {
        property.1.as_object_mut().and_then(|p| p.remove("default"));
    }
}
