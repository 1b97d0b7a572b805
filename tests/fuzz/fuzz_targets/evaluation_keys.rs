#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::evaluator::CkksEvaluator;
use slotwise::keys::{EvaluationKeys, GaloisKey, RelinearizationKey};
use slotwise_fuzz::{CKKS, same, with_variants};
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        let rlwe = CKKS.context.rlwe();
        same::<RelinearizationKey>(bytes, rlwe);
        same::<GaloisKey>(bytes, rlwe);
        let Some(keys) = same::<EvaluationKeys>(bytes, rlwe) else {
            return;
        };
        let Ok(evaluator) = CkksEvaluator::with_keys(&CKKS.context, Arc::new(keys)) else {
            return;
        };
        for step in 0..8 {
            let _ = evaluator.rotate_left(&CKKS.seeded, step);
        }
        let _ = evaluator.conjugate(&CKKS.seeded);
        let _ = evaluator.mul_rescale(&CKKS.seeded, &CKKS.computed);
    });
});
