#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::encryption::{BfvCiphertext, CkksCiphertext};
use slotwise_fuzz::{BFV, CKKS, SHARED, as_shared, same, with_variants};

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        same::<CkksCiphertext>(bytes, &CKKS.context);
        same::<BfvCiphertext>(bytes, &BFV.context);
    });
    same::<CkksCiphertext>(&as_shared(input), &SHARED.context);
});
