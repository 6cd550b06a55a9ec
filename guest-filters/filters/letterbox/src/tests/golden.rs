//! Golden input tensors of the shared media: what the reference implementation fed to its models.

use std::path::PathBuf;

use edgevision_sdk::{DType, PixelFormat, testing::OwnedFrame};

use super::{context, module, run};

/// The media folder, or None (skip) when it is not there and not required.
fn media() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/media");
    let folder = std::env::var_os("EDGEVISION_MEDIA").map_or_else(|| default.into(), PathBuf::from);
    if folder.join("reference").is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_none(), "{} has no media", folder.display());
    println!("skipped: {} has no media (EDGEVISION_MEDIA)", folder.display());
    None
}

fn picture(path: PathBuf) -> OwnedFrame {
    let picture = image::open(path).unwrap().into_rgb8();
    let (width, height) = picture.dimensions();
    let mut frame = OwnedFrame::new(PixelFormat::Rgb, width as usize, height as usize);
    frame.fill(|_, x, y| picture.as_raw()[y * width as usize * 3 + x]);
    frame
}

/// Largest and mean difference in grey levels.
fn difference(model: &str, still: &str, params: &str, [height, width]: [i64; 2]) -> Option<(f32, f32)> {
    let media = media()?;
    let golden = std::fs::read(media.join("reference/tensors").join(model).join("input.u8")).unwrap();
    let mut letterbox = module(params, &context(DType::U8, &[1, height, width, 3])).unwrap();
    let (ours, _) = run(&mut letterbox, &picture(media.join("images").join(still)).view());
    assert_eq!(ours.len(), golden.len());
    let differences = ours.iter().zip(&golden).map(|(a, &b)| (a - f32::from(b)).abs());
    let (max, sum) = differences.fold((0.0f32, 0.0), |(max, sum), d| (max.max(d), sum + d));
    println!("{model} {still}: max {max}, mean {}", sum / ours.len() as f32);
    Some((max, sum / ours.len() as f32))
}

#[test]
fn golden_input_tensors() {
    let bgr = r#"{"color":"bgr","align":"top_left"}"#;
    let cases = [
        ("yolox_nano_416", "dog.jpg", bgr, [416, 416]),
        ("yolox_nano_416_v8layout", "dog.jpg", "{}", [416, 416]),
        ("face_yunet_n_320", "faces4.jpg", r#"{"color":"bgr","align":"top_left","pad":0}"#, [320, 320]),
        ("face_rfb_320", "faces4.jpg", r#"{"mode":"stretch"}"#, [240, 320]),
        ("fastestdet_352", "dog.jpg", r#"{"mode":"stretch","color":"bgr"}"#, [352, 352]),
        ("mobilenet_v2_224_int8", "cat_720p.jpg", r#"{"mode":"stretch"}"#, [224, 224]),
    ];
    for (model, still, params, size) in cases {
        let Some((max, mean)) = difference(model, still, params, size) else { return };
        // Two JPEG decoders differ by that much; half a pixel of shift gives a mean above 2. With the pixels of
        // libjpeg-turbo, which the reference used, it is max 1 and mean 0.084 to 0.121.
        assert!(max <= 6.0 && mean <= 0.4, "{model}: max {max}, mean {mean}");
    }
}
