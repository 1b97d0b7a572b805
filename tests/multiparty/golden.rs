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
    "b4f1620f", "dfffd18b", "020aed87", "1a8307c6", "86294959", "466b03ae", "b9019cd7", "f61da531",
    "e9df4d6a", "d5a7089b", "73a454b5", "bcd75e20", "5fff6518", "21a2bb8a",
];
