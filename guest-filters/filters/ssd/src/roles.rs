//! Which output is what.

use edgevision_sdk::{DType, ModelInfo, TensorInfo, model::fixed};

use crate::params::Names;

/// What an output can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Edges of the boxes.
    Boxes,
    /// Their scores.
    Scores,
    /// Their classes.
    Classes,
    /// How many there are.
    Count,
}

/// Names that exporters give. The numbered ones are in no order of the alphabet: TFLite of TensorFlow 1, of
/// TensorFlow 2.
const KNOWN: [(&str, Role); 12] = [
    ("detection_boxes", Role::Boxes),
    ("detection_scores", Role::Scores),
    ("detection_classes", Role::Classes),
    ("num_detections", Role::Count),
    ("tflite_detection_postprocess", Role::Boxes),
    ("tflite_detection_postprocess:1", Role::Classes),
    ("tflite_detection_postprocess:2", Role::Scores),
    ("tflite_detection_postprocess:3", Role::Count),
    ("statefulpartitionedcall:3", Role::Boxes),
    ("statefulpartitionedcall:2", Role::Classes),
    ("statefulpartitionedcall:1", Role::Scores),
    ("statefulpartitionedcall:0", Role::Count),
];

/// Parts of names that tell the role where the shape does not.
const HINTS: [(&str, Role); 9] = [
    ("score", Role::Scores),
    ("conf", Role::Scores),
    ("prob", Role::Scores),
    ("class", Role::Classes),
    ("label", Role::Classes),
    ("box", Role::Boxes),
    ("loc", Role::Boxes),
    ("num", Role::Count),
    ("count", Role::Count),
];

/// The role that the name tells.
fn named(output: &TensorInfo) -> Option<Role> {
    let name = output.name.to_lowercase();
    let is = |known: &str| name == known || name.strip_suffix(":0") == Some(known);
    KNOWN.iter().find(|(known, _)| is(known)).map(|&(_, role)| role)
}

/// The role that a part of the name hints at.
fn hinted(output: &TensorInfo) -> Option<Role> {
    let name = output.name.to_lowercase();
    HINTS.iter().find(|(hint, _)| name.contains(hint)).map(|&(_, role)| role)
}

/// Finds outputs by the names that the user gave, by names that are known, then by shapes and hints.
pub struct Finder<'a> {
    model: &'a ModelInfo,
    names: &'a Names,
}

impl<'a> Finder<'a> {
    /// Over the outputs of a model.
    pub fn new(model: &'a ModelInfo, names: &'a Names) -> Self {
        Self { model, names }
    }

    /// The output of TensorFlow's layout with this role.
    pub fn of_list(&self, role: Role) -> Result<Option<usize>, String> {
        let fits = |output: &TensorInfo| match role {
            Role::Boxes => is_boxes(output),
            Role::Count => is_count(output),
            Role::Classes | Role::Scores => is_list(output),
        };
        self.find(role, fits)
    }

    /// The output of rows with this role: edges, or scores of several columns.
    pub fn of_rows(&self, role: Role) -> Result<Option<usize>, String> {
        let fits = |output: &TensorInfo| match role {
            Role::Boxes => is_boxes(output),
            Role::Scores => matches!(output.shape[..], [1 | -1, _, columns] if fixed(columns).is_some()),
            Role::Classes | Role::Count => false,
        };
        self.find(role, fits)
    }

    fn find(&self, role: Role, fits: impl Fn(&TensorInfo) -> bool) -> Result<Option<usize>, String> {
        if let Some(given) = self.given(role)? {
            return Ok(Some(given));
        }
        let outputs = || self.model.outputs.iter().enumerate().filter(|(_, output)| fits(output));
        if let Some((known, _)) = outputs().find(|(_, output)| named(output) == Some(role)) {
            return Ok(Some(known));
        }
        // What is known to be something else, or taken by the user for it, is not asked.
        let free: Vec<(usize, &TensorInfo)> =
            outputs().filter(|(at, output)| named(output).is_none() && !self.is_given(*at)).collect();
        let hints: Vec<usize> =
            free.iter().filter(|(_, output)| self.guess(output) == Some(role)).map(|(at, _)| *at).collect();
        Ok(match (&hints[..], &free[..]) {
            (&[one], _) | ([], &[(one, _)]) => Some(one),
            _ => None,
        })
    }

    /// By its hint, or its type: scores are no whole numbers.
    fn guess(&self, output: &TensorInfo) -> Option<Role> {
        let whole = matches!(output.dtype, DType::I32 | DType::I64);
        hinted(output).or(whole.then_some(Role::Classes))
    }

    fn given(&self, role: Role) -> Result<Option<usize>, String> {
        let (key, name) = match role {
            Role::Boxes => ("boxes", &self.names.boxes),
            Role::Scores => ("scores", &self.names.scores),
            Role::Classes => ("classes", &self.names.classes),
            Role::Count => ("count", &self.names.count),
        };
        let Some(name) = name else { return Ok(None) };
        let at = self.model.outputs.iter().position(|output| output.name == *name);
        at.map(Some).ok_or_else(|| {
            let names: Vec<&str> = self.model.outputs.iter().map(|output| &output.name[..]).collect();
            format!("parameter `outputs.{key}` is `{name}`, but the model's outputs are {}", names.join(", "))
        })
    }

    fn is_given(&self, at: usize) -> bool {
        let Names { boxes, scores, classes, count } = self.names;
        let name = self.model.outputs.get(at).map(|output| &output.name);
        [boxes, scores, classes, count].into_iter().flatten().any(|given| Some(given) == name)
    }
}

/// `[1, N, 4]`
fn is_boxes(output: &TensorInfo) -> bool {
    matches!(output.shape[..], [1 | -1, _, 4])
}

/// `[1, N]`
fn is_list(output: &TensorInfo) -> bool {
    matches!(output.shape[..], [1 | -1, boxes] if boxes != 1)
}

/// `[1]`, `[]` or `[1, 1]`
fn is_count(output: &TensorInfo) -> bool {
    matches!(output.shape[..], [] | [1 | -1] | [1, 1])
}
