//! The filters that ship give the same bytes inside WebAssembly as natively, on frames of every format and of odd
//! sizes; and how long they take for a large frame.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use edgevision_sdk::{
    Context, FrameView, FrameViewMut, Params,
    frame::{self, FrameInfo},
};
use edgevision_wasm_host::{
    arena::{Arena, Slot},
    filter::Filter,
    frame::{ColorMatrix, ColorRange, Colorimetry, Frame, FrameLayout, PixelFormat, Pixels, Plane, Transfer},
    job::{Limits, Stage},
    module::Module,
};
use grayscale::Grayscale;
use privacy_mask::PrivacyMask;

const FORMATS: [(PixelFormat, frame::PixelFormat); 5] = [
    (PixelFormat::I420, frame::PixelFormat::I420),
    (PixelFormat::Nv12, frame::PixelFormat::Nv12),
    (PixelFormat::Rgb, frame::PixelFormat::Rgb),
    (PixelFormat::Bgr, frame::PixelFormat::Bgr),
    (PixelFormat::Gray8, frame::PixelFormat::Gray8),
];
const SIZES: [(u32, u32); 4] = [(1, 1), (17, 13), (160, 90), (333, 222)];
const COLOR: Colorimetry = Colorimetry { matrix: ColorMatrix::Bt709, range: ColorRange::Limited };
const POLYGONS: &str =
    r##""polygons":[[[0.1,0.1],[0.9,0.2],[0.5,0.5],[0.8,0.9],[0.2,0.8]],[[0,0],[0.3,0],[0,0.3]]]"##;

fn masks() -> Vec<String> {
    let mask = |more: &str| format!("{{{POLYGONS}{more}}}");
    [
        r##","color":"#204080""##,
        r#","mode":"blur""#,
        r#","mode":"pixelate","strength":0.1"#,
        r#","invert":true"#,
    ]
    .map(mask)
    .into()
}

fn filter(name: &str, params: &str) -> Filter {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../target/guests/{name}.wasm"));
    let module =
        Module::load(&path).unwrap_or_else(|error| panic!("{error} (`cargo xtask guests` builds it)"));
    let stage = Stage { module, params: serde_json::from_str(params).unwrap() };
    Filter::new(stage, Limits { deadline: Duration::from_secs(60), ..Limits::default() }, "").unwrap()
}

/// A layout whose lines are longer than the picture.
fn padded(format: PixelFormat, (width, height): (u32, u32), padding: u32) -> FrameLayout {
    let tight = FrameLayout::packed(format, width, height, COLOR).unwrap();
    let mut offset = 0;
    let planes = tight.planes().iter().map(|plane| {
        let padded = Plane { offset, stride: plane.stride + padding };
        offset += padded.stride * height;
        padded
    });
    FrameLayout::new(format, width, height, COLOR, &planes.collect::<Vec<_>>()).unwrap()
}

fn shoot(layout: &FrameLayout) -> (Frame, Vec<u8>) {
    let mut state = 7_u32;
    let bytes: Vec<u8> = (0..layout.byte_len())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        })
        .collect();
    let arena = Arena::new(bytes.len(), 2).unwrap();
    let mut slot = arena.acquire().unwrap();
    Arc::get_mut(&mut slot).unwrap().copy_from(0, &bytes).unwrap();
    let pixels = Pixels::Arena { arena, offset: slot.offset() };
    let (layout, transfer, keep_alive) = (layout.clone(), Transfer::InPlace, Box::new(slot));
    (Frame { seq: 0, timestamp_ns: None, layout, pixels, transfer, keep_alive }, bytes)
}

fn info(layout: &FrameLayout, format: frame::PixelFormat) -> FrameInfo {
    FrameInfo {
        format,
        width: layout.width() as usize,
        height: layout.height() as usize,
        matrix: edgevision_sdk::ColorMatrix::Bt709,
        range: edgevision_sdk::ColorRange::Limited,
        timestamp_ns: None,
        seq: 0,
    }
}

fn planes<'a>(layout: &FrameLayout, bytes: &'a [u8]) -> Vec<(&'a [u8], usize)> {
    layout.planes().iter().map(|plane| (&bytes[plane.offset as usize..], plane.stride as usize)).collect()
}

