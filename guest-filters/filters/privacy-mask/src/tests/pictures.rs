//! What the pictures look like afterwards.

use edgevision_sdk::{ColorMatrix, ColorRange, Filter, PixelFormat, testing::OwnedFrame};

use super::{SHAPES, filter, is_inside, noisy, points, run};

const BOX: &str = "[[[0.25,0.25],[0.75,0.25],[0.75,0.75],[0.25,0.75]]]";

fn params(polygons: &str, more: &str) -> String {
    format!(r#"{{"polygons":{polygons}{more}}}"#)
}

/// The byte of pixel `x, y` in a plane.
fn at(format: PixelFormat, plane: usize, width: usize, (x, y): (usize, usize)) -> usize {
    let (shared, step) = (format.subsampling(plane), format.step(plane));
    ((y / shared) * width.div_ceil(shared) + x / shared) * step
}

/// No sample of any plane that shows a covered pixel keeps its value.
#[test]
fn no_masked_pixel_shows_in_any_plane() {
    for format in PixelFormat::ALL {
        for (width, height) in [(1, 1), (17, 13), (64, 48)] {
            let frame = noisy(format, width, height);
            for shapes in SHAPES {
                let output = run(&params(shapes, r##","color":"#000000""##), &frame);
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let centre = ((x as f64 + 0.5) / width as f64, (y as f64 + 0.5) / height as f64);
                    if !points(shapes).iter().any(|polygon| is_inside(polygon, centre.0, centre.1)) {
                        continue;
                    }
                    for (plane, bytes) in output.iter().enumerate() {
                        let sample = &bytes[at(format, plane, width, (x, y))..][..format.step(plane)];
                        assert!(
                            sample.iter().all(|byte| byte % 2 == 0),
                            "{format:?} {shapes} plane {plane} {x},{y}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_rest_of_the_picture_is_untouched() {
    for format in PixelFormat::ALL {
        for more in ["", r#","mode":"blur""#, r#","mode":"pixelate","strength":0.2"#] {
            let frame = noisy(format, 64, 48);
            let (before, after) = (frame.visible(), run(&params(BOX, more), &frame));
            for (y, x) in (0..48).flat_map(|y| (0..64).map(move |x| (y, x))) {
                if (14..50).contains(&x) && (10..38).contains(&y) {
                    continue;
                }
                for plane in 0..format.planes() {
                    let index = at(format, plane, 64, (x, y));
                    let sample = index..index + format.step(plane);
                    assert_eq!(
                        after[plane][sample.clone()],
                        before[plane][sample],
                        "{format:?} {more} {x},{y}"
                    );
                }
            }
        }
    }
}

#[test]
fn inverted_only_the_box_is_left() {
    let frame = noisy(PixelFormat::Gray8, 64, 48);
    let (before, after) = (frame.visible(), run(&params(BOX, r#","invert":true"#), &frame));
    for (y, x) in (0..48).flat_map(|y| (0..64).map(move |x| (y, x))) {
        let left = (16..48).contains(&x) && (12..36).contains(&y);
        assert_eq!(after[0][y * 64 + x], if left { before[0][y * 64 + x] } else { 16 }, "{x},{y}");
    }
}

/// Values from ITU-R BT.601-7 and BT.709-6 for the primaries.
#[test]
fn the_colour_is_that_of_the_frame() {
    use ColorMatrix::{Bt601, Bt709};
    use ColorRange::{Full, Limited};
    let whole = "[[[0,0],[1,0],[1,1],[0,1]]]";
    let table = [
        ("#ff0000", Bt601, Limited, [81, 90, 240]),
        ("#ff0000", Bt709, Limited, [63, 102, 240]),
        ("#0000ff", Bt601, Full, [29, 255, 107]),
        ("#ffffff", Bt709, Limited, [235, 128, 128]),
        ("#000000", Bt709, Full, [0, 128, 128]),
    ];
    for (color, matrix, range, [y, u, v]) in table {
        let more = format!(r#","color":"{color}""#);
        let frame = |format| noisy(format, 5, 3).color(matrix, range);
        let planar = run(&params(whole, &more), &frame(PixelFormat::I420));
        assert_eq!(planar, [vec![y; 15], vec![u; 6], vec![v; 6]], "{color} {matrix:?} {range:?}");
        let interleaved = run(&params(whole, &more), &frame(PixelFormat::Nv12));
        assert_eq!(interleaved, [vec![y; 15], [u, v].repeat(6)]);
    }
    let more = r##","color":"#102030""##;
    assert_eq!(run(&params(whole, more), &noisy(PixelFormat::Rgb, 2, 1))[0], [16, 32, 48, 16, 32, 48]);
    assert_eq!(run(&params(whole, more), &noisy(PixelFormat::Bgr, 2, 1))[0], [48, 32, 16, 48, 32, 16]);
}

#[test]
fn pixels_of_a_block_are_its_mean() {
    let mut frame = OwnedFrame::new(PixelFormat::Gray8, 32, 32);
    frame.fill(|_, x, y| if (x / 8 + y / 8) % 2 == 0 { 40 } else { u8::try_from(100 + x % 8).unwrap() });
    let whole = "[[[0,0],[1,0],[1,1],[0,1]]]";
    let output = run(&params(whole, r#","mode":"pixelate","strength":0.25"#), &frame);
    for (y, row) in output[0].chunks(32).enumerate() {
        for (x, value) in row.iter().enumerate() {
            assert_eq!(*value, if (x / 8 + y / 8) % 2 == 0 { 40 } else { 103 }, "{x},{y}");
        }
    }
}

/// Blurring is smooth: neighbours differ by little although the frame is black and white.
#[test]
fn blurred_neighbours_are_alike() {
    for format in PixelFormat::ALL {
        let mut frame = OwnedFrame::new(format, 160, 120);
        frame.fill(|_, x, y| if (x / 40 + y / 40) % 2 == 0 { 0 } else { 255 });
        let whole = "[[[0,0],[1,0],[1,1],[0,1]]]";
        let output = run(&params(whole, r#","mode":"blur","strength":0.2"#), &frame);
        let step = format.step(0);
        for row in output[0].chunks(160 * step) {
            for (a, b) in row.iter().zip(&row[step..]) {
                assert!(a.abs_diff(*b) <= 16, "{format:?}: {a} beside {b}");
            }
        }
    }
}

/// Two frames that differ only in fine detail under the mask come out the same: the detail is gone.
#[test]
fn detail_within_blocks_is_gone() {
    let whole = "[[[0,0],[1,0],[1,1],[0,1]]]";
    for mode in ["blur", "pixelate"] {
        let shot = |phase: usize| {
            let mut frame = OwnedFrame::new(PixelFormat::I420, 64, 64);
            frame.fill(|_, x, y| if (x + y) % 2 == phase { 60 } else { 180 });
            frame
        };
        let more = format!(r#","mode":"{mode}","strength":0.25"#);
        assert_eq!(run(&params(whole, &more), &shot(0)), run(&params(whole, &more), &shot(1)));
    }
}

#[test]
fn the_plan_follows_the_frames() {
    let mut mask = filter(&params(BOX, r#","mode":"blur""#));
    for (format, width, height) in [
        (PixelFormat::I420, 64, 48),
        (PixelFormat::Rgb, 64, 48),
        (PixelFormat::Rgb, 17, 13),
        (PixelFormat::I420, 64, 48),
    ] {
        let frame = noisy(format, width, height);
        let mut output = frame.output();
        mask.run(&frame.view(), &mut output.view_mut()).unwrap();
        assert_eq!(output.visible(), run(&params(BOX, r#","mode":"blur""#), &frame));
    }
}
