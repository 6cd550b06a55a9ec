//! Raw outputs of the shared media against the faces and points that the reference decoded from them.

use edgevision_sdk::testing::golden::Golden;

use super::module;

const MEDIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/media");

#[test]
fn yunet_finds_the_faces_and_their_points() {
    let Some(golden) = Golden::open("face_yunet_n_320", MEDIA) else { return };
    golden.holds(&mut module("{}", &golden.context(1, 0.4)).unwrap(), (512, 355));
}
