//! A video frame, read in place, row by row.

use edgevision_abi::{FrameDesc, color_matrix, color_range, pixel_format};

/// Most planes that a format of [`PixelFormat`] has.
pub(crate) const PLANES: usize = 3;

/// Pixel formats, named as GStreamer names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Planar Y, U, V; chroma halved both ways, rounded up.
    I420,
    /// Planar Y, interleaved U and V; chroma halved both ways, rounded up.
    Nv12,
    /// Packed R, G, B.
    Rgb,
    /// Packed B, G, R.
    Bgr,
    /// One byte of grey.
    Gray8,
}

impl PixelFormat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::I420, Self::Nv12, Self::Rgb, Self::Bgr, Self::Gray8];

    fn from_abi(code: u32) -> Result<Self, String> {
        match code {
            pixel_format::I420 => Ok(Self::I420),
            pixel_format::NV12 => Ok(Self::Nv12),
            pixel_format::RGB => Ok(Self::Rgb),
            pixel_format::BGR => Ok(Self::Bgr),
            pixel_format::GRAY8 => Ok(Self::Gray8),
            other => Err(format!("pixel format {other} is not known to this module")),
        }
    }

    /// How many planes it has.
    pub fn planes(self) -> usize {
        match self {
            Self::I420 => 3,
            Self::Nv12 => 2,
            Self::Rgb | Self::Bgr | Self::Gray8 => 1,
        }
    }

    /// Pixels that share a sample of a plane: 2 across and 2 down for chroma, else 1. Sample `(x, y)` of a plane is
    /// part of the pixels from `x * subsampling` on, as far as the picture goes.
    pub fn subsampling(self, plane: usize) -> usize {
        if matches!((self, plane), (Self::I420 | Self::Nv12, 1..)) { 2 } else { 1 }
    }

    /// Bytes from one sample of a plane to the next: 2 for the U and V of NV12, 3 for packed colours, else 1.
    pub fn step(self, plane: usize) -> usize {
        match (self, plane) {
            (Self::Nv12, 1) => 2,
            (Self::Rgb | Self::Bgr, _) => 3,
            _ => 1,
        }
    }

    /// Visible bytes of a row, and rows, of a plane of a picture of this size. None if it overflows or if the format
    /// has no such plane.
    pub fn plane_size(self, plane: usize, width: usize, height: usize) -> Option<(usize, usize)> {
        let shared = self.subsampling(plane);
        let bytes = width.div_ceil(shared).checked_mul(self.step(plane))?;
        (plane < self.planes()).then_some((bytes, height.div_ceil(shared)))
    }
}

/// YUV to RGB matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMatrix {
    /// ITU-R BT.601.
    #[default]
    Bt601,
    /// ITU-R BT.709.
    Bt709,
}

/// Value ranges of the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorRange {
    /// Luma 16..=235, chroma 16..=240.
    #[default]
    Limited,
    /// 0..=255.
    Full,
}

/// What a frame is, without its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Pixel format.
    pub format: PixelFormat,
    /// Visible width in pixels, at least 1.
    pub width: usize,
    /// Visible height in lines, at least 1.
    pub height: usize,
    /// Of no meaning for RGB and BGR.
    pub matrix: ColorMatrix,
    /// Of no meaning for RGB and BGR.
    pub range: ColorRange,
    /// Stream time; none when the source gave none.
    pub timestamp_ns: Option<u64>,
    /// Number of the frame, counted by its camera from 0.
    pub seq: u64,
}

/// A frame whose planes were checked against its size. Borrowed for one call.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    info: FrameInfo,
    planes: [Plane<'a>; PLANES],
}

#[derive(Clone, Copy, Debug, Default)]
struct Plane<'a> {
    bytes: &'a [u8],
    stride: usize,
    row_bytes: usize,
    rows: usize,
}

