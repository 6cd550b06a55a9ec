//! Raw outputs of the shared media against the boxes that the reference decoded from them.

use edgevision_sdk::testing::golden::Golden;

use super::module;

const MEDIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/media");

#[test]
fn faces() {
    let Some(golden) = Golden::open("face_rfb_320", MEDIA) else { return };
    golden.holds(&mut module(r#"{"nms_iou":0.3}"#, &golden.context(1, 0.5)).unwrap(), (512, 355));
}
