//! Forecasts against encrypted runs, and plans that are built as they say.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::Result;
use slotwise::encryption::{Decryptor, Encryptor};
use slotwise::evaluator::{CkksEvaluator, Evaluator, Forecast, WeightedRotations};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::CkksContext;
use std::sync::Arc;

/// A context for tests: levels of one prime or two.
fn context(special: usize, paired: bool) -> CkksContext {
    let data = if paired {
        vec![48, 21, 20, 21, 20, 21, 20]
    } else {
        vec![50, 40, 40, 40, 40]
    };
    let sizes: &[usize] = if paired { &[1, 2, 2, 2] } else { &[1; 5] };
    let bits = [data, vec![45; special]].concat();
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&bits)
        .special_primes(special)
        .primes_per_level(sizes)
        .scale_bits(40);
    builder.insecure_skip_security_check().build().unwrap()
}

/// The operation of that number on values of `stack`, with operands drawn from `rng`.
fn operation<E: Evaluator<Scalar = f64>>(
    evaluator: &E,
    stack: &[E::Ciphertext],
    rng: &mut ChaCha20Rng,
) -> Result<Vec<E::Ciphertext>> {
    let number = rng.random_range(0..24);
    let mut pick = || &stack[rng.random_range(0..stack.len())];
    let (a, b, c) = (pick(), pick(), pick());
    let step = rng.random_range(-40..40);
    let level = rng.random_range(0..5);
    let scalar = [2.0, -1.5, 0.0, 0.125, -3.0][rng.random_range(0..5)];
    let values: Vec<f64> = (0..rng.random_range(1..32))
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    let one = |result: Result<E::Ciphertext>| result.map(|value| vec![value]);
    match number {
        0 => one(evaluator.add(a, b)),
        1 => one(evaluator.sub(a, b)),
        2 => one(evaluator.mul(a, b)),
        3 => one(evaluator.square(a)),
        4 => one(evaluator.mul_settled(a, b)),
        5 => one(evaluator.mul_raw(a, b)),
        6 => one(evaluator
            .relinearize(&evaluator.add(&evaluator.mul_raw(a, b)?, &evaluator.mul_raw(b, c)?)?)),
        7 => one(evaluator.inner_product(&[a, b], &[b, c])),
        8 => one(evaluator.add_many(&[a, b, c])),
        9 => one(evaluator.rotate_left(a, step)),
        10 => evaluator.rotate_many(a, &[1, step, 0, 5]),
        11 => one(evaluator.conjugate(a)),
        12 => one(evaluator.negate(a)),
        13 => one(evaluator.settle(a).map(std::borrow::Cow::into_owned)),
        14 => one(evaluator.drop_to_level(a, level)),
        15 => one(evaluator.compact(a)),
        16 => one(evaluator.add_scalar(a, scalar)),
        17 => one(evaluator.mul_scalar(a, scalar)),
        18 => {
            let term = evaluator.encode_term(&values, evaluator.term_position(a)?)?;
            one(evaluator.sub_plain(&evaluator.add_plain(a, &term)?, &term))
        }
        19 => {
            let factor = evaluator.encode_factor(&values, evaluator.factor_position(a)?)?;
            one(evaluator.mul_plain(b, &factor))
        }
        20 => {
            let mut sum = WeightedRotations::new(2, &[0, 1, -2], &[0, 3]);
            let position = evaluator.factor_position(a)?;
            for place in [(0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 0)] {
                sum.set(place, evaluator.encode_factor(&values, position)?)?;
            }
            one(evaluator.weighted_rotations(&[a, b], &sum))
        }
        21 => one(evaluator.power(a, 5)),
        22 => one(evaluator.assume_message_bound(a.clone(), 0.75)),
        _ => {
            evaluator.check_depth(a, "this", level)?;
            evaluator.check_rotations(&Rotations::steps(&[1, step]), "that")?;
            Ok(vec![])
        }
    }
}

/// Random operations on encrypted values and on their forecasts.
fn compare(seed: u64, context: &CkksContext, rotations: &Rotations) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret)
        .evaluation_keys(rotations, &mut rng)
        .unwrap();
    let evaluator = CkksEvaluator::with_keys(context, Arc::new(keys)).unwrap();
    let public = KeyGenerator::new(&secret).public_key(&mut rng).unwrap();
    let encryptors = [
        Encryptor::with_secret_key(Arc::clone(&secret)),
        Encryptor::with_public_key(Arc::new(public)),
    ];
    let forecast = Forecast::with_keys(context, rotations).with_values();
    let top = context.top_level();
    let values: Vec<Vec<f64>> = (0..4)
        .map(|_| (0..32).map(|_| rng.random_range(-1.0..1.0)).collect())
        .collect();
    let mut encrypted = Vec::new();
    let mut foreseen = Vec::new();
    for (values, level) in values.iter().zip([top, top, top - 1, 1]) {
        let plaintext = evaluator.encoder().encode(values, level).unwrap();
        encrypted.push(encryptors[0].encrypt(&plaintext, &mut rng).unwrap());
        foreseen.push(forecast.encrypt(values, level).unwrap());
        let plaintext = evaluator.encoder().encode(&[values[0]], level).unwrap();
        encrypted.push(encryptors[1].encrypt(&plaintext, &mut rng).unwrap());
        foreseen.push(forecast.encrypt_publicly(values[0], level).unwrap());
    }
    let decryptor = Decryptor::new(&secret);
    for number in 0..40 {
        let operands = rng.next_u64();
        let draw = || ChaCha20Rng::seed_from_u64(operands);
        let real = operation(&evaluator, &encrypted, &mut draw());
        let dry = operation(&forecast, &foreseen, &mut draw());
        let (real, dry) = match (real, dry) {
            (Ok(real), Ok(dry)) => (real, dry),
            (Err(real), Err(dry)) => {
                assert_eq!(real, dry, "operation {number} of seed {seed}");
                continue;
            }
            (real, dry) => panic!("operation {number} of seed {seed}: {real:?} and {dry:?}"),
        };
        assert_eq!(real.len(), dry.len());
        for (real, dry) in real.into_iter().zip(dry) {
            assert_eq!(
                real.state(),
                dry.state(),
                "operation {number} of seed {seed}"
            );
            assert_eq!(real.noise_bound(), dry.noise_bound());
            if let (Some(values), Ok(plaintext)) = (dry.values(), decryptor.decrypt(&real)) {
                let found = evaluator.encoder().decode(&plaintext).unwrap();
                let error = found
                    .iter()
                    .zip(values)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f64::max);
                // Values that depend on one another have errors that do.
                let typical = 16.0 * dry.typical_error() + 1e-13;
                assert!(
                    error <= typical,
                    "operation {number} of seed {seed}: {error:e}"
                );
            }
            encrypted.push(real);
            foreseen.push(dry);
        }
    }
}

#[test]
fn forecasts_have_the_states_and_errors_of_encrypted_runs() {
    for seed in 0..24 {
        let context = context(1 + seed as usize % 3, seed % 4 == 3);
        let rotations = if seed % 2 == 0 {
            Rotations::steps(&[1, -2, 3, 5]).and_conjugation()
        } else {
            Rotations::powers_of_two()
        };
        compare(seed, &context, &rotations);
    }
}
