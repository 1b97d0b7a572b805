//! Rotations: around the vector's own length, whatever it is; their keys, and what they cost.
//!
//! `cargo run --release --example rotations`

use slotwise::encryption::{Decryptor, Encryptor};
use slotwise::evaluator::CkksEvaluator;
use slotwise::keys::KeyGenerator;
use slotwise::prelude::*;
use slotwise::{Error, Result};
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<()> {
    let context = CkksContext::for_depth(1).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    println!(
        "{} slots, all powers of two: {} bytes of keys\n",
        context.slots(),
        server.size_in_bytes()
    );
    any_length(&client, &server, context.slots())?;
    chosen_keys(&client)?;
    integers_in_two_rows()?;
    hoisting(&context)
}

/// A length that is a power of two rotates for free; any other costs a mask, hence a level.
fn any_length(client: &ClientKey<Ckks>, server: &ServerKey<Ckks>, slots: usize) -> Result<()> {
    for length in [8, 5, slots + 3] {
        let values: Vec<f64> = (0..length).map(|i| i as f64 / length as f64).collect();
        let x = server.attach(client.encrypt(&values)?)?;
        let rotated = x.rotate_left(2)?;
        let mut expected = values.clone();
        expected.rotate_left(2);
        assert_close(&client.decrypt(&rotated)?, &expected, rotated.noise_bound());
        let back = x.rotate_right(length as i64 - 2)?; // the same rotation from the other side
        assert_close(&client.decrypt(&back)?, &expected, back.noise_bound());
        let levels = x.levels_left() - rotated.levels_left();
        println!(
            "length {length:>5}: {} ciphertext(s), rotation by 2 costs {levels} level(s)",
            x.ciphertexts().len()
        );
        let total: f64 = values.iter().sum();
        assert_close(&client.decrypt(&x.sum()?)?, &[total], 1e-2);
    }
    Ok(())
}

/// Keys for the steps that a program needs are smaller than keys for every step; what is missing can be added.
fn chosen_keys(client: &ClientKey<Ckks>) -> Result<()> {
    let server = client.generate_server_key(&Rotations::steps(&[1, 4]))?;
    println!("\nkeys for steps 1 and 4: {} bytes", server.size_in_bytes());
    let x = server.attach(client.encrypt(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])?)?;
    let six = x.rotate_left(6)?; // composed: 4 + 1 + 1
    assert_close(
        &client.decrypt(&six)?,
        &[7.0, 8.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        1e-4,
    );
    let few = client.generate_server_key(&Rotations::steps(&[4]))?;
    let error = few.attach(&x)?.rotate_left(1).expect_err("no key for 1");
    assert_eq!(error, Error::MissingRotationKey { step: 1 });
    println!("with a key for 4 only: {error}");
    let extended = client.extend_server_key(&few, &Rotations::steps(&[1]))?;
    assert_close(
        &client.decrypt(&extended.attach(&x)?.rotate_left(1)?)?[..1],
        &[2.0],
        1e-4,
    );
    Ok(())
}

/// BFV slots lie in two rows; a vector longer than a row still rotates around its own length.
fn integers_in_two_rows() -> Result<()> {
    let context = BfvContext::for_depth(1).plaintext_bits(20).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let values: Vec<i64> = (0..).take(context.slots() - 1).collect();
    let rotated = server.attach(client.encrypt(&values)?)?.rotate_right(1)?;
    assert_eq!(
        client.decrypt(&rotated)?[..3],
        [context.slots() as i64 - 2, 0, 1]
    );
    println!(
        "\n{} integers in two rows of slots rotated around their own length",
        values.len()
    );
    Ok(())
}

/// The floor below: many rotations of one ciphertext share the work that depends on it alone; and complex conjugation.
fn hoisting(context: &CkksContext) -> Result<()> {
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let steps: Vec<i64> = (1..=16).collect();
    let rotations = Rotations::steps(&steps).and_conjugation();
    let keys = KeyGenerator::new(&secret).evaluation_keys(&rotations, &mut rng)?;
    let evaluator = CkksEvaluator::with_keys(context, Arc::new(keys))?;
    let values: Vec<f64> = (0..context.slots()).map(|i| i as f64 / 1000.0).collect();
    let plaintext = evaluator.encoder().encode(&values, context.top_level())?;
    let x = Encryptor::with_secret_key(Arc::clone(&secret)).encrypt(&plaintext, &mut rng)?;

    let started = Instant::now();
    let hoisted = evaluator.rotate_many(&x, &steps)?;
    let together = started.elapsed();
    let started = Instant::now();
    let one_by_one: Vec<_> = steps
        .iter()
        .map(|&step| evaluator.rotate_left(&x, step))
        .collect::<Result<_>>()?;
    println!(
        "\n16 rotations: {together:.1?} hoisted, {:.1?} one by one",
        started.elapsed()
    );

    let decryptor = Decryptor::new(&secret);
    for (step, (a, b)) in steps.iter().zip(hoisted.iter().zip(&one_by_one)) {
        let first = |ciphertext| {
            Ok::<f64, Error>(
                evaluator
                    .encoder()
                    .decode(&decryptor.decrypt(ciphertext)?)?[0],
            )
        };
        assert!(
            (first(a)? - *step as f64 / 1000.0).abs() < 1e-4
                && (first(a)? - first(b)?).abs() < 1e-4
        );
    }
    let conjugate = evaluator
        .encoder()
        .decode(&decryptor.decrypt(&evaluator.conjugate(&x)?)?)?;
    assert_close(&conjugate, &values, 1e-4);
    Ok(())
}

fn assert_close(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    let close = values
        .iter()
        .zip(expected)
        .all(|(value, expected)| (value - expected).abs() <= tolerance);
    assert!(close, "off by more than {tolerance:e}");
}
