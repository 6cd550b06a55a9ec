//! Bilinear resize of converted rows. Each source row is converted once: the last two are kept.

use edgevision_sdk::FrameView;

use crate::{
    color::Converter,
    geometry::{self, Placement, Taps},
    kernels,
    kernels::BLOCK,
};

/// Rows of one kind of frame at the picture's size.
#[derive(Clone, Debug)]
pub struct Resizer {
    converter: Converter,
    planes: usize,
    stride: usize,
    cache: [Row; 2],
    blended: Vec<i16>,
    rows: Vec<(usize, i16)>,
    columns: Taps,
    out: Vec<u8>,
    out_stride: usize,
}

/// A converted source row.
#[derive(Clone, Debug)]
struct Row {
    of: Option<usize>,
    planes: Vec<u8>,
}

impl Resizer {
    /// For frames like this one.
    pub fn new(frame: &FrameView, converter: Converter, picture: Placement) -> Self {
        let planes = converter.planes();
        // One sample more than the picture has: the right neighbour of the last one, with no weight.
        let stride = (frame.width() + 1).next_multiple_of(BLOCK);
        let row = Row { of: None, planes: vec![0; stride * planes] };
        let out_stride = picture.width.next_multiple_of(BLOCK);
        Self {
            converter,
            planes,
            stride,
            cache: [row.clone(), row],
            blended: vec![0; stride * planes],
            rows: geometry::rows(frame.height(), picture.height),
            columns: Taps::new(frame.width(), picture.width),
            out: vec![0; out_stride * planes],
            out_stride,
        }
    }

    /// Forgets the rows of the last frame.
    pub fn next_frame(&mut self) {
        self.cache.iter_mut().for_each(|row| row.of = None);
        self.converter.next_frame();
    }

    /// Makes row `y` of the picture; [`plane`](Self::plane) then has it.
    pub fn make_row(&mut self, frame: &FrameView, y: usize) {
        let (row, weight) = self.rows[y];
        self.load(frame, 0, row);
        // Rounded to no weight, the lower row may lie outside of the frame.
        let lower = usize::from(weight > 0);
        if weight > 0 {
            self.load(frame, 1, row + 1);
        }
        kernels::blend(&self.cache[0].planes, &self.cache[lower].planes, weight, &mut self.blended);
        let rows = self.blended.chunks_exact(self.stride).zip(self.out.chunks_exact_mut(self.out_stride));
        rows.for_each(|(row, out)| kernels::resample(row, &self.columns, out));
    }

    /// A plane of the row that was made last: grey has one for all channels.
    pub fn plane(&self, channel: usize) -> &[u8] {
        &self.out[channel.min(self.planes - 1) * self.out_stride..][..self.out_stride]
    }

    /// Has source row `y` in slot `slot`: moved from the other slot, or converted.
    fn load(&mut self, frame: &FrameView, slot: usize, y: usize) {
        if self.cache[slot].of == Some(y) {
            return;
        }
        if slot == 0 && self.cache[1].of == Some(y) {
            return self.cache.swap(0, 1);
        }
        let row = &mut self.cache[slot];
        self.converter.row(frame, y, &mut row.planes);
        row.of = Some(y);
    }
}