impl<'a> FrameView<'a> {
    /// From the samples of each plane and the distance in bytes from one row to the next. Refuses planes that are
    /// too few or too short for the size; the last row need not be padded to the stride.
    pub fn new(info: FrameInfo, planes: &[(&'a [u8], usize)]) -> Result<Self, String> {
        let mut view = Self { info, planes: [Plane::default(); PLANES] };
        for index in 0..info.format.planes() {
            let &(bytes, stride) = planes.get(index).ok_or_else(|| format!("plane {index} is missing"))?;
            let (row_bytes, rows) = checked_plane(&info, index, stride)?;
            let needed = plane_bytes(row_bytes, rows, stride).filter(|&n| n <= bytes.len());
            needed
                .ok_or_else(|| format!("plane {index} is shorter than its {rows} rows of {stride} bytes"))?;
            view.planes[index] = Plane { bytes, stride, row_bytes, rows };
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

    /// The visible bytes of row `y` of a plane, without the padding that the stride may hold. Panics if the format
    /// has no such plane or the plane no such row.
    #[inline]
    pub fn row(&self, plane: usize, y: usize) -> &'a [u8] {
        let Plane { bytes, stride, row_bytes, rows } = self.planes[plane];
        assert!(y < rows, "row {y} of plane {plane}, which has {rows}");
        &bytes[y * stride..][..row_bytes]
    }

    /// All rows of a plane from the top. Panics if the format has no such plane.
    pub fn plane_rows(&self, plane: usize) -> impl Iterator<Item = &'a [u8]> {
        let Plane { bytes, stride, row_bytes, rows } = self.planes[plane];
        bytes.chunks(stride.max(1)).take(rows).map(move |row| &row[..row_bytes])
    }

    /// The samples of a plane with the padding between the rows, and the distance from row to row.
    pub(crate) fn padded(&self, plane: usize) -> (&'a [u8], usize) {
        let Plane { bytes, stride, row_bytes, rows } = self.planes[plane];
        (&bytes[..(rows - 1) * stride + row_bytes], stride)
    }
}

/// Visible bytes of a row and rows, if the stride has room for them.
pub(crate) fn checked_plane(info: &FrameInfo, plane: usize, stride: usize) -> Result<(usize, usize), String> {
    let FrameInfo { format, width, height, .. } = *info;
    if width == 0 || height == 0 {
        return Err(format!("the frame is {width}x{height}: empty"));
    }
    let size = format.plane_size(plane, width, height);
    let (row_bytes, rows) = size.ok_or_else(|| format!("a frame {width} pixels wide is too large"))?;
    if stride < row_bytes {
        return Err(format!("plane {plane} has a stride of {stride} bytes, its rows have {row_bytes}"));
    }
    Ok((row_bytes, rows))
}

/// Bytes from the first sample to the last visible one.
pub(crate) fn plane_bytes(row_bytes: usize, rows: usize, stride: usize) -> Option<usize> {
    (rows - 1).checked_mul(stride)?.checked_add(row_bytes)
}

/// Reads the host's description of a frame, without touching the frame.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "descriptions come only from a host"))]
pub(crate) fn info_from_abi(desc: &FrameDesc) -> Result<FrameInfo, String> {
    let too_large = |_| format!("a frame of {}x{} is too large", desc.width, desc.height);
    Ok(FrameInfo {
        format: PixelFormat::from_abi(desc.format)?,
        width: usize::try_from(desc.width).map_err(too_large)?,
        height: usize::try_from(desc.height).map_err(too_large)?,
        matrix: if desc.color_matrix == color_matrix::BT709 {
            ColorMatrix::Bt709
        } else {
            ColorMatrix::Bt601
        },
        range: if desc.color_range == color_range::FULL { ColorRange::Full } else { ColorRange::Limited },
        timestamp_ns: Some(desc.timestamp_ns).filter(|&ns| ns != u64::MAX),
        seq: desc.seq,
    })
}

/// Where the planes of a described frame lie: address, bytes and stride of each.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "descriptions come only from a host"))]
pub(crate) fn planes_from_abi(
    info: &FrameInfo,
    desc: &FrameDesc,
) -> Result<Vec<(usize, usize, usize)>, String> {
    let planes = desc.planes.iter().take(info.format.planes()).enumerate();
    let extent = |(index, plane): (usize, &edgevision_abi::Plane)| {
        let too_large = |_| format!("plane {index} is too large");
        let (address, stride) = (usize::try_from(plane.address), usize::try_from(plane.stride));
        let (address, stride) = (address.map_err(too_large)?, stride.map_err(too_large)?);
        let (row_bytes, rows) = checked_plane(info, index, stride)?;
        let bytes =
            plane_bytes(row_bytes, rows, stride).ok_or_else(|| format!("plane {index} is too large"))?;
        Ok((address, bytes, stride))
    };
    planes.map(extent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(format: PixelFormat, width: usize, height: usize) -> FrameInfo {
        let (matrix, range) = (ColorMatrix::Bt601, ColorRange::Limited);
        FrameInfo { format, width, height, matrix, range, timestamp_ns: None, seq: 0 }
    }

    #[test]
    fn rows_are_cut_to_the_visible_width() {
        let bytes: Vec<u8> = (0..32).collect();
        let view = FrameView::new(info(PixelFormat::Gray8, 3, 4), &[(&bytes, 8)]).unwrap();
        assert_eq!(view.row(0, 3), [24, 25, 26]);
        let view = FrameView::new(info(PixelFormat::Nv12, 3, 3), &[(&bytes, 4), (&bytes, 6)]).unwrap();
        assert_eq!((view.rows(1), view.row(1, 1)), (2, &[6u8, 7, 8, 9][..]));
    }

    #[test]
    fn all_rows_are_those_one_by_one() {
        let bytes: Vec<u8> = (0..27).collect();
        let view = FrameView::new(info(PixelFormat::Gray8, 3, 4), &[(&bytes, 8)]).unwrap();
        let one_by_one: Vec<&[u8]> = (0..4).map(|y| view.row(0, y)).collect();
        assert_eq!(view.plane_rows(0).collect::<Vec<_>>(), one_by_one);
    }

    #[test]
    fn planes_have_sizes_of_their_own() {
        let sizes = |format: PixelFormat| {
            (0..4).map_while(|plane| format.plane_size(plane, 17, 13)).collect::<Vec<_>>()
        };
        assert_eq!(sizes(PixelFormat::I420), [(17, 13), (9, 7), (9, 7)]);
        assert_eq!(sizes(PixelFormat::Nv12), [(17, 13), (18, 7)]);
        assert_eq!(sizes(PixelFormat::Rgb), [(51, 13)]);
        assert_eq!(sizes(PixelFormat::Gray8), [(17, 13)]);
    }

    #[test]
    fn the_last_row_needs_no_padding_but_every_row_its_pixels() {
        let bytes = [0; 8 * 3 + 3];
        assert!(FrameView::new(info(PixelFormat::Gray8, 3, 4), &[(&bytes, 8)]).is_ok());
        let error = |format, w, h, planes: &[(&[u8], usize)]| {
            FrameView::new(info(format, w, h), planes).err().unwrap_or_default()
        };
        assert!(error(PixelFormat::Gray8, 4, 4, &[(&bytes, 8)]).contains("shorter than its 4 rows"));
        assert!(error(PixelFormat::Rgb, 3, 1, &[(&bytes, 8)]).contains("its rows have 9"));
        assert!(error(PixelFormat::I420, 2, 2, &[(&bytes, 2)]).contains("plane 1 is missing"));
        assert!(error(PixelFormat::Gray8, 0, 2, &[(&bytes, 2)]).contains("empty"));
        assert!(error(PixelFormat::Gray8, 1, usize::MAX, &[(&bytes, 2)]).contains("shorter"));
        assert!(error(PixelFormat::Rgb, usize::MAX, 1, &[(&bytes, 2)]).contains("too large"));
    }

    #[test]
    fn the_hosts_description_is_read_with_care() {
        let mut desc = FrameDesc { format: pixel_format::NV12, width: 5, height: 3, ..FrameDesc::default() };
        desc.color_range = color_range::FULL;
        desc.timestamp_ns = u64::MAX;
        desc.planes[0] = edgevision_abi::Plane { address: 64, stride: 8 };
        desc.planes[1] = edgevision_abi::Plane { address: 128, stride: 8 };
        let info = info_from_abi(&desc).unwrap();
        assert_eq!((info.format, info.range, info.timestamp_ns), (PixelFormat::Nv12, ColorRange::Full, None));
        assert_eq!(planes_from_abi(&info, &desc).unwrap(), [(64, 21, 8), (128, 14, 8)]);
        desc.planes[1].stride = 5;
        assert!(planes_from_abi(&info, &desc).unwrap_err().contains("its rows have 6"));
        assert!(info_from_abi(&FrameDesc::default()).unwrap_err().contains("pixel format 0"));
    }
}
