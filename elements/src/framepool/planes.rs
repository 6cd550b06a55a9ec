//! Where the visible pixels of a buffer lie: as its video meta and crop meta say, else as the caps imply. Pure but
//! for reading the metas.

use edgevision_wasm_host::frame::{FrameLayout, LayoutError, PixelFormat, Plane};
use gst_video::{VideoCropMeta, VideoMeta};

use super::StreamFormat;

/// The visible part of a plane, relative to the buffer's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VisiblePlane {
    /// First sample of the first line.
    pub first: usize,
    /// Bytes from a line to the next one, which may lie before it.
    pub stride: isize,
    /// Bytes of a line.
    pub row_bytes: usize,
    /// Lines.
    pub rows: usize,
}

impl VisiblePlane {
    /// First byte of a line. None for a place that no buffer has.
    pub fn row(&self, row: usize) -> Option<usize> {
        let from_first = isize::try_from(row).ok()?.checked_mul(self.stride)?;
        self.first.checked_add_signed(from_first)
    }

    /// This plane from line `y` and byte `x` on.
    fn moved(&self, x: usize, y: usize) -> Option<usize> {
        self.row(y)?.checked_add(x)
    }

    fn check(&self, index: usize) -> Result<(), String> {
        let (stride, needed) = (self.stride, self.row_bytes);
        if self.rows > 1 && stride.unsigned_abs() < needed {
            return Err(format!("plane {index} has a stride of {stride} bytes, its lines have {needed}"));
        }
        Ok(())
    }
}

/// The visible planes of a buffer. The error is a phrase: how its metas contradict its caps.
pub(super) fn visible_planes(
    format: &StreamFormat,
    buffer: &gst::BufferRef,
) -> Result<Vec<VisiblePlane>, String> {
    let meta = buffer.meta::<VideoMeta>();
    if let Some(meta) = meta.as_ref().filter(|meta| !is_covered_by(format, meta)) {
        let (found, caps) = (name(meta.format(), meta.width(), meta.height()), caps_name(format));
        return Err(format!("the buffer's meta says {found}, its caps say {caps}"));
    }
    let (offsets, strides) = match &meta {
        Some(meta) => (meta.offset(), meta.stride()),
        None => (format.info.offset(), format.info.stride()),
    };
    let whole =
        meta.as_ref().map_or((format.info.width(), format.info.height()), |m| (m.width(), m.height()));
    let (x, y) = crop(format, buffer, whole)?;
    let planes = offsets.iter().zip(strides).take(format.info.n_planes() as usize).enumerate();
    planes.map(|(index, (offset, stride))| plane(format, index, *offset, *stride, (x, y))).collect()
}

fn plane(
    format: &StreamFormat,
    index: usize,
    offset: usize,
    stride: i32,
    (x, y): (usize, usize),
) -> Result<VisiblePlane, String> {
    let (row_bytes, rows) = format.plane_extent(index);
    let stride = isize::try_from(stride).map_err(|error| error.to_string())?;
    let whole = VisiblePlane { first: offset, stride, row_bytes, rows };
    whole.check(index)?;
    let (x, y) = in_plane(format.format, index, x, y);
    let first = whole.moved(x, y).ok_or_else(|| format!("the crop of plane {index} lies outside of it"))?;
    Ok(VisiblePlane { first, ..whole })
}

/// The frame's place in a larger one, of `whole` pixels.
fn crop(format: &StreamFormat, buffer: &gst::BufferRef, whole: (u32, u32)) -> Result<(usize, usize), String> {
    let Some(meta) = buffer.meta::<VideoCropMeta>() else { return Ok((0, 0)) };
    let (x, y, width, height) = meta.rect();
    let found = format!("the crop meta shows {width}x{height} at {x},{y}");
    if (width, height) != (format.info.width(), format.info.height()) {
        return Err(format!("{found}, the caps say {}", caps_name(format)));
    }
    let inside = |at: u32, len: u32, whole: u32| at.checked_add(len).is_some_and(|end| end <= whole);
    if !inside(x, width, whole.0) || !inside(y, height, whole.1) {
        return Err(format!("{found}, outside of the buffer's {}x{}", whole.0, whole.1));
    }
    let halved = matches!(format.format, PixelFormat::I420 | PixelFormat::Nv12);
    if halved && (x % 2, y % 2) != (0, 0) {
        return Err(format!("{found}, which splits chroma samples; only even places can be shown"));
    }
    Ok((x as usize, y as usize))
}

/// Byte in a line and line of a plane, for a pixel of the frame.
fn in_plane(format: PixelFormat, plane: usize, x: usize, y: usize) -> (usize, usize) {
    match (format, plane) {
        (PixelFormat::Rgb | PixelFormat::Bgr, _) => (x * 3, y),
        (PixelFormat::I420, 1..) => (x / 2, y / 2),
        // Two bytes for two columns.
        (PixelFormat::Nv12, 1..) => (x, y / 2),
        _ => (x, y),
    }
}

