//! What the user may write, and what becomes of it together with the model's input.

use edgevision_sdk::{Context, DType, Params, TensorInfo};
use serde::Deserialize;

/// The parameters as they are written; everything is optional. `params.schema.json` says the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    width: Option<u32>,
    height: Option<u32>,
    mode: Mode,
    align: Align,
    pad: Option<OneOrThree>,
    upscale: Option<bool>,
    dtype: Option<DType>,
    layout: Option<Layout>,
    color: Option<Color>,
    mean: Option<OneOrThree>,
    std: Option<OneOrThree>,
}

/// How the picture is fitted into the tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Keeps the aspect ratio and pads.
    #[default]
    Letterbox,
    /// Fills the tensor.
    Stretch,
}

/// Where a letterboxed picture lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// Padding right or below.
    TopLeft,
    /// Padding on both sides.
    #[default]
    Center,
}

/// Order of the dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Planes.
    Nchw,
    /// Pixels.
    Nhwc,
}

/// Order of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel of grey.
    Gray,
}

/// A number for all channels, or one for each in the order of the output.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number or a list of three numbers")]
enum OneOrThree {
    One(f32),
    Three([f32; 3]),
}

impl OneOrThree {
    fn channels(self) -> [f32; 3] {
        match self {
            Self::One(value) => [value; 3],
            Self::Three(values) => values,
        }
    }
}

/// Everything that is known before the first frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Width of the tensor in pixels, at least 1.
    pub width: usize,
    /// Height of the tensor in pixels, at least 1.
    pub height: usize,
    /// How the picture is fitted.
    pub mode: Mode,
    /// Where it lies.
    pub align: Align,
    /// May a small picture be enlarged?
    pub upscale: bool,
    /// `F32` or `U8`.
    pub dtype: DType,
    /// Order of the dimensions.
    pub layout: Layout,
    /// Order of the channels.
    pub color: Color,
    /// Grey of the padding by channel, 0..=255.
    pub pad: [f32; 3],
    /// Subtracted from each channel, 0..=255.
    pub mean: [f32; 3],
    /// Divides each channel.
    pub std: [f32; 3],
}

impl Settings {
    /// Reads the parameters and fills in what the model's first input says.
    pub fn new(params: Params, context: &Context) -> Result<Self, String> {
        let written: Written = params.parse()?;
        let input = context.model.as_ref().and_then(|model| model.inputs.first());
        let model = input.map(|input| Shape::of(input, written.layout)).transpose()?;
        let color = written.color.unwrap_or(match model {
            Some(Shape { channels: Some(1), .. }) => Color::Gray,
            _ => Color::Rgb,
        });
        let settings = Self {
            width: size("width", written.width, model.and_then(|m| m.width))?,
            height: size("height", written.height, model.and_then(|m| m.height))?,
            mode: written.mode,
            align: written.align,
            upscale: written.upscale.unwrap_or(true),
            dtype: dtype(written.dtype, input)?,
            layout: model.map(|m| m.layout).or(written.layout).unwrap_or(Layout::Nchw),
            color,
            pad: numbers("pad", written.pad, 114.0, |v| (0.0..=255.0).contains(&v), "0 to 255")?,
            mean: numbers("mean", written.mean, 0.0, f32::is_finite, "any finite number")?,
            std: numbers("std", written.std, 1.0, |v| v.is_normal() && v > 0.0, "above 0")?,
        };
        settings.check_channels(model)?;
        Ok(settings)
    }

    /// Channels of the tensor: 3, or 1 for grey.
    pub fn channels(&self) -> usize {
        if self.color == Color::Gray { 1 } else { 3 }
    }

    fn check_channels(&self, model: Option<Shape>) -> Result<(), String> {
        match model.and_then(|m| m.channels) {
            Some(channels) if channels != self.channels() => Err(format!(
                "`color` asks for {} channel(s), but the model's input has {channels}: leave `color` out",
                self.channels()
            )),
            _ => Ok(()),
        }
    }
}

/// What the model's input says; None is a dimension that it leaves open.
#[derive(Clone, Copy, Debug)]
struct Shape {
    layout: Layout,
    channels: Option<usize>,
    width: Option<usize>,
    height: Option<usize>,
}

impl Shape {
    /// Recognises the layout by where the 3 (or the 1) is, unless it is given.
    fn of(input: &TensorInfo, given: Option<Layout>) -> Result<Self, String> {
        let TensorInfo { name, shape, .. } = input;
        let &[batch, a, b, c] = &shape[..] else {
            return Err(format!(
                "the model's input `{name}` has the shape {shape:?}: an image has 4 dimensions"
            ));
        };
        if batch > 1 {
            return Err(format!(
                "the model's input `{name}` takes {batch} images at once: only 1 is supported"
            ));
        }
        let is_channels = |d: i64| d == 1 || d == 3;
        let layout = match given {
            Some(layout) => layout,
            None if is_channels(a) => Layout::Nchw,
            None if is_channels(c) => Layout::Nhwc,
            None => return Err(unclear(name, shape)),
        };
        let (channels, height, width) = if layout == Layout::Nchw { (a, b, c) } else { (c, a, b) };
        if channels > 0 && !is_channels(channels) {
            return Err(unclear(name, shape));
        }
        let known = |d: i64| usize::try_from(d).ok().filter(|&d| d > 0);
        Ok(Self { layout, channels: known(channels), width: known(width), height: known(height) })
    }
}

fn unclear(name: &str, shape: &[i64]) -> String {
    format!(
        "the model's input `{name}` has the shape {shape:?}, where 1 or 3 channels are not found: set `layout`"
    )
}

/// The larger a tensor, the more likely it is a slip of the finger.
const LARGEST: usize = 16384;

fn size(key: &str, written: Option<u32>, model: Option<usize>) -> Result<usize, String> {
    let written = written.and_then(|size| usize::try_from(size).ok());
    match (written, model) {
        (Some(size), _) if !(1..=LARGEST).contains(&size) => {
            Err(format!("parameter `{key}` is {size}: allowed are 1 to {LARGEST}"))
        }
        (Some(size), Some(model)) if size != model => {
            Err(format!("parameter `{key}` is {size}, but the model's input has {model}: leave `{key}` out"))
        }
        (None, Some(model)) if model > LARGEST => {
            Err(format!("the model's input has a {key} of {model}: at most {LARGEST} is supported"))
        }
        (Some(size), _) | (None, Some(size)) => Ok(size),
        (None, None) => {
            Err(format!("parameter `{key}` is missing, and there is no model that says it: set `{key}`"))
        }
    }
}

fn dtype(written: Option<DType>, input: Option<&TensorInfo>) -> Result<DType, String> {
    let model = input.map(|input| input.dtype);
    if let (Some(written), Some(model)) = (written, model)
        && written != model
    {
        return Err(format!(
            "parameter `dtype` is {written:?}, but the model's input is {model:?}: leave `dtype` out"
        ));
    }
    match written.or(model).unwrap_or(DType::F32) {
        dtype @ (DType::F32 | DType::F16 | DType::U8 | DType::I8) => Ok(dtype),
        other => Err(format!("a tensor of {other:?} was asked for: letterbox writes F32, F16, U8 and I8")),
    }
}

fn numbers(
    key: &str,
    written: Option<OneOrThree>,
    default: f32,
    allowed: fn(f32) -> bool,
    words: &str,
) -> Result<[f32; 3], String> {
    let values = written.map_or([default; 3], OneOrThree::channels);
    match values.iter().find(|&&v| !allowed(v)) {
        Some(value) => Err(format!("parameter `{key}` has the value {value}: allowed is {words}")),
        None => Ok(values),
    }
}
