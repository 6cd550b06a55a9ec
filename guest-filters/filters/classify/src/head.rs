//! Which output has the classes.

use edgevision_sdk::{ModelInfo, Quantization, TensorInfo, model::fixed};

use crate::params::Settings;

/// The output to read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Its number in the model.
    pub output: usize,
    /// Classes that the model tells apart, at least 2.
    pub classes: usize,
    /// What its numbers mean, if the model says so.
    pub quantization: Option<Quantization>,
}

impl Head {
    /// The output that is asked for, else the only one with a single dimension above 1.
    pub fn new(model: &ModelInfo, settings: &Settings) -> Result<Self, String> {
        let heads = model.outputs.iter().enumerate().filter_map(|(output, info)| Self::of(output, info));
        let heads: Vec<Self> = match &settings.output {
            None => heads.collect(),
            Some(name) => heads.filter(|head| model.outputs[head.output].name == *name).collect(),
        };
        match heads[..] {
            [head] => Ok(head),
            _ => Err(refusal(model, settings.output.as_deref(), heads.len())),
        }
    }

    /// `[1, K]`, `[K]`, `[1, K, 1, 1]`, `[1, 1, 1, K]` and their likes; the batch may be open.
    fn of(output: usize, info: &TensorInfo) -> Option<Self> {
        let batch_is_open = info.shape.first() == Some(&-1);
        let dims = info.shape.iter().skip(usize::from(batch_is_open));
        let dims: Vec<usize> = dims.map(|dim| fixed(*dim)).collect::<Option<_>>()?;
        let mut large = dims.into_iter().filter(|dim| *dim > 1);
        let classes = large.next()?;
        large.next().is_none().then_some(Self { output, classes, quantization: info.quantization })
    }
}

fn refusal(model: &ModelInfo, wanted: Option<&str>, fitting: usize) -> String {
    let words = |output: &TensorInfo| format!("`{}` {:?}", output.name, output.shape);
    let outputs: Vec<String> = model.outputs.iter().map(words).collect();
    let outputs = outputs.join(", ");
    match wanted {
        Some(name) => format!("the model has no output `{name}` of shape [1, classes]; it has {outputs}"),
        None if fitting == 0 => {
            format!("the model has the outputs {outputs}: classify reads one of shape [1, classes]")
        }
        None => format!("the model has the outputs {outputs}: set `output` to the one with the classes"),
    }
}
