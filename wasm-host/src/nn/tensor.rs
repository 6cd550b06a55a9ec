//! Sizes and shapes of tensors, with checked arithmetic, and the one way into an [`OutputBuf`].

use std::fmt;

use super::{DType, NnError, OutputBuf, TensorInfo, TensorView};
use crate::text;

// Tensors are little-endian by contract; the casts here and in the engines take native order.
const _: () = assert!(cfg!(target_endian = "little"), "only little-endian hosts are supported");

impl DType {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            DType::U8 | DType::I8 => 1,
            DType::F16 => 2,
            DType::F32 | DType::I32 => 4,
            DType::I64 => 8,
        }
    }

    /// Name as in configs and messages, for example `f32`.
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::U8 => "u8",
            DType::I8 => "i8",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::F16 => "f16",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A model's own text, which is shown to people.
        write!(f, "{} {}{}", text::clean(self.name.as_bytes()), self.dtype, ShapeText(&self.shape))
    }
}

impl TensorInfo {
    /// Bytes of the whole tensor, if all dimensions are known and the product fits.
    pub fn byte_len(&self) -> Option<usize> {
        byte_len(self.dtype, &self.known_shape()?)
    }

    /// The shape, if all dimensions are known.
    pub fn known_shape(&self) -> Option<Vec<usize>> {
        self.shape.iter().copied().collect()
    }
}

/// Bytes of a tensor; `None` when the product does not fit.
pub fn byte_len(dtype: DType, shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(dtype.size(), |bytes, &dim| bytes.checked_mul(dim))
}

/// A shape as text: `[1,3,?,416]`.
pub(super) struct ShapeText<'a>(pub &'a [Option<usize>]);

impl fmt::Display for ShapeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> =
            self.0.iter().map(|dim| dim.map_or_else(|| "?".to_owned(), |size| size.to_string())).collect();
        write!(f, "[{}]", dims.join(","))
    }
}

fn known(shape: &[usize]) -> Vec<Option<usize>> {
    shape.iter().copied().map(Some).collect()
}

