//! A cache file: magic, SHA-256 over key and code, code. Pure.

use sha2::{Digest, Sha256};

use super::Key;

const MAGIC: &[u8; 16] = b"edgevision code1";

/// The bytes of the file for this code.
pub(super) fn pack(key: &Key, code: &[u8]) -> Vec<u8> {
    [&MAGIC[..], &digest(key, code)[..], code].concat()
}

/// The code of a file, if it is whole and belongs to this key.
pub(super) fn unpack<'a>(key: &Key, file: &'a [u8]) -> Option<&'a [u8]> {
    let (found, code) = file.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    (*found == digest(key, code)).then_some(code)
}

fn digest(key: &Key, code: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(key).chain_update(code).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_file_under_its_own_key_is_accepted() {
        let key = [7; 32];
        let file = pack(&key, b"code");
        assert_eq!(unpack(&key, &file), Some(&b"code"[..]));
        assert_eq!(unpack(&[8; 32], &file), None);
        for cut in 0..file.len() {
            assert_eq!(unpack(&key, &file[..cut]), None, "{cut} bytes");
        }
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 1;
            assert_eq!(unpack(&key, &other), None, "byte {at} changed");
        }
    }
}
