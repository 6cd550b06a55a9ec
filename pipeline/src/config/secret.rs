//! Credentials. They live in the environment or in a file, never in the config, a log line or a record.

use std::{fmt, fs, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// Where a secret is found: `{env: NAME}` or `{file: PATH}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Secret {
    /// Name of an environment variable.
    Env(String),
    /// A file whose first line it is; a relative path is relative to the config file.
    File(PathBuf),
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a secret is found.",
            "type": "object",
            "properties": {
                "env": { "description": "Name of an environment variable.", "type": "string" },
                "file": {
                    "description": "A file whose first line it is; relative to the config file.",
                    "type": "string",
                },
            },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "x-not-string": "a password does not belong in the config file; put it into an environment variable and \
                             write `{env: NAME}`, or into a file and write `{file: PATH}`",
        })
    }
}

impl Secret {
    /// Fetches the secret. The error is a sentence without the secret.
    pub fn read(&self) -> Result<SecretText, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| {
                format!("the environment variable {name} is not set; export it before the start")
            })?,
            Self::File(path) => fs::read_to_string(path)
                .map_err(|e| format!("the file {} cannot be read: {e}", path.display()))?,
        };
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(format!("{self} is empty"));
        }
        Ok(SecretText(line.to_owned()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// A name that is written out, or kept like a secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum UserName {
    /// Written out.
    Plain(String),
    /// Kept elsewhere: `{env: NAME}` or `{file: PATH}`.
    Kept(Secret),
}

impl UserName {
    /// Fetches the name.
    pub fn read(&self) -> Result<SecretText, String> {
        match self {
            Self::Plain(name) => Ok(SecretText(name.clone())),
            Self::Kept(secret) => secret.read(),
        }
    }
}

/// A secret in memory. Shows as `***` everywhere; only [`SecretText::expose`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The secret itself. For the element that needs it, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}
