#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::keys::{EvaluationKeys, GaloisKey, RelinearizationKey, SwitchingKey};
use slotwise_fuzz::{CKKS, exercise, same, with_variants};

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        let rlwe = CKKS.context.rlwe();
        if let Some(key) = same::<RelinearizationKey>(bytes, rlwe) {
            exercise::evaluation_key(&CKKS, key);
        }
        if let Some(key) = same::<GaloisKey>(bytes, rlwe) {
            exercise::evaluation_key(&CKKS, key);
        }
        if let Some(key) = same::<SwitchingKey>(bytes, rlwe) {
            exercise::evaluation_key(&CKKS, key);
        }
        if let Some(keys) = same::<EvaluationKeys>(bytes, rlwe) {
            exercise::evaluation_keys(&CKKS, keys);
        }
    });
});
