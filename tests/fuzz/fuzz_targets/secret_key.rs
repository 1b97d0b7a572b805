#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::keys::SecretKey;
use slotwise_fuzz::{CKKS, SHARED, as_shared, exercise, with_variants};

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        if let Ok(secret) = SecretKey::from_secret_bytes(bytes, CKKS.context.rlwe()) {
            assert_eq!(*secret.expose_secret_bytes(), bytes);
            exercise::secret_key(&CKKS, &secret);
        }
    });
    let shared = as_shared(input);
    if let Ok(secret) = SecretKey::from_secret_bytes(&shared, SHARED.context.rlwe()) {
        assert_eq!(*secret.expose_secret_bytes(), shared);
        exercise::ckks_secret(&SHARED.context, &secret);
    }
});
