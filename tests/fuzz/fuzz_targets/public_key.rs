#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise_fuzz::{CKKS, exercise, same, with_variants};

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        if let Some(key) = same(bytes, CKKS.context.rlwe()) {
            exercise::public_key(&CKKS, key);
        }
    });
});
