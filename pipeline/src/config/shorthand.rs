//! Keys that may be written short (`source: clip.mp4`) or in full (`source: {uri: clip.mp4}`).

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Either form in a file; also what the schema shows.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Shorthand<S, T> {
    Short(S),
    Full(T),
}

impl<S, T: From<S>> Shorthand<S, T> {
    fn into_full(self) -> T {
        match self {
            Self::Short(short) => short.into(),
            Self::Full(full) => full,
        }
    }
}

/// Reads `T` from either form. Use with `#[serde(deserialize_with)]` and `#[schemars(with)]`.
pub(super) fn either<'de, D, S, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    S: Deserialize<'de>,
    T: Deserialize<'de> + From<S>,
{
    Shorthand::<S, T>::deserialize(deserializer).map(Shorthand::into_full)
}

/// The same for a key that may be `null` (off).
pub(super) fn either_or_null<'de, D, S, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    S: Deserialize<'de>,
    T: Deserialize<'de> + From<S>,
{
    Ok(Option::<Shorthand<S, T>>::deserialize(deserializer)?.map(Shorthand::into_full))
}
