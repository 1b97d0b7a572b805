#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::params::RlweParams;
use slotwise::prelude::*;
use slotwise_fuzz::{exercise, with_own_fingerprint, with_variants};

fuzz_target!(|input: &[u8]| {
    with_variants(input, parse);
    if let Some(bytes) = with_own_fingerprint(input) {
        parse(&bytes);
    }
});

fn parse(bytes: &[u8]) {
    let _ = CkksParams::from_bytes(bytes);
    let _ = BfvParams::from_bytes(bytes);
    if let Ok(params) = CkksParams::insecure_from_bytes(bytes) {
        assert_eq!(params.to_bytes(), bytes);
        assert_eq!(with_own_fingerprint(bytes).as_deref(), Some(bytes));
        if is_small(params.rlwe())
            && let Ok(context) = CkksContext::new(params)
        {
            exercise::ckks_context(&context);
        }
    }
    if let Ok(params) = BfvParams::insecure_from_bytes(bytes) {
        assert_eq!(params.to_bytes(), bytes);
        assert_eq!(with_own_fingerprint(bytes).as_deref(), Some(bytes));
        if is_small(params.rlwe())
            && let Ok(context) = BfvContext::new(params)
        {
            exercise::bfv_context(&context);
        }
    }
}

/// Whether a context of these parameters is made, and used, in little time.
fn is_small(params: &RlweParams) -> bool {
    params.degree() <= 64 && params.data_primes().len() + params.special_primes().len() <= 10
}
