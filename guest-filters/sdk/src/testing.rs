//! Frames and models for native unit tests of a module.

mod detect;
pub mod golden;

pub use detect::{context, detect, find, info, whole};

use crate::{
    ColorMatrix, ColorRange, DType, FrameView, FrameViewMut, Infer, Output, PixelFormat, TensorRef,
    frame::FrameInfo,
};

/// A frame that owns its samples, with strides that are not tight.
#[derive(Clone, Debug)]
pub struct OwnedFrame {
    info: FrameInfo,
    planes: Vec<(Vec<u8>, usize)>,
}

impl OwnedFrame {
    /// All zero, BT.601, limited range. Panics if the size is empty or too large for memory.
    pub fn new(format: PixelFormat, width: usize, height: usize) -> Self {
        Self::with_padding(format, width, height, 5)
    }

    /// The same with so many bytes between the end of a row and the start of the next.
    pub fn with_padding(format: PixelFormat, width: usize, height: usize, padding: usize) -> Self {
        let (matrix, range) = (ColorMatrix::Bt601, ColorRange::Limited);
        let info = FrameInfo { format, width, height, matrix, range, timestamp_ns: Some(0), seq: 0 };
        let plane = |index| {
            let (bytes, rows) =
                format.plane_size(index, width, height).expect("a size that fits into memory");
            (vec![0xAA; (bytes + padding) * rows], bytes + padding)
        };
        Self { info, planes: (0..format.planes()).map(plane).collect() }
    }

    /// With another colorimetry.
    #[must_use]
    pub fn color(mut self, matrix: ColorMatrix, range: ColorRange) -> Self {
        self.info.matrix = matrix;
        self.info.range = range;
        self
    }

    /// Sets every visible byte: `value(plane, x, y)` with `x` in bytes of the row.
    pub fn fill(&mut self, mut value: impl FnMut(usize, usize, usize) -> u8) {
        let FrameInfo { format, width, height, .. } = self.info;
        for (index, (bytes, stride)) in self.planes.iter_mut().enumerate() {
            let (row_bytes, _) = format.plane_size(index, width, height).expect("checked by the constructor");
            for (y, row) in bytes.chunks_mut(*stride).enumerate() {
                row.iter_mut().take(row_bytes).enumerate().for_each(|(x, v)| *v = value(index, x, y));
            }
        }
    }

    /// A frame of the same kind for a filter to fill: strides of its own, and bytes that no picture has left there.
    #[must_use]
    pub fn output(&self) -> Self {
        let FrameInfo { format, width, height, matrix, range, .. } = self.info;
        Self::with_padding(format, width, height, 11).color(matrix, range)
    }

    /// The frame as a filter fills it.
    pub fn view_mut(&mut self) -> FrameViewMut<'_> {
        let planes = self.planes.iter_mut().map(|(bytes, stride)| (bytes.as_mut_slice(), *stride));
        FrameViewMut::new(self.info, planes).expect("planes made for this size")
    }

    /// The visible bytes of each plane, row after row without padding.
    pub fn visible(&self) -> Vec<Vec<u8>> {
        let view = self.view();
        (0..self.info.format.planes())
            .map(|plane| view.plane_rows(plane).collect::<Vec<_>>().concat())
            .collect()
    }

    /// The frame as a module sees it.
    pub fn view(&self) -> FrameView<'_> {
        let planes: Vec<(&[u8], usize)> = self.planes.iter().map(|(b, s)| (b.as_slice(), *s)).collect();
        FrameView::new(self.info, &planes).expect("planes made for this size")
    }
}

/// A model that answers every call with the same f32 outputs: dimensions and elements of each.
#[derive(Clone, Debug, Default)]
pub struct FixedModel(pub Vec<(Vec<u32>, Vec<f32>)>);

impl Infer for FixedModel {
    fn infer(&mut self, _inputs: &[TensorRef], outputs: &mut [Output]) -> Result<(), String> {
        for (output, (dims, values)) in outputs.iter_mut().zip(&self.0) {
            let bytes: &[u8] = bytemuck::cast_slice(values);
            output.reserve(bytes.len());
            output.room()[..bytes.len()].copy_from_slice(bytes);
            output.set(DType::F32, dims)?;
        }
        Ok(())
    }
}

/// A model that answers every call with the same outputs of any type: dimensions and elements (little-endian) of each.
#[derive(Clone, Debug, Default)]
pub struct TypedModel(pub Vec<(DType, Vec<u32>, Vec<u8>)>);

impl Infer for TypedModel {
    fn infer(&mut self, _inputs: &[TensorRef], outputs: &mut [Output]) -> Result<(), String> {
        for (output, (dtype, dims, bytes)) in outputs.iter_mut().zip(&self.0) {
            output.reserve(bytes.len());
            output.room()[..bytes.len()].copy_from_slice(bytes);
            output.set(*dtype, dims)?;
        }
        Ok(())
    }
}

/// The model of a job that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoModel;

impl Infer for NoModel {
    fn infer(&mut self, _inputs: &[TensorRef], _outputs: &mut [Output]) -> Result<(), String> {
        Err("this job has no model".into())
    }
}
