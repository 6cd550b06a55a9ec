//! Black frames.

use edgevision_wasm_host::frame::{ColorRange, PixelFormat};
use gst_video::VideoFrameExt;

use crate::framepool::StreamFormat;

/// The byte of a plane that makes it black.
fn black(format: &StreamFormat, plane: u32) -> u8 {
    match (format.format, plane, format.color.range) {
        (PixelFormat::I420 | PixelFormat::Nv12, 1.., _) => 128,
        (PixelFormat::Rgb | PixelFormat::Bgr, ..) => 0,
        (_, _, ColorRange::Limited) => 16,
        (_, _, ColorRange::Full) => 0,
    }
}

/// Makes a whole frame black. Padding is cleared, too: a module may have left anything there.
pub fn blank(mut buffer: gst::Buffer, format: &StreamFormat) -> Result<gst::Buffer, gst::Buffer> {
    if let Some(mut bytes) = buffer.get_mut().and_then(|content| content.map_writable().ok()) {
        bytes.fill(0);
    }
    let mut frame = gst_video::VideoFrame::from_buffer_writable(buffer, &format.info)?;
    for plane in 0..frame.n_planes() {
        if let Ok(data) = frame.plane_data_mut(plane) {
            data.fill(black(format, plane));
        }
    }
    Ok(frame.into_buffer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_of_each_format() {
        gst::init().unwrap();
        let table: [(&str, &[u8]); 7] = [
            ("format=I420", &[16, 128, 128]),
            ("format=I420,colorimetry=1:4:0:0", &[0, 128, 128]),
            ("format=NV12", &[16, 128]),
            ("format=RGB", &[0]),
            ("format=BGR", &[0]),
            ("format=GRAY8", &[0]),
            ("format=GRAY8,colorimetry=2:4:7:1", &[16]),
        ];
        for (caps, bytes) in table {
            let caps: gst::Caps = format!("video/x-raw,width=17,height=13,{caps}").parse().unwrap();
            let format = StreamFormat::from_caps(&caps).unwrap();
            let buffer = gst::Buffer::from_mut_slice(vec![77; format.info.size()]);
            let buffer = blank(buffer, &format).unwrap();
            let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &format.info).unwrap();
            for (plane, byte) in (0..).zip(bytes) {
                assert!(
                    frame.plane_data(plane).unwrap().iter().all(|value| value == byte),
                    "{caps} plane {plane}"
                );
            }
            let buffer = frame.into_buffer();
            let left = buffer.map_readable().unwrap().iter().filter(|byte| **byte == 77).count();
            assert_eq!(left, 0, "{caps}: between and behind the planes");
        }
    }
}
