//! Every operation on values that came from bytes; what they return does not matter, only that they do.

use crate::objects::{BfvObjects, CkksObjects, rng};
use slotwise::encoding::{BfvEncoder, BfvPlaintext, CkksEncoder, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator, Evaluator};
use slotwise::keys::{EvaluationKey, EvaluationKeys, KeyGenerator, PublicKey, SecretKey};
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
    let _ = encryptor.encrypt(plaintext, &mut rng(9));
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
    let _ = encryptor.encrypt(plaintext, &mut rng(9));
    let _ = plaintext.to_bytes();
}

pub fn public_key(objects: &CkksObjects, key: PublicKey) {
    let encryptor = Encryptor::with_public_key(Arc::new(key));
    let _ = encryptor.encrypt(&objects.plaintext, &mut rng(9));
}

pub fn secret_key(objects: &CkksObjects, secret: &Arc<SecretKey>) {
    let _ = Decryptor::new(secret).decrypt(&objects.seeded);
    let encryptor = Encryptor::with_secret_key(Arc::clone(secret));
    let _ = encryptor.encrypt(&objects.plaintext, &mut rng(9));
    // From one secret key to the other and back.
    let _ = KeyGenerator::new(&objects.secret)
        .switching_key(secret, &mut rng(9))
        .map(|key| evaluation_key(objects, key));
    let _ = KeyGenerator::new(secret)
        .switching_key(&objects.secret, &mut rng(9))
        .map(|key| evaluation_key(objects, key));
}

/// A key alone in its set.
pub fn evaluation_key(objects: &CkksObjects, key: impl Into<EvaluationKey>) {
    let key = key.into();
    let id = key.switching_key().ends().from;
    let mut keys = EvaluationKeys::empty(objects.context.rlwe(), id);
    keys.insert(key).unwrap();
    evaluation_keys(objects, keys);
}

pub fn evaluation_keys(objects: &CkksObjects, keys: EvaluationKeys) {
    let keys = Arc::new(keys);
    let Ok(evaluator) = CkksEvaluator::with_keys(&objects.context, Arc::clone(&keys)) else {
        return;
    };
    for level in 0..=objects.context.top_level() {
        let Ok(x) = evaluator.drop_to_level(&objects.seeded, level) else {
            continue;
        };
        for step in 0..8 {
            let _ = evaluator.rotate_left(&x, step);
        }
        let _ = evaluator.rotate_many(&x, &[1, 2, -1]);
        let _ = evaluator.conjugate(&x);
        let _ = evaluator.mul_rescale(&x, &objects.computed);
        let _ = evaluator
            .mul_raw(&x, &x)
            .and_then(|product| evaluator.relinearize(&product));
        let moved = evaluator.rotate_extended(&x, &[1, 0]);
        let _ = moved.and_then(|moved| evaluator.divide(&moved[0]));
        for key in keys.switching_keys() {
            let _ = evaluator.switch_key(&x, key.ends().to);
        }
    }
    assert_eq!(keys.to_bytes().len() as u64, keys.byte_length());
}

/// Whatever the parameters are, with fresh keys.
pub fn ckks_context(context: &CkksContext) {
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng(9));
    let _ = SecretKey::from_secret_bytes(&secret.expose_secret_bytes(), context.rlwe());
    ckks_secret(context, &secret);
}

pub fn ckks_secret(context: &CkksContext, secret: &Arc<SecretKey>) {
    let evaluator = match few_keys(secret) {
        Some(keys) => CkksEvaluator::with_keys(context, keys).unwrap(),
        None => CkksEvaluator::new(context),
    };
    let encryptor = Encryptor::with_secret_key(Arc::clone(secret));
    let decryptor = Decryptor::new(secret);
    let encoder = CkksEncoder::new(context);
    for level in [0, context.top_level()] {
        let plaintext = encoder.encode(&[1.5, -2.0], level);
        let encrypted = plaintext.and_then(|plaintext| encryptor.encrypt(&plaintext, &mut rng(9)));
        let Ok(x) = encrypted else {
            continue;
        };
        evaluate(&evaluator, &x, &x, 0.5);
        all_levels(&evaluator, &x);
        let product = evaluator.mul_rescale(&x, &x);
        for x in product.into_iter().chain(evaluator.compact(&x)).chain([x]) {
            let decrypted = decryptor.decrypt(&x);
            let _ = decrypted.and_then(|plaintext| encoder.decode(&plaintext));
            let again = CkksCiphertext::from_bytes(&x.to_bytes(), context).unwrap();
            assert_eq!(again.to_bytes(), x.to_bytes());
        }
    }
}

/// Whatever the parameters are, with fresh keys.
pub fn bfv_context(context: &BfvContext) {
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng(9));
    let _ = SecretKey::from_secret_bytes(&secret.expose_secret_bytes(), context.rlwe());
    let evaluator = match few_keys(&secret) {
        Some(keys) => BfvEvaluator::with_keys(context, keys).unwrap(),
        None => BfvEvaluator::new(context),
    };
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    let decryptor = Decryptor::new(&secret);
    let encoder = BfvEncoder::new(context);
    let plaintext = encoder.encode_coefficients(&[1]);
    let encrypted = plaintext.and_then(|plaintext| encryptor.encrypt(&plaintext, &mut rng(9)));
    let Ok(x) = encrypted else {
        return;
    };
    evaluate(&evaluator, &x, &x, 3);
    let lower = (0..context.top_level()).flat_map(|level| evaluator.switch_to_level(&x, level));
    let product = evaluator.mul(&x, &x);
    let others = lower.chain(product).chain(evaluator.compact(&x));
    for x in others.chain([x.clone()]) {
        let decrypted = decryptor.decrypt(&x);
        let _ = decrypted.and_then(|plaintext| encoder.decode(&plaintext));
        let again = BfvCiphertext::from_bytes(&x.to_bytes(), context).unwrap();
        assert_eq!(again.to_bytes(), x.to_bytes());
    }
}

/// Keys for products and one rotation, if the parameters have keys.
fn few_keys(secret: &Arc<SecretKey>) -> Option<Arc<EvaluationKeys>> {
    let generator = KeyGenerator::new(secret);
    let keys = generator.evaluation_keys(&Rotations::steps(&[1]), &mut rng(9));
    let keys = keys.ok()?;
    let again = EvaluationKeys::from_bytes(&keys.to_bytes(), secret.context()).unwrap();
    assert_eq!(again.to_bytes(), keys.to_bytes());
    Some(Arc::new(again))
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
    let _ = (x.get(0), x.slice(1..), x.shift_left(1), x.running_sum());
    let _ = (x.sum_strided(1), x.sum_strided(3), x.replicate(0, 2));
    let _ = slotwise::EncryptedVector::<S>::concat(&[x.clone(), x.clone()]);
    let _ = x.compact();
    let _ = x.dot(&x);
    let _ = x.dot_plain(&[scalar; 3]);
    let _ = x.add_plain(&[scalar; 3]);
    let _ = x.mul_plain(&[scalar]);
    let _ = x.add_scalar(scalar);
    let _ = x.polyval(&[scalar; 4]);
}
