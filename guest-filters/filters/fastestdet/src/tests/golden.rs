//! Raw outputs of the shared media against the boxes that the reference decoded from them.

use edgevision_sdk::testing::golden::Golden;

use super::module;

const MEDIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/media");

fn agrees_with_the_reference(model: &str) {
    let Some(golden) = Golden::open(model, MEDIA) else { return };
    golden.holds(&mut module("{}", &golden.context(80, 0.4)).unwrap(), (768, 576));
}

#[test]
fn float() {
    agrees_with_the_reference("fastestdet_352");
}

#[test]
fn quantised() {
    agrees_with_the_reference("fastestdet_352_int8");
}
