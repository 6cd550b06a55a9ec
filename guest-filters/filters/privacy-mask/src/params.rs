//! What the user may write.

use edgevision_sdk::Params;
use serde::Deserialize;

/// Most points of all polygons together: the work for a new frame size is rows x points.
const MOST_POINTS: usize = 2000;
const MOST_POLYGONS: usize = 256;
/// Smallest block in pixels; smaller ones leave a face recognisable.
const SMALLEST_BLOCK: usize = 8;
const DEFAULT_STRENGTH: f64 = 0.05;

/// A point in fractions of the frame, 0..=1.
pub type Point = [f64; 2];
/// The corners of an area. The last is joined to the first; where edges cross, the even-odd rule holds.
pub type Polygon = Vec<Point>;

/// The parameters as they are written. `params.schema.json` says the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    polygons: Vec<Vec<Vec<f64>>>,
    mode: Mode,
    color: Option<String>,
    strength: Option<f64>,
    invert: bool,
}

/// What becomes of the area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One colour.
    #[default]
    Fill,
    /// The means of blocks, smoothly joined.
    Blur,
    /// The means of blocks.
    Pixelate,
}

/// Checked parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// At least one, each of at least three points.
    pub polygons: Vec<Polygon>,
    /// What becomes of the area.
    pub mode: Mode,
    /// Red, green, blue of a filled area.
    pub color: [u8; 3],
    /// Size of a block as a share of the frame's height, 0.01..=0.5.
    pub strength: f64,
    /// Mask all but the polygons.
    pub invert: bool,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn new(params: Params) -> Result<Self, String> {
        let Written { polygons, mode, color, strength, invert } = params.parse()?;
        match mode {
            Mode::Fill if strength.is_some() => {
                return Err(
                    "parameter `strength` is for the modes `blur` and `pixelate`; leave it out or set `mode`"
                        .into(),
                );
            }
            Mode::Blur | Mode::Pixelate if color.is_some() => {
                return Err("parameter `color` is for the mode `fill`; leave it out or change `mode`".into());
            }
            _ => (),
        }
        let strength = strength.unwrap_or(DEFAULT_STRENGTH);
        if !(0.01..=0.5).contains(&strength) {
            return Err(format!("parameter `strength` is {strength}: allowed are 0.01 to 0.5"));
        }
        Ok(Self {
            polygons: checked(polygons)?,
            mode,
            color: color.map_or(Ok([0; 3]), |text| rgb(&text))?,
            strength,
            invert,
        })
    }

    /// Pixels on a side of a block in frames of this height; none when the area is filled. Even, so that the blocks
    /// of chroma are those of luma.
    pub fn block(&self, height: usize) -> Option<usize> {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most half a frame's height"
        )]
        let pixels = (self.strength * height as f64).round() as usize;
        (self.mode != Mode::Fill).then(|| pixels.max(SMALLEST_BLOCK).next_multiple_of(2))
    }
}

fn checked(polygons: Vec<Vec<Vec<f64>>>) -> Result<Vec<Polygon>, String> {
    if !(1..=MOST_POLYGONS).contains(&polygons.len()) {
        return Err(format!(
            "parameter `polygons` has {} polygons: 1 to {MOST_POLYGONS} are allowed, such as [[[0,0],[0.5,0],[0.5,0.5]]]",
            polygons.len()
        ));
    }
    let points: usize = polygons.iter().map(Vec::len).sum();
    if points > MOST_POINTS {
        return Err(format!(
            "parameter `polygons` has {points} points in all: at most {MOST_POINTS} are allowed"
        ));
    }
    polygons.into_iter().enumerate().map(|(index, points)| polygon(index, points)).collect()
}

fn polygon(index: usize, points: Vec<Vec<f64>>) -> Result<Polygon, String> {
    if points.len() < 3 {
        let count = points.len();
        return Err(format!("parameter `polygons[{index}]` has {count} points: an area needs at least 3"));
    }
    let polygon = points.into_iter().enumerate();
    let polygon = polygon.map(|(at, numbers)| point(index, at, &numbers)).collect::<Result<Polygon, _>>()?;
    let flat = |axis: usize| polygon.iter().all(|point| point[axis] == polygon[0][axis]);
    if flat(0) || flat(1) {
        return Err(format!("parameter `polygons[{index}]` has no area: all its points lie on one line"));
    }
    Ok(polygon)
}

fn point(index: usize, at: usize, numbers: &[f64]) -> Result<Point, String> {
    let &[x, y] = numbers else {
        let count = numbers.len();
        return Err(format!("parameter `polygons[{index}][{at}]` has {count} numbers: a point is [x, y]"));
    };
    match [x, y].into_iter().find(|number| !(0.0..=1.0).contains(number)) {
        Some(outside) => Err(format!(
            "parameter `polygons[{index}][{at}]` has the coordinate {outside}: allowed are fractions of the frame, 0 to 1"
        )),
        None => Ok([x, y]),
    }
}

fn rgb(text: &str) -> Result<[u8; 3], String> {
    let digits =
        text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let [_, red, green, blue] = number
        .ok_or_else(|| {
            format!("parameter `color` is `{text}`: allowed is # and six hex digits, such as #404040")
        })?
        .to_be_bytes();
    Ok([red, green, blue])
}
