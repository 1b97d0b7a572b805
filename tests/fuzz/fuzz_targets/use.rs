#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::prelude::*;
use slotwise_fuzz::{BFV, CKKS, SHARED, as_shared, exercise, same, with_variants};
use std::sync::{Arc, LazyLock};

fuzz_target!(|input: &[u8]| {
    with_variants(input, |bytes| {
        if let Some(x) = same(bytes, &CKKS.context) {
            exercise::ckks_ciphertext(&CKKS, &x);
        }
        if let Some(x) = same(bytes, &BFV.context) {
            exercise::bfv_ciphertext(&BFV, &x);
        }
        if let Some(x) = same(bytes, &CKKS.context) {
            let (client, server) = &*CKKS_PAIR;
            exercise::vector(client, server, x, 0.5);
        }
        if let Some(x) = same(bytes, &BFV.context) {
            let (client, server) = &*BFV_PAIR;
            exercise::vector(client, server, x, 3);
        }
    });
    if let Some(x) = same(&as_shared(input), &SHARED.context) {
        exercise::ckks_ciphertext(&SHARED, &x);
    }
});

static CKKS_PAIR: LazyLock<(ClientKey<Ckks>, ServerKey<Ckks>)> = LazyLock::new(|| {
    let secret = CKKS.secret.expose_secret_bytes();
    let client = ClientKey::from_secret_bytes(&secret, &CKKS.context).expect("its own bytes");
    let server = ServerKey::new(&CKKS.context, Arc::clone(&CKKS.keys)).expect("its own keys");
    (client, server)
});

static BFV_PAIR: LazyLock<(ClientKey<Bfv>, ServerKey<Bfv>)> = LazyLock::new(|| {
    let secret = BFV.secret.expose_secret_bytes();
    let client = ClientKey::from_secret_bytes(&secret, &BFV.context).expect("its own bytes");
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .expect("fresh keys");
    (client, server)
});
