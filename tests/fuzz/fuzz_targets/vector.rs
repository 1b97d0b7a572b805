#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::prelude::*;
use slotwise_fuzz::{BFV, CKKS, same, with_variants};

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        same::<CkksVector>(bytes, &CKKS.context);
        same::<BfvVector>(bytes, &BFV.context);
    });
});
