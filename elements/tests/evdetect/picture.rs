//! A picture whose every byte is known, laid out in memory in any way.

use gst_video::{VideoFormat, VideoFrameFlags, VideoMeta};

/// What lies between the lines: it must never count.
pub const PADDING: u8 = 0xEE;

/// Visible bytes of each plane, line after line.
#[derive(Clone)]
pub struct Picture {
    pub format: VideoFormat,
    pub width: u32,
    pub height: u32,
    planes: Vec<Plane>,
}

#[derive(Clone)]
struct Plane {
    row_bytes: usize,
    rows: usize,
    bytes: Vec<u8>,
}

/// Where the planes begin, how far their lines are apart, and how many bytes that takes.
#[derive(Clone, Debug)]
pub struct Layout {
    pub offsets: Vec<usize>,
    pub strides: Vec<i32>,
    pub size: usize,
}

pub const FORMATS: [VideoFormat; 5] =
    [VideoFormat::I420, VideoFormat::Nv12, VideoFormat::Rgb, VideoFormat::Bgr, VideoFormat::Gray8];

impl Picture {
    pub fn new(format: VideoFormat, width: u32, height: u32, seed: u32) -> Self {
        let mut state = seed;
        let planes = extents(format, width as usize, height as usize)
            .into_iter()
            .map(|(row_bytes, rows)| Plane { row_bytes, rows, bytes: noise(&mut state, row_bytes * rows) })
            .collect();
        Self { format, width, height, planes }
    }

    pub fn caps(&self) -> String {
        let (width, height) = (self.width, self.height);
        format!("video/x-raw,format={},width={width},height={height},framerate=25/1", self.format)
    }

    /// FNV-1a of the planes, as the probing module computes it.
    pub fn hash(&self) -> u32 {
        let bytes = self.planes.iter().flat_map(|plane| &plane.bytes);
        bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619))
    }

    /// The layout that the caps imply.
    pub fn plain(&self) -> Layout {
        let info = gst_video::VideoInfo::builder(self.format, self.width, self.height).build().unwrap();
        let count = info.n_planes() as usize;
        Layout {
            offsets: info.offset()[..count].to_vec(),
            strides: info.stride()[..count].to_vec(),
            size: info.size(),
        }
    }

    /// Planes `gap` bytes apart, the last one first, each line with `pad` bytes behind it.
    pub fn padded(&self, gap: usize, pad: usize) -> Layout {
        let (mut offsets, mut strides, mut at) = (Vec::new(), Vec::new(), gap);
        for plane in self.planes.iter().rev() {
            let stride = plane.row_bytes + pad;
            offsets.insert(0, at);
            strides.insert(0, i32::try_from(stride).unwrap());
            at += stride * plane.rows + gap;
        }
        Layout { offsets, strides, size: at }
    }

    /// The last line first.
    pub fn upside_down(&self) -> Layout {
        let mut layout = self.padded(16, 8);
        for (index, plane) in self.planes.iter().enumerate() {
            let stride = usize::try_from(layout.strides[index]).unwrap();
            layout.offsets[index] += stride * (plane.rows - 1);
            layout.strides[index] = -layout.strides[index];
        }
        layout
    }

    pub fn lay(&self, layout: &Layout) -> Vec<u8> {
        let mut bytes = vec![PADDING; layout.size];
        self.write(layout, &mut bytes);
        bytes
    }

    pub fn write(&self, layout: &Layout, bytes: &mut [u8]) {
        for (index, plane) in self.planes.iter().enumerate() {
            for (row, line) in plane.bytes.chunks(plane.row_bytes).enumerate() {
                let from_first = isize::try_from(row).unwrap() * layout.strides[index] as isize;
                let at = layout.offsets[index].strict_add_signed(from_first);
                bytes[at..at + line.len()].copy_from_slice(line);
            }
        }
    }

    /// Each plane in bytes of its own, and their lengths.
    pub fn planes(&self) -> impl Iterator<Item = &[u8]> {
        self.planes.iter().map(|plane| plane.bytes.as_slice())
    }

    /// The layout of [`Picture::planes`] put behind each other.
    pub fn tight(&self) -> Layout {
        self.in_order(0, 0)
    }

    fn in_order(&self, gap: usize, pad: usize) -> Layout {
        let (mut offsets, mut strides, mut at) = (Vec::new(), Vec::new(), 0);
        for plane in &self.planes {
            offsets.push(at);
            strides.push(i32::try_from(plane.row_bytes + pad).unwrap());
            at += (plane.row_bytes + pad) * plane.rows + gap;
        }
        Layout { offsets, strides, size: at }
    }

    pub fn describe(&self, buffer: &mut gst::Buffer, layout: &Layout) {
        let content = buffer.get_mut().unwrap();
        let (flags, format) = (VideoFrameFlags::empty(), self.format);
        let size = (self.width, self.height);
        VideoMeta::add_full(content, flags, format, size.0, size.1, &layout.offsets, &layout.strides)
            .unwrap();
    }

    /// The part of the picture from column `x` and line `y` on.
    pub fn cropped(&self, x: u32, y: u32, width: u32, height: u32) -> Self {
        let from = extents(self.format, x as usize, y as usize);
        let to = extents(self.format, width as usize, height as usize);
        let planes = self.planes.iter().zip(from.into_iter().zip(to)).map(|(plane, (from, to))| {
            let lines = plane.bytes.chunks(plane.row_bytes).skip(from.1).take(to.1);
            let bytes = lines.flat_map(|line| line[from.0..from.0 + to.0].to_vec()).collect();
            Plane { row_bytes: to.0, rows: to.1, bytes }
        });
        Self { format: self.format, width, height, planes: planes.collect() }
    }
}

fn extents(format: VideoFormat, width: usize, height: usize) -> Vec<(usize, usize)> {
    let half = (width.div_ceil(2), height.div_ceil(2));
    match format {
        VideoFormat::I420 => vec![(width, height), half, half],
        VideoFormat::Nv12 => vec![(width, height), (half.0 * 2, half.1)],
        VideoFormat::Gray8 => vec![(width, height)],
        _ => vec![(width * 3, height)],
    }
}

fn noise(state: &mut u32, count: usize) -> Vec<u8> {
    let next = || {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}
