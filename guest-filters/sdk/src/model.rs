//! What a detector asks of its model before the first frame.

use crate::{Context, DType, ModelInfo, Output, TensorInfo};

impl Context {
    /// The job's model. The error is a sentence for the user of the module `name`.
    pub fn model_for(&self, name: &str) -> Result<&ModelInfo, String> {
        let model = self.model.as_ref();
        model.ok_or_else(|| format!("{name} needs a model, and this job has none: set `model`"))
    }

    /// Refuses labels that are fewer than the model's classes. More are no harm, and none are numbered.
    pub fn check_labels(&self, classes: usize) -> Result<(), String> {
        if self.labels > 0 && self.labels < classes {
            return Err(format!(
                "the model has {classes} classes, but only {} labels are given: add the rest",
                self.labels
            ));
        }
        Ok(())
    }
}

impl ModelInfo {
    /// Width and height of the picture that the first input takes, if it is fixed.
    pub fn input_size(&self) -> Option<(u32, u32)> {
        let &[_, a, b, c] = &self.inputs.first()?.shape[..] else { return None };
        let (height, width) = if a == 1 || a == 3 { (b, c) } else { (a, b) };
        let known = |d: i64| u32::try_from(d).ok().filter(|&d| d > 0);
        known(width).zip(known(height))
    }

    /// Room for the first `count` outputs: what is behind them is not fetched.
    pub fn rooms(&self, count: usize) -> Vec<Output> {
        let outputs = self.outputs.iter().take(count);
        outputs.map(|output| Output::with_capacity(output.byte_len().unwrap_or(0))).collect()
    }
}

impl TensorInfo {
    /// Refuses an output that is not made of floats. The error is a sentence for the user of the module `name`.
    pub fn check_floats(&self, name: &str) -> Result<(), String> {
        if matches!(self.dtype, DType::F32 | DType::F16) {
            return Ok(());
        }
        Err(format!("the model's output `{}` is {:?}: {name} reads F32 and F16", self.name, self.dtype))
    }

    /// This frame's sizes, if they are what was announced where that is fixed. The error is a sentence.
    pub fn sizes(&self, dims: &[u32]) -> Result<Vec<usize>, String> {
        let announced = |(&dim, &shape): (&u32, &i64)| shape < 0 || i64::from(dim) == shape;
        let matches = dims.len() == self.shape.len() && dims.iter().zip(&self.shape).all(announced);
        let sizes = dims.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>();
        let sizes = sizes.filter(|_| matches);
        sizes.ok_or_else(|| {
            format!("the model's output `{}` is {dims:?}, {:?} was announced", self.name, self.shape)
        })
    }
}

/// A dimension, if it is fixed.
pub fn fixed(dimension: i64) -> Option<usize> {
    usize::try_from(dimension).ok().filter(|&d| d > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    fn input(shape: &[i64]) -> ModelInfo {
        let info = TensorInfo {
            name: "images".into(),
            dtype: DType::F32,
            shape: shape.to_vec(),
            quantization: None,
        };
        ModelInfo { inputs: vec![info.clone()], outputs: vec![info.clone(), info] }
    }

    #[test]
    fn the_size_of_the_picture_is_found_in_both_layouts() {
        assert_eq!(input(&[1, 3, 240, 320]).input_size(), Some((320, 240)));
        assert_eq!(input(&[-1, 240, 320, 3]).input_size(), Some((320, 240)));
        assert_eq!(input(&[1, 3, -1, 320]).input_size(), None);
        assert_eq!((input(&[1, 3]).input_size(), ModelInfo::default().input_size()), (None, None));
        assert_eq!(input(&[1, 3, 240, 320]).rooms(1).len(), 1);
    }

    #[test]
    fn a_frames_sizes_are_those_that_were_announced() {
        let open = &input(&[-1, 84, -1]).outputs[0];
        assert_eq!(open.sizes(&[1, 84, 7]), Ok(vec![1, 84, 7]));
        let error = "the model's output `images` is [1, 85, 7], [-1, 84, -1] was announced";
        assert_eq!(open.sizes(&[1, 85, 7]), Err(error.into()));
        assert!(open.sizes(&[1, 84]).is_err());
        let bytes = TensorInfo { dtype: DType::U8, ..open.clone() };
        assert_eq!(
            bytes.check_floats("ssd"),
            Err("the model's output `images` is U8: ssd reads F32 and F16".into())
        );
    }

    #[test]
    fn labels_may_be_more_than_classes_but_not_fewer() {
        let context = |labels| Context { labels, ..Context::default() };
        assert!(context(0).check_labels(80).is_ok() && context(91).check_labels(80).is_ok());
        assert_eq!(
            context(5).check_labels(80),
            Err("the model has 80 classes, but only 5 labels are given: add the rest".into())
        );
        assert_eq!(
            context(5).model_for("ssd"),
            Err("ssd needs a model, and this job has none: set `model`".into())
        );
    }
}
