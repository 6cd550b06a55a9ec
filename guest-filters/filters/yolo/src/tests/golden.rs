//! Raw outputs of the shared media against the boxes that the reference decoded from them.

use edgevision_sdk::testing::golden::Golden;

use super::module;

const MEDIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/media");

fn agrees_with_the_reference(model: &str) {
    let Some(golden) = Golden::open(model, MEDIA) else { return };
    golden.holds(&mut module("{}", &golden.context(80, 0.25)).unwrap(), (768, 576));
}

#[test]
fn yolox_nano() {
    agrees_with_the_reference("yolox_nano_416");
}

#[test]
fn yolox_nano_in_the_layout_of_yolov8() {
    agrees_with_the_reference("yolox_nano_416_v8layout");
}
