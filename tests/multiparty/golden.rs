//! Bytes of each kind of message, which later versions must give and read.

use crate::bad_input::SAMPLES;
use sha3::{Digest, Sha3_256};

#[test]
fn messages_have_the_bytes_of_version_2() {
    let hashes: Vec<String> = SAMPLES
        .bytes
        .iter()
        .map(|bytes| {
            Sha3_256::digest(bytes)[..4]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        })
        .collect();
    assert_eq!(hashes, EXPECTED);
}

const EXPECTED: [&str; 14] = [
    "b4f1620f", "c7b639d0", "a3c7d1dc", "674bde31", "69d047bf", "7db77823", "fcf64896", "748f0753",
    "e16c039b", "3ed825a0", "d7ca54bb", "d31916d3", "c5de3ca3", "fb5dbeda",
];
