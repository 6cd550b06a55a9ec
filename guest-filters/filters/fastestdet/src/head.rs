//! The output to decode.

use edgevision_sdk::{ModelInfo, TensorInfo, model::fixed};

/// Planes beside those of the classes: objectness and four numbers of the box.
pub const NUMBERS: usize = 5;

/// The output to decode, as far as it is known before the first frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Which output.
    pub output: usize,
    /// Classes that the model tells apart, at least 1.
    pub classes: usize,
    /// What the model announced.
    info: TensorInfo,
}

/// The numbers of a frame: plane by plane, each in raster order.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// `5 + classes` planes.
    pub planes: &'a [f32],
    /// Cells in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

impl Head {
    /// Refuses a model that cannot be decoded.
    pub fn new(model: &ModelInfo) -> Result<Self, String> {
        let has_planes = |output: &TensorInfo| planes(output).is_some();
        let output = model.outputs.iter().position(has_planes).unwrap_or(0);
        let info = model.outputs.get(output).ok_or("the model has no output")?;
        let planes = planes(info).ok_or_else(|| {
            format!(
                "the model's output `{}` has the shape {:?}: fastestdet reads [1, 5 + classes, height, width]",
                info.name, info.shape
            )
        })?;
        info.check_floats("fastestdet")?;
        Ok(Self { output, classes: planes - NUMBERS, info: info.clone() })
    }

    /// This frame's output; its shape must be the one that was announced, where that is fixed.
    pub fn grid<'a>(&self, dims: &[u32], planes: &'a [f32]) -> Result<Grid<'a>, String> {
        match self.info.sizes(dims)?[..] {
            [1, _, height, width] => Ok(Grid { planes, width, height }),
            _ => Err(format!("the model's output is {dims:?}: fastestdet reads one picture at a time")),
        }
    }

    /// What the model announced.
    pub fn shape(&self) -> &[i64] {
        &self.info.shape
    }
}

/// Planes of `[1, planes, height, width]`, if there is room for a class.
fn planes(output: &TensorInfo) -> Option<usize> {
    match output.shape[..] {
        [1 | -1, planes, _, _] => fixed(planes).filter(|&planes| planes > NUMBERS),
        _ => None,
    }
}
