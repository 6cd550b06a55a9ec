//! Quantities that carry their unit as text: `500ms`, `64MiB`, `2Mbit/s`, `1280x720`, `30000/1001`.
//!
//! Each type reads and writes the same text, so a default printed into the schema can be pasted into a file.

mod count;
mod frame_rate;

use std::{fmt, str::FromStr, time::Duration};

use bytesize::ByteSize;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use count::Count;
pub use frame_rate::FrameRate;

/// Serialises through `Display`, deserialises through `FromStr`, and names its `format` in the schema, where
/// `structure` finds it again.
macro_rules! text_form {
    ($type:ty, $name:literal, $format:literal, $examples:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "examples": $examples })
            }
        }
    };
}
pub(crate) use text_form;

/// A length of time such as `500ms`, `2s` or `1m 30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// So many milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }
    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for HumanDuration {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok())
            .map(Self)
            .ok_or_else(|| {
                format!("`{text}` is no duration; write a number and a unit, such as 500ms, 10s or 2m")
            })
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(signed) => write!(f, "{signed:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

text_form!(HumanDuration, "Duration", "edgevision-duration", ["500ms", "10s", "2m"]);

/// A number of bytes such as `64MiB` or `500kB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

impl Bytes {
    /// So many times 2^20 bytes.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }
    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // The crate also takes bare numbers and `64M`, of which nobody knows whether 1000 or 1024 is meant.
        let has_unit =
            text.ends_with('B') && text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) != text;
        has_unit.then(|| text.parse::<ByteSize>().ok()).flatten().map(|size| Self(size.as_u64())).ok_or_else(
            || format!("`{text}` is no size; write a number and a unit, such as 64MiB, 500kB or 0B"),
        )
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.iter().find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((size, unit)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}B", self.0),
        }
    }
}

text_form!(Bytes, "Bytes", "edgevision-bytes", ["64MiB", "500kB", "0B"]);

/// Bits per second such as `2Mbit/s` or `800kbit/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitRate(pub u64);

impl BitRate {
    /// Bits per second.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for BitRate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let bits = text.strip_suffix("bit/s")?.trim_end();
            let (number, factor) = match bits.as_bytes().last()? {
                b'k' => (&bits[..bits.len() - 1], 1_000.0),
                b'M' => (&bits[..bits.len() - 1], 1_000_000.0),
                _ => (bits, 1.0),
            };
            let rate = number.trim_end().parse::<f64>().ok()? * factor;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the range is checked"
            )]
            (1.0..=1e12).contains(&rate).then_some(Self(rate.round() as u64))
        };
        parse().ok_or_else(|| {
            format!("`{text}` is no bit rate; write a number and a unit, such as 2Mbit/s or 800kbit/s")
        })
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n.is_multiple_of(1_000_000) => write!(f, "{}Mbit/s", n / 1_000_000),
            n if n.is_multiple_of(1_000) => write!(f, "{}kbit/s", n / 1_000),
            n => write!(f, "{n}bit/s"),
        }
    }
}

text_form!(BitRate, "BitRate", "edgevision-bitrate", ["2Mbit/s", "800kbit/s"]);

/// Width and height in pixels, such as `1280x720`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Lines from top to bottom.
    pub height: u32,
}

impl FrameSize {
    /// Smallest and largest width and height that sources are asked for.
    pub const LIMITS: std::ops::RangeInclusive<u32> = 16..=16384;
}

impl FromStr for FrameSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.parse::<u32>().ok().filter(|n| Self::LIMITS.contains(n));
        text.split_once('x')
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }))
            .ok_or_else(|| {
                format!("`{text}` is no frame size; write width x height, each 16 to 16384, such as 1280x720")
            })
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

text_form!(FrameSize, "FrameSize", "edgevision-size", ["640x360", "1280x720"]);
