//! Every operation on values that came from bytes; what they return does not matter, only that they do.

use crate::objects::{BfvObjects, CkksObjects};
use slotwise::encoding::{BfvPlaintext, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{CkksEvaluator, Evaluator};
use slotwise::keys::{PublicKey, SecretKey};
use slotwise::prelude::*;
use std::sync::Arc;

/// The trait's operations, and its circuits.
fn evaluate<E: Evaluator>(evaluator: &E, x: &E::Ciphertext, y: &E::Ciphertext, scalar: E::Scalar) {
    let _ = evaluator.add(x, y);
    let _ = evaluator.sub(y, x);
    let _ = evaluator.negate(x);
    let _ = evaluator.mul(x, y);
    let _ = evaluator.mul(y, x).and_then(|z| evaluator.mul(&z, x));
    let _ = evaluator.square(x);
    let _ = evaluator.add_scalar(x, scalar);
    let _ = evaluator.mul_scalar(x, scalar);
    let _ = evaluator.rotate_left(x, 3);
    let _ = evaluator.rotate_many(x, &[1, 2]);
    let _ = evaluator.conjugate(x);
    let _ = evaluator.power(x, 5);
    let _ = evaluator.inner_product(&[x, y], &[y, x]);
    let raw = evaluator.mul_raw(x, y).and_then(|z| evaluator.add(&z, x));
    let _ = raw.and_then(|z| evaluator.relinearize(&z));
    let _ = evaluator.drop_to_level(x, 0);
    for plain in [
        evaluator
            .factor_position(x)
            .and_then(|position| evaluator.encode_factor(&[scalar], position)),
        evaluator
            .term_position(x)
            .and_then(|position| evaluator.encode_term(&[scalar], position)),
    ]
    .into_iter()
    .flatten()
    {
        let _ = evaluator.add_plain(x, &plain);
        let _ = evaluator.plain_sub(&plain, x);
        let _ = evaluator.mul_plain(x, &plain);
    }
}

pub fn ckks_ciphertext(objects: &CkksObjects, x: &CkksCiphertext) {
    let evaluator = &objects.evaluator;
    for y in [&objects.seeded, &objects.computed, &objects.raw_product, x] {
        evaluate(evaluator, x, y, 0.5);
        let _ = evaluator.mul_raw(x, y);
        let _ = evaluator.mul_rescale(x, y);
    }
    let moved = evaluator
        .rotate_extended(x, &[1, 0])
        .and_then(|both| evaluator.add_extended(&both[0], &both[1]))
        .and_then(|sum| evaluator.rotate_extended_left(&sum, 1));
    let _ = moved.and_then(|moved| evaluator.divide(&moved));
    if let Ok(small) = evaluator.compact(x) {
        let _ = evaluator.add(&small, x);
        let _ = Decryptor::new(&objects.secret).decrypt(&small);
    }
    let _ = evaluator.relinearize(x);
    let _ = evaluator.rescale_if_needed(x);
    all_levels(evaluator, x);
    let _ = evaluator.mul_scalar(x, f64::MAX);
    let _ = evaluator.add_scalar(x, f64::MIN_POSITIVE);
    let _ = (
        x.noise_bound(),
        x.precision_bits(),
        x.levels_left(),
        x.is_transparent(),
    );
    for bound in [1e-300, 1.0, 1e300] {
        let _ = x.clone().assume_message_bound(bound);
    }
    let decryptor = Decryptor::new(&objects.secret);
    if let Ok(plaintext) = decryptor.decrypt(x) {
        ckks_plaintext(objects, &plaintext);
    }
    let _ = decryptor.measured_precision_bits(x, &[]);
    assert_eq!(x.to_bytes().len() as u64, x.byte_length());
}

/// What takes a level, at each.
fn all_levels(evaluator: &CkksEvaluator, x: &CkksCiphertext) {
    let mut rescaled = x.clone();
    while let Ok(lower) = evaluator.rescale(&rescaled) {
        let _ = evaluator.add(&lower, x);
        rescaled = lower;
    }
    for level in 0..=x.level() + 1 {
        let _ = evaluator.adjust_to_level(x, level);
        let _ = evaluator.drop_to_level(x, level);
    }
}

pub fn ckks_plaintext(objects: &CkksObjects, plaintext: &CkksPlaintext) {
    let encoder = objects.evaluator.encoder();
    let _ = encoder.decode(plaintext);
    let _ = encoder.decode_sparse(plaintext, 2);
    let _ = encoder.decode_coefficients(plaintext);
    for x in [&objects.seeded, &objects.computed] {
        let _ = objects.evaluator.add_plain(x, plaintext);
        let _ = objects.evaluator.sub_plain(x, plaintext);
        let _ = objects.evaluator.mul_plain(x, plaintext);
        if let Ok(extended) = objects.evaluator.extend(x) {
            let _ = objects.evaluator.mul_plain_extended(&extended, plaintext);
        }
    }
    let encryptor = Encryptor::with_secret_key(Arc::clone(&objects.secret));
    let _ = encryptor.encrypt(plaintext, &mut crate::objects::rng(9));
    let _ = plaintext.to_bytes();
}

pub fn bfv_ciphertext(objects: &BfvObjects, x: &BfvCiphertext) {
    let evaluator = &objects.evaluator;
    for y in [&objects.seeded, &objects.computed, &objects.raw_product, x] {
        evaluate(evaluator, x, y, 3);
        let _ = evaluator.mul_raw(x, y);
    }
    let moved = evaluator
        .rotate_extended(x, &[1, 0])
        .and_then(|both| evaluator.add_extended(&both[0], &both[1]))
        .and_then(|sum| evaluator.rotate_extended_left(&sum, 1));
    let _ = moved.and_then(|moved| evaluator.divide(&moved));
    if let Ok(small) = evaluator.compact(x) {
        let _ = evaluator.add(&small, x);
        let _ = Decryptor::new(&objects.secret).decrypt(&small);
    }
    let _ = evaluator.relinearize(x);
    let _ = evaluator.mul_scalar(x, i64::MIN);
    for level in 0..=x.level() + 1 {
        let _ = evaluator.switch_to_level(x, level);
    }
    let _ = (
        x.noise_bound(),
        x.noise_budget(),
        x.levels_left(),
        x.is_transparent(),
    );
    let decryptor = Decryptor::new(&objects.secret);
    if let Ok(plaintext) = decryptor.decrypt(x) {
        bfv_plaintext(objects, &plaintext);
    }
    let _ = decryptor.measured_noise_budget(x);
    assert_eq!(x.to_bytes().len() as u64, x.byte_length());
}

pub fn bfv_plaintext(objects: &BfvObjects, plaintext: &BfvPlaintext) {
    let encoder = objects.evaluator.encoder();
    let _ = encoder.decode(plaintext);
    let _ = encoder.decode_coefficients(plaintext);
    let _ = objects.evaluator.add_plain(&objects.seeded, plaintext);
    let _ = objects.evaluator.mul_plain(&objects.seeded, plaintext);
    if let Ok(extended) = objects.evaluator.extend(&objects.seeded) {
        let _ = objects.evaluator.mul_plain_extended(&extended, plaintext);
    }
    let encryptor = Encryptor::with_secret_key(Arc::clone(&objects.secret));
    let _ = encryptor.encrypt(plaintext, &mut crate::objects::rng(9));
    let _ = plaintext.to_bytes();
}

pub fn public_key(objects: &CkksObjects, key: PublicKey) {
    let encryptor = Encryptor::with_public_key(Arc::new(key));
    let _ = encryptor.encrypt(&objects.plaintext, &mut crate::objects::rng(9));
}

pub fn secret_key(objects: &CkksObjects, secret: &Arc<SecretKey>) {
    let _ = Decryptor::new(secret).decrypt(&objects.seeded);
    let encryptor = Encryptor::with_secret_key(Arc::clone(secret));
    let _ = encryptor.encrypt(&objects.plaintext, &mut crate::objects::rng(9));
}

/// A vector that may be of another key than the server's.
pub fn vector<S: slotwise::api::Scheme>(
    client: &ClientKey<S>,
    server: &ServerKey<S>,
    x: slotwise::EncryptedVector<S>,
    scalar: S::Scalar,
) {
    let _ = client.decrypt(&x);
    let _ = x.to_bytes();
    let _ = (
        x.level(),
        x.levels_left(),
        x.noise_bound(),
        x.is_transparent(),
    );
    let _ = (x.rotations_for_sum(), x.rotations_for_step(3));
    let Ok(x) = server.attach(x) else {
        return;
    };
    for y in [
        x.negate(),
        x.square(),
        x.rotate_left(1),
        x.sum(),
        x.power(3),
    ]
    .into_iter()
    .flatten()
    {
        let _ = x.add(&y);
        let _ = x.mul(&y);
        let _ = y.sub(&x);
        let _ = client.decrypt(&y);
    }
    let _ = x.compact();
    let _ = x.dot(&x);
    let _ = x.dot_plain(&[scalar; 3]);
    let _ = x.add_plain(&[scalar; 3]);
    let _ = x.mul_plain(&[scalar]);
    let _ = x.add_scalar(scalar);
    let _ = x.polyval(&[scalar; 4]);
}
