//! Whatever passes validation never makes a later operation panic.

use crate::exercise;
use crate::objects::{BfvObjects, CkksObjects, bfv_context, rng};
use crate::reseal::reseal;
use rand::Rng;
use slotwise::encoding::{BfvPlaintext, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext};
use slotwise::keys::{EvaluationKeys, GaloisKey, PublicKey, RelinearizationKey, SecretKey};
use slotwise::params::{Scale, ScalePlan, SecretDistribution};
use slotwise::prelude::*;

/// Calls `read` with changed bytes that have the right checksums; tells how many of them were accepted.
fn mutated(bytes: &[u8], fields: usize, read: impl Fn(&[u8]) -> bool) -> usize {
    let mut rng = rng(77);
    let mut accepted = 0;
    for round in 0..600 {
        let mut changed = bytes.to_vec();
        for _ in 0..=round % 3 {
            // Mostly the fields before the residues.
            let span = if !rng.next_u32().is_multiple_of(4) {
                fields
            } else {
                bytes.len() - 68
            };
            let at = 68 + rng.next_u32() as usize % span;
            changed[at] = match rng.next_u32() % 4 {
                0 => 0,
                1 => 0xff,
                2 => changed[at] ^ 1 << (rng.next_u32() % 8),
                _ => rng.next_u32().to_le_bytes()[0],
            };
        }
        accepted += usize::from(read(&reseal(&changed, None)));
    }
    accepted
}

#[test]
fn ckks_values_that_parse_can_be_used() {
    let objects = CkksObjects::new(16, 1);
    for ciphertext in [&objects.seeded, &objects.computed, &objects.raw_product] {
        let accepted = mutated(&ciphertext.to_bytes(), 47, |bytes| {
            let read = CkksCiphertext::from_bytes(bytes, &objects.context);
            read.is_ok_and(|x| {
                exercise::ckks_ciphertext(&objects, &x);
                true
            })
        });
        assert!(accepted > 50, "{accepted}");
    }
    let accepted = mutated(&objects.plaintext.to_bytes(), 42, |bytes| {
        let read = CkksPlaintext::from_bytes(bytes, &objects.context);
        read.is_ok_and(|x| {
            exercise::ckks_plaintext(&objects, &x);
            true
        })
    });
    assert!(accepted > 50, "{accepted}");
}

#[test]
fn bfv_values_that_parse_can_be_used() {
    let objects = BfvObjects::new(16, 1);
    for ciphertext in [&objects.seeded, &objects.computed, &objects.raw_product] {
        let accepted = mutated(&ciphertext.to_bytes(), 19, |bytes| {
            let read = BfvCiphertext::from_bytes(bytes, &objects.context);
            read.is_ok_and(|x| {
                exercise::bfv_ciphertext(&objects, &x);
                true
            })
        });
        assert!(accepted > 50, "{accepted}");
    }
    let bytes = objects.plaintext.to_bytes();
    let accepted = mutated(&bytes, bytes.len() - 72, |bytes| {
        let read = BfvPlaintext::from_bytes(bytes, &objects.context);
        read.is_ok_and(|x| {
            exercise::bfv_plaintext(&objects, &x);
            true
        })
    });
    assert!(accepted > 50, "{accepted}");
}

#[test]
fn vectors_that_parse_can_be_used() {
    let context = crate::objects::ckks_context(16);
    let client = context.generate_client_key().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let vector = client.encrypt([1.0; 11]).unwrap();
    let accepted = mutated(&vector.to_bytes(), 9 + 68 + 47, |bytes| {
        let read = CkksVector::from_bytes(bytes, &context);
        read.is_ok_and(|x| {
            exercise::vector(&client, &server, x, 0.5);
            true
        })
    });
    assert!(accepted > 20, "{accepted}");
}

#[test]
fn keys_that_parse_can_be_used() {
    let objects = CkksObjects::new(16, 1);
    let rlwe = objects.context.rlwe();
    mutated(&objects.public.to_bytes(), 32, |bytes| {
        let read = PublicKey::from_bytes(bytes, rlwe);
        read.is_ok_and(|key| {
            exercise::public_key(&objects, key);
            true
        })
    });
    let bytes = objects.secret.expose_secret_bytes();
    mutated(&bytes, 8, |bytes| {
        let read = SecretKey::from_secret_bytes(bytes, rlwe);
        read.is_ok_and(|key| {
            exercise::secret_key(&objects, &key);
            true
        })
    });
    let key = objects.keys.relinearization().unwrap().to_bytes();
    let accepted = mutated(&key, 21, |bytes| {
        let read = RelinearizationKey::from_bytes(bytes, rlwe);
        read.is_ok_and(|key| {
            exercise::evaluation_key(&objects, key);
            true
        })
    });
    assert!(accepted > 20, "{accepted}");
    let galois = objects.keys.galois().iter().next().unwrap().to_bytes();
    let accepted = mutated(&galois, 12, |bytes| {
        let read = GaloisKey::from_bytes(bytes, rlwe);
        read.is_ok_and(|key| {
            exercise::evaluation_key(&objects, key);
            true
        })
    });
    assert!(accepted > 20, "{accepted}");
    mutated(&objects.keys.to_bytes(), 7 + 5 * 4, |bytes| {
        let read = EvaluationKeys::from_bytes(bytes, rlwe);
        read.is_ok_and(|keys| {
            exercise::evaluation_keys(&objects, keys);
            true
        })
    });
}

#[test]
fn contexts_of_any_parameters_can_be_used() {
    let builder = || {
        CkksContext::builder()
            .degree(16)
            .insecure_skip_security_check()
    };
    let scales = [28u32, 30, 33].map(Scale::power_of_two).to_vec();
    for context in [
        builder().prime_bits(&[50, 30, 30, 50]).scale_bits(30),
        builder()
            .prime_bits(&[50, 30, 30])
            .special_primes(0)
            .scales(ScalePlan::Explicit(scales)),
        builder()
            .prime_bits(&[25, 26, 27, 28, 50, 51])
            .special_primes(2)
            .primes_per_level(&[2, 2])
            .scale_bits(40)
            .secret(SecretDistribution::TernarySum { contributors: 3 }),
    ] {
        exercise::ckks_context(&context.build().unwrap());
    }
    exercise::bfv_context(&bfv_context(16));
}
