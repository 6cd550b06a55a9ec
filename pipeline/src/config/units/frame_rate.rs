//! Frames per second.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Frames per second as an exact fraction. In a file: a number (`5`, `12.5`) or a fraction (`30000/1001`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameRate {
    /// Numerator, above 0.
    pub numer: u32,
    /// Denominator, above 0.
    pub denom: u32,
}

impl FrameRate {
    /// Least and most frames per second.
    pub const LIMITS: std::ops::RangeInclusive<f64> = 0.01..=240.0;

    /// As a number.
    pub fn per_second(self) -> f64 {
        f64::from(self.numer) / f64::from(self.denom)
    }

    /// From a number, exact to a thousandth. None outside [`FrameRate::LIMITS`].
    fn from_number(rate: f64) -> Option<Self> {
        let thousandths = Self::LIMITS.contains(&rate).then(|| (rate * 1000.0).round())?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 240 000")]
        let numer = thousandths as u32;
        match numer % 1000 {
            0 => Some(Self { numer: numer / 1000, denom: 1 }),
            _ => Some(Self { numer, denom: 1000 }),
        }
    }
}

impl FromStr for FrameRate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.split_once('/') {
            Some((numer, denom)) => {
                numer.parse().ok().zip(denom.parse().ok()).map(|(numer, denom)| Self { numer, denom })
            }
            None => text.parse().ok().and_then(Self::from_number),
        };
        parsed.filter(|rate| rate.denom > 0 && Self::LIMITS.contains(&rate.per_second())).ok_or_else(|| {
            format!("`{text}` is no frame rate; write frames per second, 0.01 to 240, such as 5, 12.5 or 30000/1001")
        })
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denom {
            1 => write!(f, "{}", self.numer),
            denom => write!(f, "{}/{denom}", self.numer),
        }
    }
}

impl Serialize for FrameRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.denom {
            1 => serializer.serialize_u32(self.numer),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for FrameRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(f64),
            Text(String),
        }
        let text = match Form::deserialize(deserializer)? {
            Form::Number(number) => number.to_string(),
            Form::Text(text) => text,
        };
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for FrameRate {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FrameRate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "number", "minimum": Self::LIMITS.start(), "maximum": Self::LIMITS.end() },
            { "type": "string", "format": "edgevision-framerate", "examples": ["30000/1001"] },
        ] })
    }
}