/// What a module can be told of these planes: not of lines that go upwards, nor of what lies beyond 4 GiB.
pub(super) fn layout(format: &StreamFormat, planes: &[VisiblePlane]) -> Result<FrameLayout, LayoutError> {
    let planes: Result<Vec<Plane>, LayoutError> = planes.iter().map(told).collect();
    FrameLayout::new(format.format, format.info.width(), format.info.height(), format.color, &planes?)
}

fn told(plane: &VisiblePlane) -> Result<Plane, LayoutError> {
    let offset = u32::try_from(plane.first)
        .map_err(|_| LayoutError(format!("a plane begins at byte {}", plane.first)))?;
    let stride = u32::try_from(plane.stride)
        .map_err(|_| LayoutError(format!("a plane's stride is {}", plane.stride)))?;
    Ok(Plane { offset, stride })
}

fn is_covered_by(format: &StreamFormat, meta: &VideoMeta) -> bool {
    meta.format() == format.info.format()
        && meta.width() >= format.info.width()
        && meta.height() >= format.info.height()
}

/// The caps in short, for a sentence.
pub(super) fn caps_name(format: &StreamFormat) -> String {
    name(format.info.format(), format.info.width(), format.info.height())
}

fn name(format: gst_video::VideoFormat, width: u32, height: u32) -> String {
    format!("{format} {width}x{height}")
}

#[cfg(test)]
mod tests {
    use gst_video::{VideoFormat, VideoFrameFlags};

    use super::*;

    fn stream(text: &str) -> StreamFormat {
        gst::init().unwrap();
        let caps: gst::Caps = format!("video/x-raw,{text}").parse().unwrap();
        StreamFormat::from_caps(&caps).unwrap()
    }

    fn told_of(stream: &StreamFormat, buffer: &gst::BufferRef) -> Result<Vec<(u32, u32)>, String> {
        let layout = layout(stream, &visible_planes(stream, buffer)?).map_err(|error| error.to_string())?;
        Ok(layout.planes().iter().map(|plane| (plane.offset, plane.stride)).collect())
    }

    fn described(format: VideoFormat, size: (u32, u32), offsets: &[usize], strides: &[i32]) -> gst::Buffer {
        let mut buffer = gst::Buffer::with_size(4096).unwrap();
        let (content, flags) = (buffer.get_mut().unwrap(), VideoFrameFlags::empty());
        VideoMeta::add_full(content, flags, format, size.0, size.1, offsets, strides).unwrap();
        buffer
    }

    #[test]
    fn strides_come_from_the_caps_or_from_the_meta() {
        let stream = stream("format=I420,width=17,height=13");
        let bare = gst::Buffer::with_size(4096).unwrap();
        assert_eq!(told_of(&stream, &bare).unwrap(), [(0, 20), (280, 12), (364, 12)]);
        let buffer = described(VideoFormat::I420, (17, 13), &[64, 1000, 2000], &[32, 16, 16]);
        assert_eq!(told_of(&stream, &buffer).unwrap(), [(64, 32), (1000, 16), (2000, 16)]);
    }

    #[test]
    fn a_crop_moves_each_plane() {
        let table = [
            (
                "I420",
                VideoFormat::I420,
                vec![0, 1024, 1280],
                vec![32, 16, 16],
                vec![(196, 32), (1074, 16), (1330, 16)],
            ),
            ("NV12", VideoFormat::Nv12, vec![0, 1024], vec![32, 32], vec![(196, 32), (1124, 32)]),
            ("RGB", VideoFormat::Rgb, vec![0], vec![96], vec![(588, 96)]),
        ];
        for (name, format, offsets, strides, expected) in table {
            let stream = stream(&format!("format={name},width=8,height=8"));
            let mut buffer = described(format, (32, 32), &offsets, &strides);
            VideoCropMeta::add(buffer.get_mut().unwrap(), (4, 6, 8, 8));
            assert_eq!(told_of(&stream, &buffer).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn lines_that_go_upwards_are_visible_but_cannot_be_told() {
        let stream = stream("format=GRAY8,width=8,height=4");
        let buffer = described(VideoFormat::Gray8, (8, 4), &[48], &[-16]);
        let planes = visible_planes(&stream, &buffer).unwrap();
        assert_eq!((planes[0].row(0), planes[0].row(3), planes[0].row(4)), (Some(48), Some(0), None));
        assert!(told_of(&stream, &buffer).unwrap_err().contains("-16"));
    }

    #[test]
    fn a_meta_that_contradicts_the_caps_is_refused() {
        let stream = stream("format=GRAY8,width=32,height=32");
        let buffer = described(VideoFormat::Gray8, (16, 32), &[0], &[16]);
        let why = told_of(&stream, &buffer).unwrap_err();
        assert_eq!(why, "the buffer's meta says GRAY8 16x32, its caps say GRAY8 32x32");
    }
}
