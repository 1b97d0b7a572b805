//! slotwise alone at one set: the half of a comparison that runs in a process of its own.

use crate::clock::{Operation, Times, time_all};
use crate::sets::{PLAINTEXT_MODULUS, Scheme, Set};
use slotwise::encryption::{Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::keys::{KeyGenerator, Rotations};
use std::hint::black_box;
use std::sync::Arc;

/// The median times of the set's operations.
pub(crate) fn time_set(set: &Set) -> slotwise::Result<Times> {
    match set.scheme {
        Scheme::Ckks => ckks(set),
        Scheme::Bfv => bfv(set),
    }
}

/// Runs an operation and drops its result, which must be there.
fn once<T>(result: slotwise::Result<T>) {
    drop(black_box(result.expect("valid operands")));
}

/// An operation from a closure with a result.
fn operation<'a, T>(
    name: &'static str,
    mut run: impl FnMut() -> slotwise::Result<T> + 'a,
) -> Operation<'a> {
    (name, Box::new(move || once(run())))
}

fn ckks(set: &Set) -> slotwise::Result<Times> {
    let context = set.ckks()?;
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    let keys = Arc::new(generator.evaluation_keys(&Rotations::steps(&[1]), &mut rng)?);
    let evaluator = CkksEvaluator::with_keys(&context, keys)?;
    let encoder = evaluator.encoder();
    let public = Encryptor::with_public_key(Arc::new(generator.public_key(&mut rng).unwrap()));
    let symmetric = Encryptor::with_secret_key(Arc::clone(&secret));
    let decryptor = Decryptor::new(&secret);

    let top = context.top_level();
    let values: Vec<f64> = (0..context.slots()).map(|i| (i as f64).sin()).collect();
    let plaintext = encoder.encode(&values, top)?;
    let x = symmetric.encrypt(&plaintext, &mut rng)?;
    let y = public.encrypt(&plaintext, &mut rng)?;
    let product = evaluator.mul(&x, &y)?;
    let last = evaluator.drop_to_level(&x, 0)?;
    let decrypted = decryptor.decrypt(&last)?;
    let (mut rng_public, mut rng_secret) = (rand::rng(), rand::rng());
    Ok(time_all(vec![
        operation("encode", || encoder.encode(black_box(&values), top)),
        operation("decode", || encoder.decode(black_box(&decrypted))),
        operation("encrypt, public key", || {
            public.encrypt(&plaintext, &mut rng_public)
        }),
        operation("encrypt, secret key", || {
            symmetric.encrypt(&plaintext, &mut rng_secret)
        }),
        operation("decrypt", || decryptor.decrypt(black_box(&last))),
        operation("add", || evaluator.add(black_box(&x), &y)),
        operation("multiply + relinearize + rescale", || {
            evaluator.mul_rescale(black_box(&x), &y)
        }),
        operation("rescale", || evaluator.rescale(black_box(&product))),
        operation("rotate by 1", || evaluator.rotate_left(black_box(&x), 1)),
        operation("relinearization key", || {
            generator.relinearization_key(&mut rng)
        }),
    ]))
}

fn bfv(set: &Set) -> slotwise::Result<Times> {
    let context = set.bfv()?;
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    let keys = Arc::new(generator.evaluation_keys(&Rotations::steps(&[1]), &mut rng)?);
    let evaluator = BfvEvaluator::with_keys(&context, keys)?;
    let encoder = evaluator.encoder();
    let public = Encryptor::with_public_key(Arc::new(generator.public_key(&mut rng).unwrap()));
    let symmetric = Encryptor::with_secret_key(Arc::clone(&secret));
    let decryptor = Decryptor::new(&secret);

    let values: Vec<u64> = (0..context.slots() as u64)
        .map(|i| i * i % PLAINTEXT_MODULUS)
        .collect();
    let plaintext = encoder.encode_u64(&values)?;
    let x = symmetric.encrypt(&plaintext, &mut rng)?;
    let y = public.encrypt(&plaintext, &mut rng)?;
    let decrypted = decryptor.decrypt(&x)?;
    let (mut rng_public, mut rng_secret) = (rand::rng(), rand::rng());
    Ok(time_all(vec![
        operation("encode", || encoder.encode_u64(black_box(&values))),
        operation("decode", || encoder.decode_u64(black_box(&decrypted))),
        operation("encrypt, public key", || {
            public.encrypt(&plaintext, &mut rng_public)
        }),
        operation("encrypt, secret key", || {
            symmetric.encrypt(&plaintext, &mut rng_secret)
        }),
        operation("decrypt", || decryptor.decrypt(black_box(&x))),
        operation("add", || evaluator.add(black_box(&x), &y)),
        operation("multiply by plaintext", || {
            evaluator.mul_plain(black_box(&x), &plaintext)
        }),
        operation("multiply + relinearize", || {
            evaluator.mul(black_box(&x), &y)
        }),
        operation("rotate by 1", || {
            evaluator.rotate_left(black_box(&x), 1)
        }),
        operation("relinearization key", || {
            generator.relinearization_key(&mut rng)
        }),
    ]))
}