/// Checks all inputs of a run.
pub(super) fn check_inputs(views: &[TensorView<'_>], wanted: &[TensorInfo]) -> Result<(), NnError> {
    if views.len() != wanted.len() {
        let names: Vec<&str> = wanted.iter().map(|info| &info.name[..]).collect();
        return Err(NnError::Input(format!(
            "the model has {} input(s) ({}), but {} were given",
            wanted.len(),
            text::clean(names.join(", ").as_bytes()),
            views.len()
        )));
    }
    views.iter().zip(wanted).try_for_each(|(view, wanted)| check_input(view, wanted))
}

/// Checks that no more outputs are asked for than there are.
pub(super) fn check_output_count(asked: usize, has: usize) -> Result<(), NnError> {
    if asked > has {
        return Err(NnError::Input(format!("the model has {has} output(s), but {asked} were asked for")));
    }
    Ok(())
}

/// Checks an input against what the model wants: type, dimensions, length, alignment.
pub(crate) fn check_input(view: &TensorView<'_>, wanted: &TensorInfo) -> Result<(), NnError> {
    let fits = |(&has, &wants): (&usize, &Option<usize>)| wants.is_none_or(|wants| wants == has);
    let same_rank = view.shape.len() == wanted.shape.len();
    if view.dtype != wanted.dtype || !same_rank || !view.shape.iter().zip(&wanted.shape).all(fits) {
        let given = known(view.shape);
        return Err(NnError::Input(format!(
            "the model's input is {wanted}, but it was given {}{}",
            view.dtype,
            ShapeText(&given)
        )));
    }
    check_bytes(view).map_err(|problem| {
        NnError::Input(format!("input {}: {problem}", text::clean(wanted.name.as_bytes())))
    })
}

/// Checks the number of bytes and their alignment against type and shape.
fn check_bytes(view: &TensorView<'_>) -> Result<(), String> {
    let needed = byte_len(view.dtype, view.shape).ok_or("its dimensions are too large to multiply")?;
    if view.data.len() != needed {
        return Err(format!("{} bytes were given where its dimensions make {needed}", view.data.len()));
    }
    // Where nothing is, lies nowhere.
    if !view.data.is_empty() && !view.data.as_ptr().addr().is_multiple_of(view.dtype.size()) {
        return Err(format!("its address is not a multiple of {} bytes", view.dtype.size()));
    }
    Ok(())
}

/// Refuses before the model is run when an output of known size cannot fit: the run would be for nothing. All outputs
/// of known size are described.
pub(super) fn check_room(outputs: &mut [OutputBuf<'_>], known: &[TensorInfo]) -> Result<(), NnError> {
    let mut outcome = Ok(());
    for (index, (buffer, info)) in outputs.iter_mut().zip(known).enumerate() {
        let Some((shape, needed)) = info.known_shape().zip(info.byte_len()) else { continue };
        describe(buffer, info.dtype, shape, needed);
        outcome = outcome.and(room(index, buffer));
    }
    outcome
}

/// Writes output `index`: the shape and the size needed in any case, the elements if there is room. Gives the bytes
/// that were copied.
pub(super) fn deliver(
    index: usize,
    buffer: &mut OutputBuf<'_>,
    dtype: DType,
    shape: Vec<usize>,
    elements: impl FnOnce(&mut [u8]),
) -> Result<u64, NnError> {
    let needed = byte_len(dtype, &shape)
        .ok_or_else(|| NnError::Engine(format!("output {index} is too large for this machine")))?;
    describe(buffer, dtype, shape, needed);
    room(index, buffer)?;
    elements(&mut buffer.data[..needed]);
    Ok(needed as u64)
}

/// The deliveries of one run: all are tried, the first refusal counts.
#[derive(Default)]
pub(super) struct Deliveries {
    copied: u64,
    refusal: Option<NnError>,
}

impl Deliveries {
    pub fn add(&mut self, delivery: Result<u64, NnError>) {
        match delivery {
            Ok(bytes) => self.copied += bytes,
            Err(error) => self.refusal = self.refusal.take().or(Some(error)),
        }
    }

    /// Adds the bytes to those that the session has copied.
    pub fn end(self, copied: &mut u64) -> Result<(), NnError> {
        *copied += self.copied;
        self.refusal.map_or(Ok(()), Err)
    }
}

fn describe(buffer: &mut OutputBuf<'_>, dtype: DType, shape: Vec<usize>, needed: usize) {
    buffer.dtype = dtype;
    buffer.shape = shape;
    buffer.len = needed;
}

fn room(index: usize, buffer: &OutputBuf<'_>) -> Result<(), NnError> {
    let (needed, capacity) = (buffer.len, buffer.data.len());
    if needed > capacity { Err(NnError::OutputTooSmall { index, needed, capacity }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> TensorInfo {
        TensorInfo { name: "images".into(), dtype: DType::F32, shape: vec![None, Some(3), Some(2), Some(2)] }
    }

    fn refused(dtype: DType, shape: &[usize], data: &[u8]) -> String {
        check_input(&TensorView { dtype, shape, data }, &images()).unwrap_err().to_string()
    }

    #[test]
    fn inputs_are_checked() {
        let floats = [0f32; 24];
        let data: &[u8] = bytemuck::cast_slice(&floats);
        let view = TensorView { dtype: DType::F32, shape: &[2, 3, 2, 2], data };
        assert!(check_input(&view, &images()).is_ok(), "an unknown dimension takes any size");

        let wrong = "the model's input is images f32[?,3,2,2], but it was given";
        assert_eq!(refused(DType::U8, &[2, 3, 2, 2], &data[..24]), format!("{wrong} u8[2,3,2,2]"));
        assert_eq!(refused(DType::F32, &[2, 2, 2, 3], data), format!("{wrong} f32[2,2,2,3]"));
        assert_eq!(refused(DType::F32, &[24], data), format!("{wrong} f32[24]"));
        assert_eq!(
            refused(DType::F32, &[1, 3, 2, 2], data),
            "input images: 96 bytes were given where its dimensions make 48"
        );
        assert_eq!(
            refused(DType::F32, &[1, 3, 2, 2], &data[1..49]),
            "input images: its address is not a multiple of 4 bytes"
        );
        assert_eq!(
            refused(DType::F32, &[usize::MAX, 3, 2, 2], data),
            "input images: its dimensions are too large to multiply"
        );
    }

    #[test]
    fn names_from_a_model_are_made_harmless() {
        let hostile = TensorInfo { name: "x\u{1b}[31m\ny".into(), ..images() };
        let view = TensorView { dtype: DType::U8, shape: &[1], data: &[0] };
        for error in [
            check_inputs(&[view], std::slice::from_ref(&hostile)),
            check_inputs(&[], std::slice::from_ref(&hostile)),
        ] {
            let sentence = error.unwrap_err().to_string();
            assert!(sentence.contains("x[31my") && !sentence.contains(char::is_control), "{sentence:?}");
        }
    }

    #[test]
    fn outputs_say_what_they_need() {
        let mut small = [0u8; 4];
        let mut buffer = OutputBuf { data: &mut small, dtype: DType::F32, shape: vec![], len: 0 };
        let written = deliver(2, &mut buffer, DType::I32, vec![2, 3], |_| panic!("no room"));
        assert!(matches!(written, Err(NnError::OutputTooSmall { index: 2, needed: 24, capacity: 4 })));
        assert_eq!((buffer.dtype, &buffer.shape[..], buffer.len), (DType::I32, &[2, 3][..], 24));
        deliver(0, &mut buffer, DType::U8, vec![3], |bytes| bytes.copy_from_slice(&[7, 8, 9])).unwrap();
        assert_eq!((small, 3), ([7, 8, 9, 0], 3));
    }

    #[test]
    fn all_outputs_are_described_before_the_first_refusal() {
        let known = [images(), images()].map(|info| TensorInfo { shape: vec![Some(1), Some(2)], ..info });
        let (mut a, mut b) = ([0u8; 4], [0u8; 8]);
        let mut outputs =
            [&mut a[..], &mut b[..]].map(|data| OutputBuf { data, dtype: DType::U8, shape: vec![], len: 0 });
        let refused = check_room(&mut outputs, &known);
        assert!(matches!(refused, Err(NnError::OutputTooSmall { index: 0, needed: 8, capacity: 4 })));
        assert_eq!((outputs[1].len, outputs[1].dtype), (8, DType::F32));
        let unknown = TensorInfo { shape: vec![None], ..images() };
        assert!(check_room(&mut outputs[..1], std::slice::from_ref(&unknown)).is_ok());
        outputs[1].len = 0;
        assert!(check_room(&mut outputs, &[unknown, known[1].clone()]).is_ok());
        assert_eq!(outputs[1].len, 8, "one unknown output leaves the others known");
    }
}
