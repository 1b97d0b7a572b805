//! Sums of what depends on each other: ciphertexts with themselves, with their rotations, with their products.

use crate::rings::{Bfv, Ckks};
use crate::trials;
use num_complex::Complex64;
use rand::RngExt;
use slotwise::Result;
use slotwise::encryption::{BfvCiphertext, CkksCiphertext};
use slotwise::evaluator::Evaluator;
use slotwise::params::{BfvContext, CkksContext};

/// Programs on one ciphertext, by their number: sums whose terms are anything but independent.
fn program<E: Evaluator>(
    e: &E,
    x: &E::Ciphertext,
    y: &E::Ciphertext,
    which: usize,
) -> Result<E::Ciphertext> {
    let rotations = |x: &E::Ciphertext, count: u32| {
        (0..count).try_fold(x.clone(), |sum, exponent| {
            e.add(&sum, &e.rotate_left(&sum, 1 << exponent)?)
        })
    };
    let doubled =
        |x: &E::Ciphertext, count| (0..count).try_fold(x.clone(), |sum, _| e.add(&sum, &sum));
    match which {
        0 => doubled(x, 6),
        1 => e.sub(&doubled(x, 3)?, x),
        2 => rotations(x, 5),
        3 => e.mul(&rotations(x, 5)?, y),
        4 => e.mul(&rotations(x, 3)?, &rotations(x, 3)?),
        5 => rotations(&e.mul(x, y)?, 5),
        6 => e.add(&e.mul(x, y)?, &e.mul(y, x)?),
        7 => e.sub(&e.mul(x, x)?, &e.mul(x, y)?),
        8 => e.add(&e.conjugate(x)?, &e.rotate_left(&e.conjugate(x)?, 1)?),
        9 => e.mul(
            &e.sub(x, &e.rotate_left(x, 1)?)?,
            &e.add(x, &e.rotate_left(x, 1)?)?,
        ),
        10 => e.mul(&e.mul(x, x)?, x),
        _ => e.mul(&rotations(&e.mul(&rotations(x, 5)?, y)?, 5)?, x),
    }
}

const PROGRAMS: usize = 12;

#[test]
fn dependent_sums_of_integers() -> Result<()> {
    for (degree, keys) in [(64, trials(60)), (1024, trials(3))] {
        let context = BfvContext::builder()
            .degree(degree)
            .prime_bits(&[50; 7])
            .special_primes(2)
            .plaintext_modulus(65_537)
            .insecure_skip_security_check()
            .build()?;
        for seed in 0..keys as u64 {
            let mut ring = Bfv::new(&context, seed);
            let clear = slotwise::evaluator::ClearIntegers::new(degree, 65_537)?;
            let mut slots = || -> Vec<i64> {
                (0..degree)
                    .map(|_| ring.rng.random_range(-32_768..=32_768))
                    .collect()
            };
            let (x, y) = (slots(), slots());
            for which in 0..PROGRAMS {
                let mut encrypt = |slots: &[i64]| -> Result<BfvCiphertext> {
                    let plaintext = ring.encoder.encode(slots)?;
                    let encryptor = [&ring.keys.public, &ring.keys.secret][which % 2];
                    encryptor.encrypt(&plaintext, &mut ring.rng)
                };
                let (a, b) = (encrypt(&x)?, encrypt(&y)?);
                let found = program(&ring.evaluator, &a, &b, which)?;
                let want = ring.encoder.encode(&program(&clear, &x, &y, which)?)?;
                let want = ring.encoder.decode_coefficients_u64(&want)?;
                assert!(ring.decrypt(&found).unwrap() == want, "program {which}");
                ring.use_up(&found, &want);
            }
        }
    }
    Ok(())
}

#[test]
fn dependent_sums_of_reals() -> Result<()> {
    for (degree, keys) in [(64, trials(100)), (1024, trials(5))] {
        let context = CkksContext::builder()
            .degree(degree)
            .prime_bits(&[60, 45, 45, 45, 45, 60])
            .scale_bits(45)
            .insecure_skip_security_check()
            .build()?;
        for seed in 0..keys as u64 {
            let mut ring = Ckks::new(&context, seed);
            let clear = slotwise::evaluator::ClearReals::new(degree / 2);
            let mut slots = || -> Vec<f64> {
                (0..degree / 2)
                    .map(|_| if ring.rng.random() { 1.0 } else { -1.0 })
                    .collect()
            };
            let (x, y) = (slots(), slots());
            for which in 0..PROGRAMS {
                let mut encrypt = |slots: &[f64]| -> Result<CkksCiphertext> {
                    let encoder = ring.evaluator.encoder();
                    let plaintext = encoder.encode(slots, context.top_level())?;
                    let encryptor = [&ring.keys.public, &ring.keys.secret][which % 2];
                    encryptor.encrypt(&plaintext, &mut ring.rng)
                };
                let (a, b) = (encrypt(&x)?, encrypt(&y)?);
                let found = program(&ring.evaluator, &a, &b, which)?;
                let want = program(&clear, &x, &y, which)?;
                let want = |j: usize| Complex64::new(want[j], 0.0);
                ring.check(&format!("program {which}"), &found, want)
                    .unwrap();
            }
        }
    }
    Ok(())
}

/// A raw product has three roundings when it is rescaled, one of them times the square of the secret.
#[test]
fn raw_products_rescaled() -> Result<()> {
    for (degree, keys) in [(64, trials(300)), (1024, trials(30))] {
        let context = CkksContext::builder()
            .degree(degree)
            .prime_bits(&[60, 40, 40, 60])
            .scale_bits(40)
            .insecure_skip_security_check()
            .build()?;
        for seed in 0..keys as u64 {
            let mut ring = Ckks::new(&context, seed);
            let slots = vec![Complex64::new(0.001, 0.0); degree / 2];
            let x = ring.encrypt(&slots, 2, context.scale(2)?);
            let raw = ring.evaluator.mul_raw(&x, &x)?;
            let rescaled = ring.evaluator.rescale(&raw)?;
            ring.check("raw, rescaled", &rescaled, |j| slots[j] * slots[j])
                .unwrap();
        }
    }
    Ok(())
}
