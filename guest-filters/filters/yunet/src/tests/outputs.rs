use edgevision_sdk::{
    Findings, Geometry,
    testing::{FixedModel, find, whole},
};

use super::{context, module, shapes};

type Outputs = Vec<(String, Vec<u32>, Vec<f32>)>;

fn empty() -> Outputs {
    let zeros = |shape: &[u32]| vec![0.0; shape.iter().map(|&d| d as usize).product()];
    shapes().into_iter().map(|(name, shape)| (name, shape.clone(), zeros(&shape))).collect()
}

/// A face in one cell: class and objectness, box, points.
fn set(
    outputs: &mut Outputs,
    stride: u32,
    cell: usize,
    scores: [f32; 2],
    bounds: [f32; 4],
    points: [f32; 10],
) {
    let mut put = |kind: &str, values: &[f32]| {
        let name = format!("{kind}_{stride}");
        let (_, _, room) = outputs.iter_mut().find(|(known, ..)| *known == name).unwrap();
        room[cell * values.len()..][..values.len()].copy_from_slice(values);
    };
    put("cls", &scores[..1]);
    put("obj", &scores[1..]);
    put("bbox", &bounds);
    put("kps", &points);
}

fn found(json: &str, outputs: Outputs, geometry: Geometry, frame: (u32, u32)) -> Result<Findings, String> {
    let shapes: Vec<_> = outputs.iter().map(|(name, shape, _)| (name.clone(), shape.clone())).collect();
    let mut yunet = module(json, &context(&shapes)).unwrap();
    let model = FixedModel(outputs.into_iter().map(|(_, shape, values)| (shape, values)).collect());
    find(&mut yunet, model, geometry, frame)
}

const POINTS: [f32; 10] = [0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0];

/// Cell (2, 1) of stride 8 is number 6; cell (1, 1) of stride 16 is number 3.
fn two_faces() -> Outputs {
    let mut outputs = empty();
    set(&mut outputs, 8, 6, [0.8, 0.5], [0.5, 0.25, 0.0, 0.5_f32.ln()], POINTS);
    set(&mut outputs, 16, 3, [0.9, 0.9], [0.5, 0.5, -1.0, -1.0], POINTS.map(|v| -v));
    outputs
}

#[test]
fn a_face_is_a_cell_of_its_grid() {
    let found = found("{}", two_faces(), whole(32, 32), (32, 32)).unwrap();
    let [first, second] = found.detections() else { panic!("{found:?}") };
    assert!((first.score - 0.81).abs() < 1e-6 && (second.score - 0.4).abs() < 1e-6);
    assert_eq!([second.x0, second.y0, second.x1, second.y1], [16.0, 8.0, 24.0, 12.0]);
    let half = 8.0 * (-1_f32).exp();
    assert!((first.x0 - (24.0 - half)).abs() < 1e-4 && (first.y1 - (24.0 + half)).abs() < 1e-4);
    let points = |detection| found.landmarks_of(detection).iter().map(|p| (p.x, p.y)).collect::<Vec<_>>();
    assert_eq!(points(0), [(16.0, 16.0), (0.0, 16.0), (8.0, 8.0), (16.0, 0.0), (0.0, 0.0)]);
    assert_eq!(points(1), [(16.0, 8.0), (24.0, 8.0), (20.0, 12.0), (16.0, 16.0), (24.0, 16.0)]);
    assert!(found.landmarks_of(0)[0].confidence.is_nan(), "the model tells none");
}

#[test]
fn the_order_of_the_outputs_is_of_no_meaning() {
    let straight = found("{}", two_faces(), whole(32, 32), (32, 32)).unwrap();
    let mut mixed = two_faces();
    mixed.reverse();
    mixed.swap(1, 5);
    let mixed = found("{}", mixed, whole(32, 32), (32, 32)).unwrap();
    assert_eq!(mixed.detections(), straight.detections());
    assert_eq!(mixed.landmarks_of(1)[3].x, straight.landmarks_of(1)[3].x);
}

#[test]
fn points_are_mapped_back_like_boxes() {
    let geometry = Geometry { scale_x: 0.5, scale_y: 0.25, offset_x: 4.0, offset_y: 8.0, ..whole(32, 32) };
    let found = found("{}", two_faces(), geometry, (64, 128)).unwrap();
    let second = &found.landmarks_of(1)[2];
    assert_eq!((second.x, second.y), ((20.0 - 4.0) / 0.5, (12.0 - 8.0) / 0.25));
}

#[test]
fn points_that_are_no_numbers_cost_the_points_only() {
    let mut outputs = two_faces();
    let mut points = POINTS;
    points[7] = f32::NAN;
    set(&mut outputs, 8, 6, [0.8, 0.5], [0.5, 0.25, 0.0, 0.0], points);
    set(&mut outputs, 8, 0, [f32::NAN, 0.9], [0.0; 4], POINTS);
    set(&mut outputs, 8, 1, [0.9, 0.9], [0.0, f32::NAN, 0.0, 0.0], POINTS);
    let found = found("{}", outputs, whole(32, 32), (32, 32)).unwrap();
    assert_eq!(found.detections().len(), 2);
    assert_eq!((found.landmarks_of(0).len(), found.landmarks_of(1).len()), (5, 0));
}

#[test]
fn parameters_choose_score_and_points() {
    let rooted = found(r#"{"score":"root"}"#, two_faces(), whole(32, 32), (32, 32)).unwrap();
    assert!((rooted.detections()[0].score - 0.9).abs() < 1e-6);
    let boxes = found(r#"{"landmarks":false}"#, two_faces(), whole(32, 32), (32, 32)).unwrap();
    assert_eq!((boxes.detections().len(), boxes.landmarks_of(0).len()), (2, 0));
    let sure = found(r#"{"score_threshold":0.5}"#, two_faces(), whole(32, 32), (32, 32)).unwrap();
    assert_eq!(sure.detections().len(), 1);
}

#[test]
fn a_grid_that_does_not_fit_is_an_error_of_the_frame() {
    let error = found("{}", two_faces(), whole(64, 32), (64, 32)).unwrap_err();
    assert_eq!(error, "the model's output is [1, 16, 1], the grid over its input has 32 numbers");
}
