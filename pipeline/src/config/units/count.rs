//! `auto` or a number.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// How many of something: `auto`, or a number from 1 to 256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Count {
    /// The command chooses.
    #[default]
    Auto,
    /// So many.
    Exactly(u32),
}

impl Count {
    /// The number, or `auto()` if the choice is ours.
    pub fn or(self, auto: impl FnOnce() -> usize) -> usize {
        match self {
            Self::Auto => auto(),
            Self::Exactly(n) => n as usize,
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Exactly(n) => serializer.serialize_u32(*n),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u32),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(n @ 1..=256) => Ok(Self::Exactly(n)),
            Form::Text(text) if text == "auto" => Ok(Self::Auto),
            _ => Err(D::Error::custom("expected `auto` or a whole number from 1 to 256")),
        }
    }
}

impl JsonSchema for Count {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Count".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "enum": ["auto"] },
            { "type": "integer", "minimum": 1, "maximum": 256 },
        ] })
    }
}
