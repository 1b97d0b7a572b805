//! Rotations: around a vector's own length, whatever it is; their keys, and what they cost.
//!
//! `cargo run --release --example rotations`

use num_complex::Complex64;
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::CkksEvaluator;
use slotwise::keys::{KeyGenerator, SecretKey};
use slotwise::prelude::*;
use slotwise::{Error, KeyError, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How far the vectors are rotated: less than their lengths.
const STEP: usize = 3;

/// A length that divides the slots, one that does not, and, by name, those longer than a ciphertext's slots.
const SHORT_LENGTHS: [usize; 2] = [8, 5];

/// Upper bound on the test values.
const LARGEST: f64 = 1.0;

/// Neighbours that a moving average joins.
const WINDOW: usize = 16;

/// The repetitions of which the fastest is printed.
const REPETITIONS: usize = 5;

/// The largest error of a value that the parts without a tracked bound accept.
const TOLERANCE: f64 = 1e-4;

fn main() -> Result<()> {
    let context = CkksContext::for_depth(1).build()?;
    let client = context.generate_client_key()?;
    real_vectors_of_any_length(&client)?;
    integer_vectors_of_any_length()?;
    keys_for_chosen_steps(&client)?;
    missing_keys(&client)?;
    sums(&client)?;
    many_rotations_at_once(&context)?;
    conjugation(&context)
}

/// CKKS: a length that is a power of two rotates for free; any other takes masks, hence a level.
fn real_vectors_of_any_length(client: &ClientKey<Ckks>) -> Result<()> {
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let slots = client.context().slots();
    println!("real numbers, {slots} slots in a ciphertext");
    println!("  length  ciphertexts  levels  precision    time");
    for length in SHORT_LENGTHS.into_iter().chain([slots, slots + 1]) {
        let values = fractions(length);
        let x = server.attach(client.encrypt(&values)?)?;
        let started = Instant::now();
        let left = x.rotate_left(STEP as i64)?;
        let elapsed = started.elapsed();
        println!(
            "  {length:>6} {:>12} {:>7} {:>10.1} {:>7}",
            x.ciphertexts().len(),
            x.levels_left() - left.levels_left(),
            left.precision_bits(),
            milliseconds(elapsed)
        );
        let expected = rotated_left(&values, STEP);
        assert_close(&client.decrypt(&left)?, &expected, left.noise_bound());
        let right = x.rotate_right(STEP as i64)?; // the direction is in the name
        let expected = rotated_left(&values, length - STEP);
        assert_close(&client.decrypt(&right)?, &expected, right.noise_bound());
    }
    Ok(())
}

/// BFV: slots lie in two rows, and a vector longer than a row or than all slots still rotates around its own length. Masks
/// take noise budget.
fn integer_vectors_of_any_length() -> Result<()> {
    let context = BfvContext::for_depth(1).plaintext_bits(20).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let slots = context.slots();
    println!("\nintegers, {slots} slots in a ciphertext");
    println!("  length  ciphertexts  bits of budget taken    time");
    let row = slots / 2;
    for length in SHORT_LENGTHS
        .into_iter()
        .chain([row, row + 1, slots, slots + 1])
    {
        let values: Vec<i64> = (0..).take(length).collect();
        let x = server.attach(client.encrypt(&values)?)?;
        let started = Instant::now();
        let left = x.rotate_left(STEP as i64)?;
        let elapsed = started.elapsed();
        println!(
            "  {length:>6} {:>12} {:>21.1} {:>7}",
            x.ciphertexts().len(),
            x.noise_budget() - left.noise_budget(),
            milliseconds(elapsed)
        );
        assert_eq!(client.decrypt(&left)?, rotated_left(&values, STEP));
        let right = x.rotate_right(STEP as i64)?;
        assert_eq!(
            client.decrypt(&right)?,
            rotated_left(&values, length - STEP)
        );
    }
    Ok(())
}

/// Each step has its key. Keys for the powers of two reach every step; those for chosen steps are fewer and faster, and reach
/// what at most log2(N) of them compose to.
fn keys_for_chosen_steps(client: &ClientKey<Ckks>) -> Result<()> {
    let values = fractions(client.context().slots());
    let encrypted = client.encrypt(&values)?;
    let far = values.len() / 3; // binary digits 1010...: a long way by powers of two
    let choices = [
        ("powers of two", Rotations::powers_of_two()),
        ("1 and 4", Rotations::steps(&[1, 4])),
        (
            "the vector's own choice",
            encrypted.rotations_for_step(far as i64),
        ),
    ];
    println!("\nkeys, and the time of a rotation by {far}");
    for (name, rotations) in choices {
        let server = client.generate_server_key(&rotations)?;
        let x = server.attach(&encrypted)?;
        let started = Instant::now();
        let outcome = x.rotate_left(far as i64);
        let time = milliseconds(started.elapsed());
        print!("  {name:<24} {:>9} bytes, ", server.size_in_bytes());
        match outcome {
            Ok(rotated) => {
                println!("{time}");
                assert_eq!(rotated.levels_left(), x.levels_left());
                let expected = rotated_left(&values, far);
                assert_close(&client.decrypt(&rotated)?, &expected, rotated.noise_bound());
            }
            Err(error) => {
                println!("{error}");
                assert_eq!(
                    error,
                    Error::Keys(KeyError::MissingRotationKey { step: far as i64 })
                );
            }
        }
    }
    Ok(())
}

/// A missing key is an error that names it; the client can add it to those that the server has.
fn missing_keys(client: &ClientKey<Ckks>) -> Result<()> {
    let values = fractions(SHORT_LENGTHS[0]);
    let server = client.generate_server_key(&Rotations::steps(&[4]))?;
    let x = server.attach(client.encrypt(&values)?)?;
    let refused = x.rotate_left(1);
    println!("\nwith a key for 4");
    if let Err(error) = &refused {
        println!("  by 1: {error}");
    }
    assert_eq!(
        refused.err(),
        Some(Error::Keys(KeyError::MissingRotationKey { step: 1 }))
    );

    let server = client.extend_server_key(&server, &Rotations::steps(&[1]))?;
    println!("  with one for 1 added: {} bytes", server.size_in_bytes());
    let x = server.attach(x)?;
    for step in [1, 4, 6] {
        let rotated = x.rotate_left(step as i64)?; // by 6: composed of 4, 1 and 1
        let expected = rotated_left(&values, step);
        assert_close(&client.decrypt(&rotated)?, &expected, rotated.noise_bound());
    }
    println!("  by 6: composed of 4, 1 and 1");
    Ok(())
}

/// A sum takes a rotation for each doubling, and no level.
fn sums(client: &ClientKey<Ckks>) -> Result<()> {
    println!("\nsums");
    let slots = client.context().slots();
    for length in SHORT_LENGTHS.into_iter().chain([slots, slots + 1]) {
        let values = fractions(length);
        let encrypted = client.encrypt(&values)?;
        let server = client.generate_server_key(&encrypted.rotations_for_sum())?;
        let x = server.attach(encrypted)?;
        let sum = x.sum()?;
        let decrypted = client.decrypt(&sum)?;
        println!(
            "  of {length:>4} values: {:>8.3}, with {:>8} bytes of keys",
            decrypted[0],
            server.size_in_bytes()
        );
        assert_close(&decrypted, &[values.iter().sum()], sum.noise_bound());
        assert_eq!(sum.levels_left(), x.levels_left());
    }
    Ok(())
}

/// The floor below, for circuits on single ciphertexts: many rotations of one ciphertext share the work that depends on it
/// alone ("hoisting"). A moving average takes them all.
fn many_rotations_at_once(context: &CkksContext) -> Result<()> {
    let steps: Vec<i64> = (1..).take(WINDOW - 1).collect();
    let lab = Laboratory::new(context, &Rotations::steps(&steps))?;
    let evaluator = &lab.evaluator;
    let values = fractions(context.slots());
    let x = lab.encrypt(&complex(&values))?;

    let (hoisted, together) = fastest(|| evaluator.rotate_many(&x, &steps))?;
    let (single, one_by_one) = fastest(|| {
        let rotations = steps.iter().map(|&step| evaluator.rotate_left(&x, step));
        rotations.collect::<Result<Vec<_>>>()
    })?;
    println!(
        "\n{} rotations of one ciphertext: {} hoisted, {} one by one",
        steps.len(),
        milliseconds(together),
        milliseconds(one_by_one)
    );
    for rotations in [hoisted, single] {
        let sum = evaluator.add(&x, &evaluator.add_many(&rotations)?)?;
        let average = evaluator.mul_scalar(&sum, 1.0 / WINDOW as f64)?;
        let averaged: Vec<f64> = lab.decrypt(&average)?.iter().map(|slot| slot.re).collect();
        assert_close(&averaged, &moving_average(&values), TOLERANCE);
    }
    Ok(())
}

/// CKKS slots are complex; the conjugation is one more automorphism with a key of its own.
fn conjugation(context: &CkksContext) -> Result<()> {
    let lab = Laboratory::new(context, &Rotations::none().and_conjugation())?;
    let values = [Complex64::new(0.5, 0.25), Complex64::new(-0.75, 1.0)];
    let conjugated = lab.evaluator.conjugate(&lab.encrypt(&values)?)?;
    let decrypted = lab.decrypt(&conjugated)?;
    println!();
    for (value, result) in values.iter().zip(&decrypted) {
        println!("the conjugate of {value} is {result:.3}");
        assert!((value.conj() - result).norm() < TOLERANCE);
    }
    Ok(())
}

/// All parts of the scheme in one hand, from the floors below the vectors.
struct Laboratory {
    secret: Arc<SecretKey>,
    evaluator: CkksEvaluator,
}

impl Laboratory {
    fn new(context: &CkksContext, rotations: &Rotations) -> Result<Self> {
        let mut rng = rand::rng();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let keys = KeyGenerator::new(&secret).evaluation_keys(rotations, &mut rng)?;
        let evaluator = CkksEvaluator::with_keys(context, Arc::new(keys))?;
        Ok(Self { secret, evaluator })
    }

    fn encrypt(&self, slots: &[Complex64]) -> Result<CkksCiphertext> {
        let context = self.evaluator.context();
        let level = context.top_level();
        let encoder = self.evaluator.encoder();
        let plaintext = encoder.encode_complex(slots, level, context.scale(level)?)?;
        Encryptor::with_secret_key(Arc::clone(&self.secret)).encrypt(&plaintext, &mut rand::rng())
    }

    fn decrypt(&self, ciphertext: &CkksCiphertext) -> Result<Vec<Complex64>> {
        let plaintext = Decryptor::new(&self.secret).decrypt(ciphertext)?;
        self.evaluator.encoder().decode_complex(&plaintext)
    }
}

/// Different numbers from 0 to the largest.
fn fractions(length: usize) -> Vec<f64> {
    (0..length)
        .map(|index| LARGEST * index as f64 / length as f64)
        .collect()
}

fn complex(values: &[f64]) -> Vec<Complex64> {
    values.iter().copied().map(Complex64::from).collect()
}

/// What a rotation must give.
fn rotated_left<T: Copy>(values: &[T], step: usize) -> Vec<T> {
    let around = values.iter().cycle().skip(step);
    around.take(values.len()).copied().collect()
}

/// Each value's average with those that follow it, around the end.
fn moving_average(values: &[f64]) -> Vec<f64> {
    let around = |index: usize| values.iter().cycle().skip(index).take(WINDOW);
    (0..values.len())
        .map(|index| around(index).sum::<f64>() / WINDOW as f64)
        .collect()
}

/// The result and the shortest time of several runs.
fn fastest<T>(work: impl Fn() -> Result<T>) -> Result<(T, Duration)> {
    let timed = || {
        let started = Instant::now();
        Ok((work()?, started.elapsed()))
    };
    (1..REPETITIONS).try_fold(timed()?, |best, _| {
        let next = timed()?;
        Ok(if next.1 < best.1 { next } else { best })
    })
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn assert_close(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    let pairs = values.iter().zip(expected);
    let error = pairs.map(|(value, expected)| (value - expected).abs());
    let largest = error.fold(0.0, f64::max);
    assert!(
        largest <= tolerance,
        "off by {largest:e}, more than {tolerance:e}"
    );
}