/// The visible bytes of a frame.
fn visible(info: FrameInfo, layout: &FrameLayout, bytes: &[u8]) -> Vec<u8> {
    let view = FrameView::new(info, &planes(layout, bytes)).unwrap();
    (0..info.format.planes())
        .flat_map(|plane| view.plane_rows(plane).flatten().copied().collect::<Vec<_>>())
        .collect()
}

fn natively<T: edgevision_sdk::Filter>(
    params: &str,
    info: FrameInfo,
    layout: &FrameLayout,
    bytes: &[u8],
) -> Vec<u8> {
    let mut output = vec![0; layout.byte_len()];
    let mut rest = output.as_mut_slice();
    let mut room = vec![];
    for (index, plane) in layout.planes().iter().enumerate() {
        let next = layout.planes().get(index + 1).map_or(layout.byte_len(), |next| next.offset as usize);
        let (this, others) = rest.split_at_mut(next - plane.offset as usize);
        room.push((this, plane.stride as usize));
        rest = others;
    }
    let mut filter = T::new(Params::from_json(params).unwrap(), &Context::default()).unwrap();
    let view = FrameView::new(info, &planes(layout, bytes)).unwrap();
    filter.run(&view, &mut FrameViewMut::new(info, room).unwrap()).unwrap();
    visible(info, layout, &output)
}

fn bytes_of(slot: &Slot) -> Vec<u8> {
    // SAFETY: the slot's own bytes; the filter has returned and nobody else writes.
    unsafe { std::slice::from_raw_parts(slot.as_ptr(), slot.arena().slot_bytes()) }.to_vec()
}

fn compare<T: edgevision_sdk::Filter>(name: &str, params: &str) {
    let mut filter = filter(name, params);
    for (format, guest_format) in FORMATS {
        for size in SIZES {
            let (input, output) = (padded(format, size, 13), padded(format, size, 5));
            let (frame, bytes) = shoot(&input);
            let info = info(&input, guest_format);
            let mut slot = Arena::for_filters(output.byte_len(), 2).unwrap().acquire().unwrap();
            filter.run(&frame, Arc::get_mut(&mut slot).unwrap(), &output).unwrap();
            let seen = visible(info, &output, &bytes_of(&slot));
            assert!(
                seen == natively::<T>(params, info, &input, &bytes),
                "{name} {params} {format:?} {size:?}"
            );
        }
    }
}

#[test]
fn grayscale_gives_the_same_bytes_as_natively() {
    for params in ["{}", r#"{"amount":0.3}"#] {
        compare::<Grayscale>("grayscale", params);
    }
}

#[test]
fn privacy_mask_gives_the_same_bytes_as_natively() {
    for params in masks() {
        compare::<PrivacyMask>("privacy-mask", &params);
    }
}

#[test]
fn filters_describe_themselves() {
    let jobs = [("grayscale", "amount", "{}".to_owned()), ("privacy-mask", "polygons", masks()[0].clone())];
    for (name, key, params) in jobs {
        let filter = filter(name, &params);
        let info = filter.stage().module.info();
        assert_eq!((info.name.as_str(), info.stateful), (name, false));
        assert!(info.params_schema.as_ref().unwrap()["properties"][key].is_object());
    }
}

/// Prints the time for a frame of 1920x1080 I420; fails only when it is absurd, because machines differ.
#[test]
fn a_large_frame_takes_milliseconds() {
    let layout = padded(PixelFormat::I420, (1920, 1080), 0);
    let (frame, _) = shoot(&layout);
    let outputs = Arena::for_filters(layout.byte_len(), 2).unwrap();
    let jobs = masks().into_iter().map(|params| ("privacy-mask", params));
    for (name, params) in jobs.chain([("grayscale", "{}".to_owned())]) {
        let mut filter = filter(name, &params);
        let mut times: Vec<Duration> = (0..31)
            .map(|_| {
                let mut slot = outputs.acquire().unwrap();
                filter.run(&frame, Arc::get_mut(&mut slot).unwrap(), &layout).unwrap()
            })
            .collect();
        times.sort_unstable();
        println!("{name} {params}: least {:.2?}, median {:.2?}", times[0], times[15]);
        assert!(times[0] < Duration::from_millis(500), "{name} {params}: {:?}", times[0]);
    }
}
