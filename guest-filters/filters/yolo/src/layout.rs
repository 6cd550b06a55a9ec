//! Which of the two layouts a model's output has.

use edgevision_sdk::{Context, DType, ModelInfo, TensorInfo};

use crate::params::{Settings, Wanted};

/// Layout of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[1, cells, 5 + classes]`: one row per cell of every grid, with objectness.
    Yolox,
    /// `[1, 4 + classes, boxes]`: transposed, without objectness.
    Yolov8,
}

/// The output to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its layout.
    pub layout: Layout,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
}

impl Head {
    /// From the model's first output. Refuses a model that cannot be decoded, and labels that are too few.
    pub fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let model = context.model.as_ref().ok_or("yolo needs a model, and this job has none: set `model`")?;
        let output = model.outputs.first().ok_or("the model has no output")?;
        if output.dtype != DType::F32 {
            return Err(format!(
                "the model's output `{}` is {:?}: yolo reads F32",
                output.name, output.dtype
            ));
        }
        let (rows, columns) = matrix(output)?;
        let layout = match settings.layout {
            Wanted::Auto => recognise((rows, columns), grid_cells(model, settings), &output.shape)?,
            Wanted::Yolox => Layout::Yolox,
            Wanted::Yolov8 => Layout::Yolov8,
        };
        let head = Self { layout, rows, columns };
        head.check(context.labels, &output.shape)?;
        Ok(head)
    }

    /// Classes that the model tells apart.
    pub fn classes(&self) -> usize {
        match self.layout {
            Layout::Yolox => self.columns.saturating_sub(5),
            Layout::Yolov8 => self.rows.saturating_sub(4),
        }
    }

    fn check(&self, labels: usize, shape: &[i64]) -> Result<(), String> {
        let classes = self.classes();
        if classes == 0 {
            return Err(format!(
                "the model's output {shape:?} has no room for classes in the layout {:?}",
                self.layout
            ));
        }
        if labels > 0 && labels < classes {
            return Err(format!(
                "the model has {classes} classes, but only {labels} labels are given: add the rest"
            ));
        }
        Ok(())
    }
}

/// Rows and columns of `[1, rows, columns]`.
fn matrix(output: &TensorInfo) -> Result<(usize, usize), String> {
    let TensorInfo { name, shape, .. } = output;
    let known = |d: i64| usize::try_from(d).ok().filter(|&d| d > 0);
    match &shape[..] {
        &[1 | -1, rows, columns] => match (known(rows), known(columns)) {
            (Some(rows), Some(columns)) => Ok((rows, columns)),
            _ => Err(format!(
                "the shape {shape:?} of the model's output `{name}` is not fixed: export it with fixed sizes"
            )),
        },
        _ => {
            Err(format!("the model's output `{name}` has the shape {shape:?}: yolo reads [1, rows, columns]"))
        }
    }
}

/// Cells of all grids over the model's input, if its size is known.
pub fn grid_cells(model: &ModelInfo, settings: &Settings) -> Option<usize> {
    let shape = model.inputs.first()?.known_shape()?;
    let &[_, a, b, c] = &shape[..] else { return None };
    let (height, width) = if a == 1 || a == 3 { (b, c) } else { (a, b) };
    cells(width, height, &settings.strides)
}

/// Cells of all grids over an input of this size.
pub fn cells(width: u32, height: u32, strides: &[u32]) -> Option<usize> {
    strides.iter().try_fold(0usize, |sum, stride| {
        let grid =
            usize::try_from(width / stride).ok()?.checked_mul(usize::try_from(height / stride).ok()?)?;
        sum.checked_add(grid)
    })
}

fn recognise((rows, columns): (usize, usize), cells: Option<usize>, shape: &[i64]) -> Result<Layout, String> {
    let yolox = Some(rows) == cells && columns > 5;
    // Its boxes need not come from these strides, but they are more than what describes one of them.
    let yolov8 = rows > 4 && (Some(columns) == cells || columns > rows);
    match (yolox, yolov8) {
        (true, false) => Ok(Layout::Yolox),
        (false, true) => Ok(Layout::Yolov8),
        (true, true) => Err(format!("the model's output {shape:?} may be yolox or yolov8: set `layout`")),
        (false, false) => Err(format!(
            "the model's output {shape:?} is neither yolox ([1, {}, 5 + classes] for its input) nor yolov8 \
             ([1, 4 + classes, boxes]): use another module, or set `layout` and `strides`",
            cells.map_or("cells".into(), |cells| cells.to_string())
        )),
    }
}
