//! The output to decode.

use edgevision_sdk::{Context, ModelInfo, TensorInfo, model::fixed};

use crate::{
    layout::{Clues, Layout},
    params::Settings,
};

/// The output to decode, as far as it is known before the first frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Its layout.
    pub layout: Layout,
    /// Which output.
    pub output: usize,
    /// Classes that the model tells apart; 0 when the rows carry only their number.
    pub classes: usize,
    /// What the model announced.
    info: TensorInfo,
}

/// The numbers of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// How to read them.
    pub layout: Layout,
    /// Row by row; none if there are no columns.
    pub values: &'a [f32],
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Classes; what follows them is not looked at.
    pub classes: usize,
}

impl Head {
    /// Refuses a model that cannot be decoded, and labels that are too few.
    pub fn new(model: &ModelInfo, settings: &Settings, context: &Context) -> Result<Self, String> {
        let (output, info) = find(model, settings.output.as_deref())?;
        let layout = match settings.layout {
            Some(layout) => layout,
            None => recognise(model, info, settings, context.labels)?,
        };
        let classes = match layout.has_classes() {
            true => classes(model, info, layout, settings.classes)?,
            false => final_rows(info)?,
        };
        context.check_labels(classes)?;
        Ok(Self { layout, output, classes, info: info.clone() })
    }

    /// This frame's output; its shape must be the one that was announced, where that is fixed.
    pub fn matrix<'a>(&self, dims: &[u32], values: &'a [f32]) -> Result<Matrix<'a>, String> {
        let Self { layout, classes, .. } = *self;
        match self.info.sizes(dims)?[..] {
            [1, rows, columns] => Ok(Matrix { layout, values, rows, columns, classes }),
            _ => Err(format!("the model's output is {dims:?}: yolo reads one picture at a time")),
        }
    }
}

/// The output that is asked for, or the first that can be one of boxes.
fn find<'a>(model: &'a ModelInfo, name: Option<&str>) -> Result<(usize, &'a TensorInfo), String> {
    let outputs = || model.outputs.iter().enumerate();
    let found = match name {
        Some(name) => outputs().find(|(_, output)| output.name == name).ok_or_else(|| {
            let names: Vec<&str> = model.outputs.iter().map(|output| &output.name[..]).collect();
            format!("parameter `output` is `{name}`, but the model's outputs are {}", names.join(", "))
        })?,
        None => outputs()
            .find(|(_, output)| check(output).is_ok())
            .or_else(|| outputs().next())
            .ok_or("the model has no output")?,
    };
    check(found.1)?;
    Ok(found)
}

fn check(output: &TensorInfo) -> Result<(), String> {
    output.check_floats("yolo")?;
    match output.shape[..] {
        [1 | -1, _, _] => Ok(()),
        _ => Err(format!(
            "the model's output `{}` has the shape {:?}: yolo reads [1, rows, columns]",
            output.name, output.shape
        )),
    }
}

fn recognise(
    model: &ModelInfo,
    output: &TensorInfo,
    settings: &Settings,
    labels: usize,
) -> Result<Layout, String> {
    match (fixed(output.shape[1]), fixed(output.shape[2])) {
        (Some(rows), Some(columns)) => {
            let (input, strides) = (model.input_size(), &settings.strides[..]);
            Clues { matrix: (rows, columns), input, strides, labels }
                .recognise(&format!("{:?}", output.shape))
        }
        // Only columns are boxes when rows are described.
        (Some(_), None) => Ok(Layout::Yolov8),
        _ => Err(format!(
            "the shape {:?} of the model's output `{}` is not fixed: set `layout`, or export the model with fixed sizes",
            output.shape, output.name
        )),
    }
}

/// Classes that the output has room for, without the coefficients of masks, or those that are asked for.
fn classes(
    model: &ModelInfo,
    output: &TensorInfo,
    layout: Layout,
    wanted: Option<usize>,
) -> Result<usize, String> {
    let described = fixed(output.shape[3 - layout.boxes_at()]).ok_or_else(|| {
        format!(
            "the shape {:?} of the model's output `{}` does not say how many classes there are: export the model with \
             fixed sizes",
            output.shape, output.name
        )
    })?;
    let room = described.saturating_sub(layout.numbers());
    match wanted {
        _ if room == 0 => Err(format!(
            "the model's output {:?} has no room for classes in the layout {layout}",
            output.shape
        )),
        Some(wanted) if wanted > room => Err(format!(
            "parameter `classes` is {wanted}, but the model's output {:?} has room for {room}",
            output.shape
        )),
        Some(wanted) => Ok(wanted),
        None => Ok(room.checked_sub(masks(model)).filter(|&classes| classes > 0).unwrap_or(room)),
    }
}

/// Rows that carry the number of their class; 0 classes are known.
fn final_rows(output: &TensorInfo) -> Result<usize, String> {
    match fixed(output.shape[2]) {
        Some(6..) => Ok(0),
        _ => Err(format!(
            "the model's output `{}` has the shape {:?}: the layout yolov10 is [1, boxes, 6]",
            output.name, output.shape
        )),
    }
}

/// Segmentation models have a second output of prototypes `[1, masks, h, w]`, and a coefficient for each behind the
/// classes.
fn masks(model: &ModelInfo) -> usize {
    let prototypes = |output: &TensorInfo| match output.shape[..] {
        [1 | -1, masks, height, width] if height != 1 && width != 1 => fixed(masks),
        _ => None,
    };
    if model.outputs.len() != 2 {
        return 0;
    }
    model.outputs.iter().find_map(prototypes).unwrap_or(0)
}
