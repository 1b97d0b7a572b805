#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise_fuzz::{BFV, CKKS, exercise, same, with_variants};

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        if let Some(plaintext) = same(bytes, &CKKS.context) {
            exercise::ckks_plaintext(&CKKS, &plaintext);
        }
        if let Some(plaintext) = same(bytes, &BFV.context) {
            exercise::bfv_plaintext(&BFV, &plaintext);
        }
    });
});
