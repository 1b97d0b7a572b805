//! slotwise's operations at one set: the half of a comparison that runs in a process of its own.

use crate::clock::{Operation, Times, time_all};
use crate::comparison::Measured;
use crate::floor::{self, Floor, Switches};
use crate::sets::{PLAINTEXT_MODULUS, Scheme, Set};
use slotwise::encryption::{Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::keys::{KeyGenerator, Rotations};
use std::hint::black_box;
use std::sync::Arc;

/// The rotations of the hoisted row.
const STEPS: [i64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// The median times of the set's operations, and the floors of those that switch keys.
pub(crate) fn time_set(set: &Set) -> slotwise::Result<Measured> {
    let times = match set.scheme {
        Scheme::Ckks => ckks(set)?,
        Scheme::Bfv => bfv(set)?,
    };
    let (floors, bandwidth) = floors(set)?;
    Ok(Measured {
        times,
        floors,
        bandwidth,
    })
}

/// The floors of the operations that switch keys, in microseconds, and the bytes that a core reads in a second. A BFV product has no floor
/// here: besides its key switch it has transforms of its own, and how many depends on the method.
pub(crate) fn floors(set: &Set) -> slotwise::Result<(Times, f64)> {
    let (context, products) = match set.scheme {
        Scheme::Ckks => (Arc::clone(set.ckks()?.rlwe()), true),
        Scheme::Bfv => (Arc::clone(set.bfv()?.rlwe()), false),
    };
    let bandwidth = floor::bandwidth(1 << 28);
    let floor = Floor::new(&context, bandwidth, 200);
    let mut floors = Times::new();
    let mut row = |name: &str, switches| {
        floors.push((name.to_owned(), floor.of(switches).seconds * 1e6));
    };
    row("rotate by 1", Switches::ROTATION);
    row("8 rotations, hoisted", Switches::rotations(STEPS.len()));
    if products {
        row("multiply + relinearize + rescale", Switches::PRODUCT);
    }
    Ok((floors, bandwidth))
}

/// Runs an operation and drops its result, which must be there.
fn once<T>(result: slotwise::Result<T>) {
    drop(black_box(result.expect("valid operands")));
}

/// An operation from a closure with a result.
pub(crate) fn operation<'a, T>(
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
    let keys = Arc::new(generator.evaluation_keys(&Rotations::steps(STEPS), &mut rng)?);
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
    let mut operations = vec![
        operation("encode", || encoder.encode(black_box(&values), top)),
        operation("decode", || encoder.decode(black_box(&decrypted))),
        operation("encrypt, public key", || {
            public.encrypt(&plaintext, &mut rng_public)
        }),
        operation("encrypt, secret key", || {
            symmetric.encrypt(&plaintext, &mut rng_secret)
        }),
        operation("decrypt", || decryptor.decrypt(black_box(&last))),
        operation("decrypt + decode", || {
            encoder.decode(&decryptor.decrypt(black_box(&last))?)
        }),
        operation("add", || evaluator.add(black_box(&x), &y)),
        operation("multiply by plaintext", || {
            evaluator.mul_plain(black_box(&x), &plaintext)
        }),
        operation("multiply + relinearize + rescale", || {
            evaluator.mul_rescale(black_box(&x), &y)
        }),
        operation("rescale", || evaluator.rescale(black_box(&product))),
        operation("rotate by 1", || evaluator.rotate_left(black_box(&x), 1)),
    ];
    operations.push(if set.special.len() == 1 {
        operation("relinearization key", || {
            generator.relinearization_key(&mut rng)
        })
    } else {
        operation("8 rotations, hoisted", || {
            evaluator.rotate_many(black_box(&x), &STEPS)
        })
    });
    Ok(time_all(operations))
}

fn bfv(set: &Set) -> slotwise::Result<Times> {
    let context = set.bfv()?;
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    let keys = Arc::new(generator.evaluation_keys(&Rotations::steps([1]), &mut rng)?);
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
        operation("rotate by 1", || evaluator.rotate_left(black_box(&x), 1)),
        operation("relinearization key", || {
            generator.relinearization_key(&mut rng)
        }),
    ]))
}
