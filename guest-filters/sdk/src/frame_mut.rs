//! A video frame that a filter fills, in place.

use crate::{
    FrameView, PixelFormat,
    frame::{FrameInfo, PLANES, checked_plane, plane_bytes},
};

/// A frame to be filled, whose planes were checked against its size. Borrowed for one call.
#[derive(Debug)]
pub struct FrameViewMut<'a> {
    info: FrameInfo,
    planes: [PlaneMut<'a>; PLANES],
}

#[derive(Debug, Default)]
struct PlaneMut<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    row_bytes: usize,
    rows: usize,
}

impl<'a> FrameViewMut<'a> {
    /// From the samples of each plane and the distance in bytes from one row to the next. Refuses planes that are
    /// too few or too short for the size; the last row need not be padded to the stride.
    pub fn new(
        info: FrameInfo,
        planes: impl IntoIterator<Item = (&'a mut [u8], usize)>,
    ) -> Result<Self, String> {
        let mut view = Self { info, planes: Default::default() };
        let mut planes = planes.into_iter();
        for index in 0..info.format.planes() {
            let (bytes, stride) = planes.next().ok_or_else(|| format!("plane {index} is missing"))?;
            let (row_bytes, rows) = checked_plane(&info, index, stride)?;
            let bytes = plane_bytes(row_bytes, rows, stride).and_then(|needed| bytes.get_mut(..needed));
            let bytes = bytes
                .ok_or_else(|| format!("plane {index} is shorter than its {rows} rows of {stride} bytes"))?;
            view.planes[index] = PlaneMut { bytes, stride, row_bytes, rows };
        }
        Ok(view)
    }

    /// What the frame is.
    pub fn info(&self) -> &FrameInfo {
        &self.info
    }
    /// Pixel format.
    pub fn format(&self) -> PixelFormat {
        self.info.format
    }
    /// Visible width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.info.width
    }
    /// Visible height in lines, at least 1.
    pub fn height(&self) -> usize {
        self.info.height
    }

    /// Rows of a plane: the height, or half of it for chroma. Panics if the format has no such plane.
    pub fn rows(&self, plane: usize) -> usize {
        self.planes[plane].rows
    }

    /// The visible bytes of row `y` of a plane. Panics if the format has no such plane or the plane no such row.
    #[inline]
    pub fn row_mut(&mut self, plane: usize, y: usize) -> &mut [u8] {
        let PlaneMut { bytes, stride, row_bytes, rows } = &mut self.planes[plane];
        assert!(y < *rows, "row {y} of plane {plane}, which has {rows}");
        &mut bytes[y * *stride..][..*row_bytes]
    }

    /// All rows of a plane from the top. Panics if the format has no such plane.
    pub fn plane_rows_mut(&mut self, plane: usize) -> impl Iterator<Item = &mut [u8]> {
        let PlaneMut { bytes, stride, row_bytes, rows } = &mut self.planes[plane];
        let row_bytes = *row_bytes;
        bytes.chunks_mut((*stride).max(1)).take(*rows).map(move |row| &mut row[..row_bytes])
    }

    /// Sets every visible byte of a plane. Panics if the format has no such plane.
    pub fn fill_plane(&mut self, plane: usize, value: u8) {
        self.plane_rows_mut(plane).for_each(|row| row.fill(value));
    }

    /// Copies the visible bytes of a plane. Panics if the two frames differ in format or size.
    pub fn copy_plane(&mut self, plane: usize, from: &FrameView) {
        assert!(self.is_like(from), "{:?} is not a frame like {:?}", self.info, from.info());
        let (bytes, stride) = from.padded(plane);
        let to = &mut self.planes[plane];
        // The padding stays behind: there may be pixels in it, beyond a crop or repeated from the edge, which a mask
        // does not reach.
        if stride == to.stride && stride == to.row_bytes {
            to.bytes.copy_from_slice(bytes);
        } else {
            self.plane_rows_mut(plane)
                .zip(from.plane_rows(plane))
                .for_each(|(to, from)| to.copy_from_slice(from));
        }
    }

    /// Copies all planes. Panics if the two frames differ in format or size.
    pub fn copy_from(&mut self, from: &FrameView) {
        (0..self.info.format.planes()).for_each(|plane| self.copy_plane(plane, from));
    }

    /// True for a frame of the same format and size.
    pub fn is_like(&self, other: &FrameView) -> bool {
        let what = |info: &FrameInfo| (info.format, info.width, info.height);
        what(&self.info) == what(other.info())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::OwnedFrame;

    fn value(plane: usize, x: usize, y: usize) -> u8 {
        u8::try_from((plane * 89 + x * 7 + y * 31) % 256).unwrap()
    }

    #[test]
    fn a_copy_has_every_visible_byte_whatever_the_strides() {
        for format in PixelFormat::ALL {
            for (width, height) in [(1, 1), (17, 13), (64, 48)] {
                for (padding_from, padding_to) in [(5, 5), (0, 9), (64, 0)] {
                    let mut from = OwnedFrame::with_padding(format, width, height, padding_from);
                    from.fill(value);
                    let mut to = OwnedFrame::with_padding(format, width, height, padding_to);
                    to.view_mut().copy_from(&from.view());
                    assert_eq!(to.visible(), from.visible(), "{format:?} {width}x{height}");
                }
            }
        }
    }

    #[test]
    fn a_copy_leaves_the_padding_behind() {
        let info = *OwnedFrame::new(PixelFormat::Gray8, 3, 2).view().info();
        let (from, mut to) = ([9; 16], [1; 16]);
        let view = FrameView::new(info, &[(&from, 8)]).unwrap();
        FrameViewMut::new(info, [(&mut to[..], 8)]).unwrap().copy_from(&view);
        assert_eq!(to, [9, 9, 9, 1, 1, 1, 1, 1, 9, 9, 9, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn rows_end_where_the_picture_does() {
        let mut frame = OwnedFrame::with_padding(PixelFormat::Nv12, 3, 3, 4);
        let mut view = frame.view_mut();
        assert_eq!((view.rows(0), view.rows(1)), (3, 2));
        view.fill_plane(1, 9);
        view.row_mut(0, 2).copy_from_slice(&[1, 2, 3]);
        assert_eq!(view.plane_rows_mut(1).map(|row| row.len()).collect::<Vec<_>>(), [4, 4]);
        assert_eq!(frame.view().row(0, 2), [1, 2, 3]);
        assert_eq!(frame.view().row(1, 1), [9; 4]);
    }

    #[test]
    fn planes_must_hold_the_picture() {
        let info = *OwnedFrame::new(PixelFormat::Gray8, 3, 4).view().info();
        let error = |bytes: &mut [u8], stride| FrameViewMut::new(info, [(bytes, stride)]).err().unwrap();
        assert!(error(&mut [0; 26], 8).contains("shorter than its 4 rows"));
        assert!(error(&mut [0; 99], 2).contains("its rows have 3"));
        assert!(FrameViewMut::new(info, []).err().unwrap().contains("plane 0 is missing"));
    }
}
