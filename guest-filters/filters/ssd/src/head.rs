//! The outputs to decode.

use edgevision_sdk::{Context, DType, ModelInfo, TensorInfo, model::fixed};

use crate::{
    layout::Layout,
    params::{Settings, Wanted},
    roles::{Finder, Role},
};

/// The outputs to decode, as far as they are known before the first frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Which outputs are what.
    pub layout: Layout,
    /// The model's number for the first label.
    pub first_class: usize,
    /// Classes that the model tells apart, if it says so.
    pub classes: Option<usize>,
    /// What the model announced, up to the last output that is read.
    announced: Vec<TensorInfo>,
}

impl Head {
    /// Refuses a model that cannot be decoded, and labels that are too few.
    pub fn new(model: &ModelInfo, settings: &Settings, context: &Context) -> Result<Self, String> {
        let layout = find(model, settings)?;
        let announced = model.outputs.iter().take(layout.last_output() + 1).cloned().collect();
        let first_class = settings.first_class.unwrap_or(layout.first_class());
        let head = Self { layout, first_class, classes: classes(layout, first_class)?, announced };
        head.check_types()?;
        if let Some(classes) = head.classes {
            context.check_labels(classes)?;
        }
        Ok(head)
    }

    /// The shapes of a frame's outputs must be those that were announced, where they are fixed.
    pub fn check(&self, dims: &[&[u32]]) -> Result<(), String> {
        self.announced.iter().zip(dims).try_for_each(|(output, dims)| output.sizes(dims).map(|_| ()))
    }

    fn check_types(&self) -> Result<(), String> {
        let number = |at: usize| match self.announced.get(at) {
            Some(output) if !matches!(output.dtype, DType::I32 | DType::I64) => output.check_floats("ssd"),
            _ => Ok(()),
        };
        let float = |at: usize| self.announced.get(at).map_or(Ok(()), |output| output.check_floats("ssd"));
        match self.layout {
            Layout::ScoresBoxes { scores, boxes, .. } => float(scores).and(float(boxes)),
            Layout::DetectionOutput { output } => float(output),
            Layout::Tensorflow { boxes, classes, scores, count } => {
                float(boxes).and(float(scores)).and(number(classes)).and(count.map_or(Ok(()), number))
            }
        }
    }
}

fn find(model: &ModelInfo, settings: &Settings) -> Result<Layout, String> {
    let found = match settings.layout {
        Wanted::Auto => match detection_output(model).or(tensorflow(model, settings)?) {
            Some(layout) => Some(layout),
            None => scores_boxes(model, settings)?,
        },
        Wanted::ScoresBoxes => scores_boxes(model, settings)?,
        Wanted::DetectionOutput => detection_output(model),
        Wanted::Tensorflow => tensorflow(model, settings)?,
    };
    found.ok_or_else(|| unknown(model))
}

fn unknown(model: &ModelInfo) -> String {
    let outputs: Vec<String> =
        model.outputs.iter().map(|output| format!("`{}` {:?}", output.name, output.shape)).collect();
    format!(
        "the model's outputs {} are not what ssd reads (scores [1, N, columns] and boxes [1, N, 4]; [1, 1, N, 7]; or \
         boxes [1, N, 4], classes [1, N], scores [1, N] and a count): name them in `outputs`, or use another module",
        outputs.join(", ")
    )
}

fn detection_output(model: &ModelInfo) -> Option<Layout> {
    let fits = |output: &TensorInfo| matches!(output.shape[..], [1 | -1, 1, _, 7]);
    model.outputs.iter().position(fits).map(|output| Layout::DetectionOutput { output })
}

fn tensorflow(model: &ModelInfo, settings: &Settings) -> Result<Option<Layout>, String> {
    let finder = Finder::new(model, &settings.outputs);
    let (boxes, count) = (finder.of_list(Role::Boxes)?, finder.of_list(Role::Count)?);
    let (classes, scores) = (finder.of_list(Role::Classes)?, finder.of_list(Role::Scores)?);
    let (Some(boxes), Some(classes), Some(scores)) = (boxes, classes, scores) else { return Ok(None) };
    let distinct = classes != scores && boxes != scores && boxes != classes;
    Ok(distinct.then_some(Layout::Tensorflow { boxes, classes, scores, count }))
}

fn scores_boxes(model: &ModelInfo, settings: &Settings) -> Result<Option<Layout>, String> {
    let finder = Finder::new(model, &settings.outputs);
    let Some(boxes) = finder.of_rows(Role::Boxes)? else { return Ok(None) };
    let scores = match finder.of_rows(Role::Scores)? {
        Some(scores) => Some(scores),
        // What is left when the boxes are known.
        None if model.outputs.len() == 2 => Some(1 - boxes),
        None => None,
    };
    let Some(scores) = scores.filter(|&scores| scores != boxes) else { return Ok(None) };
    let columns = match model.outputs[scores].shape[..] {
        [1 | -1, rows, columns] if same_rows(rows, model.outputs[boxes].shape[1]) => fixed(columns),
        _ => None,
    };
    Ok(columns.map(|columns| Layout::ScoresBoxes { scores, boxes, columns }))
}

fn same_rows(a: i64, b: i64) -> bool {
    a == b || a < 0 || b < 0
}

/// Columns without background.
fn classes(layout: Layout, first: usize) -> Result<Option<usize>, String> {
    let Layout::ScoresBoxes { columns, .. } = layout else { return Ok(None) };
    match columns.checked_sub(first).filter(|&classes| classes > 0) {
        Some(classes) => Ok(Some(classes)),
        None => Err(format!(
            "parameter `first_class` is {first}, but the model's scores have {columns} column(s): nothing is left"
        )),
    }
}
