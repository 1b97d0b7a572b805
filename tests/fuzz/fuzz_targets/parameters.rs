#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::prelude::*;

fuzz_target!(|input: &[u8]| {
    slotwise_fuzz::with_variants(input, |bytes| {
        let _ = CkksParams::from_bytes(bytes);
        let _ = BfvParams::from_bytes(bytes);
        if let Ok(params) = CkksParams::insecure_from_bytes(bytes) {
            assert_eq!(params.to_bytes(), bytes);
            if params.rlwe().degree() <= 64 {
                let _ = CkksContext::new(params);
            }
        }
        if let Ok(params) = BfvParams::insecure_from_bytes(bytes) {
            assert_eq!(params.to_bytes(), bytes);
            if params.rlwe().degree() <= 64 {
                let _ = BfvContext::new(params);
            }
        }
    });
});
