//! Bilinear resize of converted rows, bit for bit as OpenCV's `resize` (INTER_LINEAR, 8 bits) does it: across, then
//! down, with 11 bits for a weight. Each source row is converted and resampled once: the last two are kept.

use edgevision_sdk::FrameView;

use crate::{
    color::Converter,
    geometry::{self, Placement, RowTap, Taps},
    kernels,
    kernels::BLOCK,
};

/// Rows of one kind of frame at the picture's size.
#[derive(Clone, Debug)]
pub struct Resizer {
    converter: Converter,
    planes: usize,
    /// The source row that was converted last.
    source: Vec<u8>,
    source_stride: usize,
    cache: [Row; 2],
    rows: Vec<RowTap>,
    columns: Taps,
    out: Vec<u8>,
    out_stride: usize,
}

/// A source row at the picture's width.
#[derive(Clone, Debug)]
struct Row {
    of: Option<usize>,
    planes: Vec<i16>,
}

impl Resizer {
    /// For frames like this one.
    pub fn new(frame: &FrameView, converter: Converter, picture: Placement) -> Self {
        let planes = converter.planes();
        // One sample more than the picture has: the right neighbour of the last one, with no weight.
        let source_stride = (frame.width() + 1).next_multiple_of(BLOCK);
        let out_stride = picture.width.next_multiple_of(BLOCK);
        let row = Row { of: None, planes: vec![0; out_stride * planes] };
        Self {
            converter,
            planes,
            source: vec![0; source_stride * planes],
            source_stride,
            cache: [row.clone(), row],
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
        let RowTap { rows: [upper, lower], weights } = self.rows[y];
        self.load(frame, 0, upper);
        // At the edges both are the same row.
        let second = usize::from(lower != upper);
        self.load(frame, second, lower);
        kernels::blend(&self.cache[0].planes, &self.cache[second].planes, weights, &mut self.out);
    }

    /// A plane of the row that was made last: grey has one for all channels.
    pub fn plane(&self, channel: usize) -> &[u8] {
        &self.out[channel.min(self.planes - 1) * self.out_stride..][..self.out_stride]
    }

    /// Has source row `y` in slot `slot`: moved from the other slot, or converted and resampled.
    fn load(&mut self, frame: &FrameView, slot: usize, y: usize) {
        if self.cache[slot].of == Some(y) {
            return;
        }
        if slot == 0 && self.cache[1].of == Some(y) {
            return self.cache.swap(0, 1);
        }
        self.converter.row(frame, y, &mut self.source);
        let row = &mut self.cache[slot];
        let planes =
            self.source.chunks_exact(self.source_stride).zip(row.planes.chunks_exact_mut(self.out_stride));
        planes.for_each(|(from, to)| kernels::resample(from, &self.columns, to));
        row.of = Some(y);
    }
}
