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
    "b4f1620f", "dfffd18b", "3644055e", "209be3f4", "dc6764fd", "15197198", "51c64fab", "a93a8e96",
    "3fe528a5", "790831d1", "44540069", "d8562228", "e530aeb5", "363c98f7",
];
