use edgevision_sdk::{
    ColorMatrix, ColorRange, Context, DType, FrameView, PixelFormat, Preprocess, TensorMut,
    testing::OwnedFrame,
};

use super::{context, module, reference, run};

/// Noise over a gradient: every value occurs, also those outside of limited range.
fn noisy(format: PixelFormat, width: usize, height: usize) -> OwnedFrame {
    let mut frame = OwnedFrame::new(format, width, height);
    let mut state = 12345u32;
    frame.fill(|plane, x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let gradient = (x * 3 + y * 5 + plane * 70) % 251;
        u8::try_from(gradient).unwrap().wrapping_add((state >> 27) as u8)
    });
    frame
}

/// One value in so many: a colour of exactly a half may be rounded to either side, floating point has no exact tenths.
const TIES: usize = 4000;

/// Pixels that are not those of the reference, over a stretched picture.
fn different(frame: &FrameView, width: usize, height: usize) -> usize {
    let json = format!(r#"{{"mode":"stretch","width":{width},"height":{height}}}"#);
    let (ours, _) = run(&mut module(&json, &Context::default()).unwrap(), frame);
    let reference = reference::resize(frame, width, height);
    let plane = width * height;
    (0..3 * plane).filter(|&i| f64::from(ours[i]) != reference[i % plane][i / plane]).count()
}

#[test]
fn every_format_and_colorimetry_is_bit_for_bit_the_reference() {
    for format in PixelFormat::ALL {
        for matrix in [ColorMatrix::Bt601, ColorMatrix::Bt709] {
            for range in [ColorRange::Limited, ColorRange::Full] {
                for (width, height) in [(77, 45), (64, 48), (131, 200)] {
                    let frame = noisy(format, 128, 96).color(matrix, range);
                    let different = different(&frame.view(), width, height);
                    assert!(
                        different <= TIES,
                        "{format:?} {matrix:?} {range:?} to {width}x{height}: {different}"
                    );
                }
            }
        }
    }
}

#[test]
fn odd_sizes_are_those_of_the_reference() {
    for format in PixelFormat::ALL {
        for (from, to) in
            [((1, 1), (1, 1)), ((1, 1), (9, 5)), ((17, 13), (5, 31)), ((2, 1), (33, 3)), ((3, 7), (1, 1))]
        {
            let different = different(&noisy(format, from.0, from.1).view(), to.0, to.1);
            assert_eq!(different, 0, "{format:?} {from:?} to {to:?}");
        }
    }
    assert_eq!(different(&noisy(PixelFormat::I420, 4095, 2161).view(), 64, 36), 0);
}

#[test]
fn the_same_size_is_the_same_picture() {
    let frame = noisy(PixelFormat::Bgr, 37, 5);
    assert_eq!(different(&frame.view(), 37, 5), 0);
}

/// Value of a tensor's pixel, NCHW.
fn at(tensor: &[f32], (w, h): (usize, usize), c: usize, x: usize, y: usize) -> f32 {
    tensor[c * w * h + y * w + x]
}

fn white(width: usize, height: usize) -> OwnedFrame {
    let mut frame = OwnedFrame::new(PixelFormat::Rgb, width, height);
    frame.fill(|_, _, _| 255);
    frame
}

#[test]
fn a_letterbox_is_padded_below_or_around() {
    let frame = white(64, 36);
    let shape = context(DType::F32, &[1, 3, 32, 32]);
    let mut top_left = module(r#"{"align":"top_left","pad":[1,2,3]}"#, &shape).unwrap();
    let (tensor, g) = run(&mut top_left, &frame.view());
    for c in 0..3 {
        assert_eq!(at(&tensor, (32, 32), c, 31, 17), 255.0);
        assert_eq!(at(&tensor, (32, 32), c, 0, 18), c as f32 + 1.0);
        assert_eq!(at(&tensor, (32, 32), c, 31, 31), c as f32 + 1.0);
    }
    assert_eq!((g.scale_x, g.scale_y, g.offset_x, g.offset_y), (0.5, 0.5, 0.0, 0.0));
    let (tensor, g) = run(&mut module("{}", &shape).unwrap(), &frame.view());
    assert_eq!((g.offset_x, g.offset_y, g.input_width, g.input_height), (0.0, 7.0, 32, 32));
    let column: Vec<f32> = (0..32).map(|y| at(&tensor, (32, 32), 1, 0, y)).collect();
    assert_eq!(column.iter().filter(|&&v| v == 255.0).count(), 18);
    assert_eq!((column[6], column[7], column[24], column[25]), (114.0, 255.0, 255.0, 114.0));
}

#[test]
fn a_tall_picture_is_padded_left_and_right() {
    let (tensor, g) =
        run(&mut module("{}", &context(DType::F32, &[1, 3, 32, 32])).unwrap(), &white(9, 36).view());
    assert_eq!((g.offset_x, g.offset_y), (12.0, 0.0));
    let row: Vec<f32> = (0..32).map(|x| at(&tensor, (32, 32), 2, x, 20)).collect();
    assert_eq!((row[11], row[12], row[19], row[20]), (114.0, 255.0, 255.0, 114.0));
}

#[test]
fn small_pictures_grow_only_where_they_may() {
    let shape = context(DType::F32, &[1, 3, 32, 32]);
    let (_, g) = run(&mut module("{}", &shape).unwrap(), &white(16, 8).view());
    assert_eq!((g.scale_x, g.offset_y), (2.0, 8.0));
    let (_, g) = run(&mut module(r#"{"upscale":false}"#, &shape).unwrap(), &white(16, 8).view());
    assert_eq!((g.scale_x, g.offset_x, g.offset_y), (1.0, 8.0, 12.0));
}

#[test]
fn layouts_types_orders_and_normalisation() {
    let mut frame = OwnedFrame::new(PixelFormat::Rgb, 2, 1);
    frame.fill(|_, x, _| [10, 20, 30, 40, 50, 60][x]);
    let tensor = |json: &str| {
        let json = format!(r#"{{"width":2,"height":1,{json}}}"#);
        run(&mut module(&json, &Context::default()).unwrap(), &frame.view()).0
    };
    assert_eq!(tensor(r#""layout":"nchw""#), [10., 40., 20., 50., 30., 60.]);
    assert_eq!(tensor(r#""layout":"nhwc""#), [10., 20., 30., 40., 50., 60.]);
    assert_eq!(tensor(r#""color":"bgr""#), [30., 60., 20., 50., 10., 40.]);
    assert_eq!(tensor(r#""color":"bgr","layout":"nhwc","dtype":"u8""#), [30., 20., 10., 60., 50., 40.]);
    assert_eq!(tensor(r#""mean":10,"std":[1,2,4]"#), [0., 30., 5., 20., 5., 12.5]);
    assert_eq!(tensor(r#""mean":[0,0,31],"std":0.25,"dtype":"u8""#), [40., 160., 80., 200., 0., 116.]);
    assert_eq!(tensor(r#""color":"gray""#), [18., 48.]);
    assert_eq!(tensor(r#""mean":35,"dtype":"i8","std":[0.1,1,1]"#), [-128., 50., -15., 15., -5., 25.]);
    assert_eq!(tensor(r#""std":40,"dtype":"f16","layout":"nhwc""#), [0.25, 0.5, 0.75, 1., 1.25, 1.5]);
}

#[test]
fn grey_comes_from_luma_and_goes_to_all_channels() {
    let mut frame = OwnedFrame::new(PixelFormat::Nv12, 2, 2).color(ColorMatrix::Bt709, ColorRange::Full);
    frame.fill(|plane, x, _| if plane == 0 { 100 } else { 90 + 7 * u8::from(x > 0) });
    let (tensor, _) = run(&mut module("{}", &context(DType::F32, &[1, 1, 2, 2])).unwrap(), &frame.view());
    assert_eq!(tensor, [100.0; 4]);
    let mut grey = OwnedFrame::new(PixelFormat::Gray8, 2, 2);
    grey.fill(|_, _, _| 235);
    let (tensor, _) = run(&mut module("{}", &context(DType::U8, &[1, 2, 2, 3])).unwrap(), &grey.view());
    assert_eq!(tensor, [255.0; 12]);
}

#[test]
fn padding_is_written_again_when_the_picture_or_the_memory_changes() {
    let mut letterbox = module("{}", &context(DType::F32, &[1, 3, 16, 16])).unwrap();
    let mut room = vec![0.0; 3 * 16 * 16];
    let mut once = |room: &mut [f32], frame: &OwnedFrame| {
        letterbox.run(&frame.view(), &mut TensorMut::F32(room)).unwrap();
    };
    once(&mut room, &white(16, 8));
    let wide = room.clone();
    once(&mut room, &white(8, 16));
    let tall = room.clone();
    once(&mut room, &white(16, 8));
    assert_eq!(room, wide);
    // Fresh memory at the same address, as after a remapped window.
    room.fill(0.0);
    once(&mut room, &white(16, 8));
    assert_eq!(room, wide);
    once(&mut room, &white(8, 16));
    assert_eq!(room, tall);
}

#[test]
fn a_second_frame_leaves_nothing_of_the_first() {
    let mut letterbox = module(r#"{"width":20,"height":20}"#, &Context::default()).unwrap();
    let (first, second) = (noisy(PixelFormat::I420, 40, 30), white(40, 30));
    let expected =
        run(&mut module(r#"{"width":20,"height":20}"#, &Context::default()).unwrap(), &first.view());
    run(&mut letterbox, &second.view());
    assert_eq!(run(&mut letterbox, &first.view()), expected);
    let mut brighter = first.clone();
    brighter.fill(|_, _, _| 200);
    run(&mut letterbox, &brighter.view());
    assert_eq!(run(&mut letterbox, &first.view()), expected);
}
